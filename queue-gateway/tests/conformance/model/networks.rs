//! What the model knows of client networks. Who is on the way from where follows from its slots.

use queue_gateway::engine::OUTCOMES_LAST;
use queue_gateway::line::ClientNetwork;

use super::{Model, Slot, micros};

#[derive(Debug, Default)]
pub(super) struct Networks(Vec<Window>);

#[derive(Clone, Debug)]
struct Window {
    network: ClientNetwork,
    since: i64,
    arrived: u64,
    missed: u64,
}

impl Networks {
    /// An admission from there, which begins the first window.
    pub(super) fn note(&mut self, network: ClientNetwork, now: i64) {
        self.window(network, now);
    }

    pub(super) fn arrived(&mut self, network: ClientNetwork, now: i64) {
        self.window(network, now).arrived += 1;
    }

    pub(super) fn missed(&mut self, network: ClientNetwork, now: i64) {
        self.window(network, now).missed += 1;
    }

    fn window(&mut self, network: ClientNetwork, now: i64) -> &mut Window {
        let known = self.0.iter().position(|window| window.network == network).unwrap_or_else(|| {
            self.0.push(Window { network, since: now, arrived: 0, missed: 0 });
            self.0.len() - 1
        });
        &mut self.0[known]
    }
}

/// Eight or more outcomes of which fewer than a quarter arrived; until two have, who is on the way has not.
fn do_not_arrive(arrived: u64, missed: u64, on_the_way: u64) -> bool {
    let judged = arrived + missed + if arrived < 2 { on_the_way } else { 0 };
    judged >= 8 && arrived * 4 < judged
}

impl Model {
    fn slots_from(&self, network: ClientNetwork) -> impl Iterator<Item = &Slot> {
        let slots = self.people.iter().filter_map(|person| person.slot.as_ref());
        slots.filter(move |slot| slot.network == Some(network) && slot.holder.is_none())
    }

    /// The outcomes that count now. A network that is not held back begins its next window with the trust of the last.
    fn outcomes(&self, window: &Window) -> (u64, u64, u64) {
        let on_the_way = self.slots_from(window.network).filter(|slot| slot.arrived.is_none()).count() as u64;
        let (arrived, missed) = (window.arrived, window.missed);
        if self.now - window.since < micros(OUTCOMES_LAST) {
            (arrived, missed, on_the_way)
        } else if do_not_arrive(arrived, missed, on_the_way) {
            (0, 0, on_the_way)
        } else {
            (arrived.min(2), 0, on_the_way)
        }
    }

    /// Whether somebody from there has to wait for a slot from there to end.
    pub(super) fn withholds(&self, network: Option<ClientNetwork>) -> bool {
        network.is_some_and(|network| self.is_held_back(network) && self.slots_from(network).next().is_some())
    }

    /// Whether those from there do not arrive.
    pub(super) fn is_held_back(&self, network: ClientNetwork) -> bool {
        let Some(window) = self.networks.0.iter().find(|window| window.network == network) else { return false };
        let (arrived, missed, on_the_way) = self.outcomes(window);
        do_not_arrive(arrived, missed, on_the_way)
    }

    /// Something is about to become of an admission from there: a window that is over gives way to the next.
    pub(super) fn renew(&mut self, network: ClientNetwork) {
        let now = self.now;
        let Some(known) = self.networks.0.iter().position(|window| window.network == network) else { return };
        if now - self.networks.0[known].since >= micros(OUTCOMES_LAST) {
            let (arrived, missed, _) = self.outcomes(&self.networks.0[known]);
            self.networks.0[known] = Window { network, since: now, arrived, missed };
        }
    }

    /// A sweep: networks that are held back begin their next window.
    pub(super) fn renew_networks(&mut self) {
        for window in self.networks.0.clone() {
            let on_the_way = self.slots_from(window.network).filter(|slot| slot.arrived.is_none()).count() as u64;
            if do_not_arrive(window.arrived, window.missed, on_the_way) {
                self.renew(window.network);
            }
        }
    }

    /// The networks that a reply names, ascending.
    pub(super) fn named(&self) -> Vec<ClientNetwork> {
        let mut named: Vec<ClientNetwork> = self.networks.0.iter().map(|window| window.network).collect();
        named.retain(|network| self.withholds(Some(*network)));
        named.sort_unstable();
        named
    }
}
