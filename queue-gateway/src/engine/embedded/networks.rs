//! What became of the admissions of each client network.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    engine::{MOST_NETWORKS, MOST_SWEPT, OUTCOMES_LAST},
    line::{ClientNetwork, MOST_HELD_BACK, Outcomes},
};

/// Networks with outcomes or slots on the way, bounded in number.
#[derive(Debug, Default)]
pub(super) struct Networks {
    known: BTreeMap<ClientNetwork, Window>,
    by_age: BTreeSet<(i64, ClientNetwork)>,
    /// By age too, so that the windows that are over are found without a look at the others.
    held_back: BTreeSet<(i64, ClientNetwork)>,
    /// Those of them that have an unclaimed slot.
    withheld: BTreeSet<ClientNetwork>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: i64,
    outcomes: Outcomes,
}

impl Networks {
    /// Changes the outcomes of a network in its present window.
    pub(super) fn note(&mut self, network: ClientNetwork, now: i64, change: impl FnOnce(&mut Outcomes)) {
        let mut window =
            self.known.get(&network).copied().unwrap_or(Window { since: now, outcomes: Outcomes::default() });
        self.forget(network);
        window.renew(now);
        change(&mut window.outcomes);
        self.by_age.insert((window.since, network));
        if window.outcomes.hold_back() {
            self.held_back.insert((window.since, network));
            if window.outcomes.unclaimed > 0 {
                self.withheld.insert(network);
            }
        }
        self.known.insert(network, window);
        if self.known.len() > MOST_NETWORKS
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, network: ClientNetwork) {
        if let Some(window) = self.known.remove(&network) {
            self.by_age.remove(&(window.since, network));
            self.held_back.remove(&(window.since, network));
            self.withheld.remove(&network);
        }
    }

    /// Whether a visitor from here must not be admitted at present.
    pub(super) fn withholds(&self, network: ClientNetwork, now: i64) -> bool {
        self.slots_if_held_back(network, now).is_some_and(|unclaimed| unclaimed > 0)
    }

    /// How many unclaimed slots a network has that is held to one; `None` for one that is not.
    pub(super) fn slots_if_held_back(&self, network: ClientNetwork, now: i64) -> Option<u64> {
        let mut window = self.known.get(&network).copied().filter(|window| window.outcomes.hold_back())?;
        window.renew(now);
        window.outcomes.hold_back().then_some(window.outcomes.unclaimed)
    }

    /// Ends the windows that are over of networks that are held back: some of them, where there are many.
    pub(super) fn renew_held_back(&mut self, now: i64) {
        let over = self.held_back.iter().take_while(|(since, _)| is_over(*since, now)).take(MOST_SWEPT);
        for network in over.map(|(_, network)| *network).collect::<Vec<_>>() {
            self.note(network, now, |_| {});
        }
    }

    /// How many networks are held back.
    pub(super) fn held_back(&self) -> usize {
        self.held_back.len()
    }

    /// Those of them that have a slot at present, and those that were `refused`: as many as a reply names.
    pub(super) fn named(&self, refused: impl Iterator<Item = ClientNetwork>) -> Vec<ClientNetwork> {
        let named: BTreeSet<ClientNetwork> =
            self.withheld.iter().take(MOST_HELD_BACK).copied().chain(refused).collect();
        named.into_iter().take(MOST_HELD_BACK).collect()
    }
}

impl Window {
    /// Begins the next window where this one is over; slots go on into it.
    fn renew(&mut self, now: i64) {
        if is_over(self.since, now) {
            *self = Self { since: now, outcomes: self.outcomes.renewed() };
        }
    }
}

/// Whether a window that began then has ended.
fn is_over(since: i64, now: i64) -> bool {
    now.saturating_sub(since) >= i64::try_from(OUTCOMES_LAST.as_micros()).unwrap_or(i64::MAX)
}
