//! What one visitor was told, and whether it ever went back.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    document::{Document, Estimate, State},
    presence::{Presence, Stretch},
    token,
};

/// So long after they came, visitors' positions and estimates must be right: "within seconds".
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(5);

/// Everything that a run remembers of one visitor's wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Diary {
    /// The order of the place; the lower goes first.
    pub(super) order: Option<i64>,
    /// When the visitor was there.
    pub(super) presence: Presence,
    /// The admissions; more than one where the visitor did not come to the site.
    pub(super) turns: Vec<Turn>,
    /// Positions farther back than the one before.
    pub(super) rises: u32,
    /// The worst of them: from and to.
    pub(super) worst_rise: Option<(u64, u64)>,
    /// How often somebody who was told that they are admitted was told that they wait.
    pub(super) regressions: u32,
    /// How often a stream that had said something ended, and another was opened.
    pub(super) reconnects: u32,
    /// Was told that the network is held back.
    pub(super) held_back: bool,
    /// What was shown some seconds after the visitor came, unless they were admitted by then.
    pub(super) settled: Option<Settled>,
    came_at: Option<Timestamp>,
    shown: Option<(u64, Option<Estimate>)>,
}

/// One admission.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// By the store's clock.
    pub(super) admitted_at: Timestamp,
    /// By ours.
    pub(super) told_at: Timestamp,
    /// The slot is kept so long without an arrival.
    pub(super) arrive_before: Option<Timestamp>,
    /// When the visitor came to the site.
    pub(super) arrived_at: Option<Timestamp>,
    /// Opens the shop.
    pub(super) token: String,
}

/// What a visitor was shown at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    /// When.
    pub(super) at: Timestamp,
    /// The position that was told.
    pub(super) position: u64,
    /// The estimate that was told with it.
    pub(super) wait: Option<Estimate>,
}

impl Diary {
    /// The last admission.
    pub(super) fn turn(&self) -> Option<&Turn> {
        self.turns.last()
    }

    /// From the first word of the gateway to the first admission.
    pub(super) fn wait(&self) -> Option<Duration> {
        Duration::try_from(self.turns.first()?.told_at.duration_since(self.came_at?)).ok()
    }

    /// When the visitor came to the line.
    pub(super) fn came_at(&self) -> Option<Timestamp> {
        self.came_at
    }

    /// The visitor has come to the site.
    pub(super) fn note_arrival(&mut self, now: Timestamp) {
        if let Some(turn) = self.turns.last_mut() {
            turn.arrived_at.get_or_insert(now);
        }
    }

    /// When the visitor first came to the site.
    pub(super) fn arrived_at(&self) -> Option<Timestamp> {
        self.turns.iter().find_map(|turn| turn.arrived_at)
    }

    /// Takes in what the gateway said at `now`.
    pub(super) fn note(&mut self, document: &Document, now: Timestamp) {
        self.came_at.get_or_insert(now);
        self.held_back |= document.is_held_back();
        self.settle(now);
        match &document.state {
            State::Waiting | State::Parked => {
                if document.is_held_back() {
                    self.presence.over();
                } else {
                    self.presence.seen(now);
                }
                // While the store is away the last known is shown and marked so: pages do not let it rise.
                if document.refreshing {
                    return;
                }
                self.regressions += u32::from(self.holds_slot(now));
                self.note_position(document);
            }
            State::Admitted(slot) => {
                let known = self.turns.last().is_some_and(|turn| turn.token == slot.token);
                if let Some(turn) = self.turns.last_mut().filter(|_| known) {
                    turn.arrive_before = slot.arrive_before.or(turn.arrive_before);
                } else if let Some(admitted_at) = token::admitted_at(&slot.token, slot.expires_at) {
                    self.presence.seen(now);
                    self.presence.admitted(admitted_at);
                    self.shown = None;
                    self.turns.push(Turn {
                        admitted_at,
                        told_at: now,
                        arrive_before: slot.arrive_before,
                        arrived_at: None,
                        token: slot.token.clone(),
                    });
                }
            }
            State::Left | State::Other(_) => self.presence.over(),
        }
    }

    /// The stretches of time that the visitor was there.
    pub(super) fn stretches(&self) -> &[Stretch] {
        self.presence.stretches()
    }

    /// Whether the last slot is still the visitor's by what they were told.
    fn holds_slot(&self, now: Timestamp) -> bool {
        self.turns
            .last()
            .is_some_and(|turn| turn.arrived_at.is_some() || turn.arrive_before.is_none_or(|before| now < before))
    }

    fn note_position(&mut self, document: &Document) {
        let Some(position) = document.position else { return };
        if let Some((before, _)) = self.shown
            && before < position
        {
            self.rises += 1;
            let worst = self.worst_rise.is_none_or(|(from, to)| position - before > to - from);
            self.worst_rise = if worst { Some((before, position)) } else { self.worst_rise };
        }
        self.shown = Some((position, document.wait));
    }

    /// Keeps what was shown when [`SETTLED_AFTER`] had passed; called before what is new is taken in.
    fn settle(&mut self, now: Timestamp) {
        let at = self.came_at.and_then(|came| came.checked_add(SETTLED_AFTER).ok());
        if let (None, Some(at), Some((position, wait))) = (self.settled, at, self.shown)
            && now >= at
            && self.turns.is_empty()
        {
            self.settled = Some(Settled { at, position, wait });
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn admitted(slot: i64) -> Document {
        let claims = format!(r#"{{"iat": {}, "exp": {}}}"#, at(slot).as_second(), at(slot + 600).as_second());
        Document::admitted(&format!("h.{}.s", BASE64_URL_SAFE_NO_PAD.encode(claims)), at(slot))
    }

    #[test]
    fn a_position_that_rises_is_counted_unless_it_is_marked_as_old() {
        let mut diary = Diary::default();
        for position in [9, 2, 8, 7] {
            diary.note(&Document::waiting_at(position), at(1));
        }
        diary.note(&Document { refreshing: true, ..Document::waiting_at(20) }, at(2));
        assert_eq!((diary.rises, diary.worst_rise), (1, Some((2, 8))));
    }

    #[test]
    fn who_was_admitted_waits_again_only_when_the_slot_was_lost() {
        let mut diary = Diary::default();
        diary.note(&admitted(10), at(10));
        diary.note(&admitted(10), at(11));
        assert_eq!(diary.turns.len(), 1, "the same slot is told twice");
        diary.note(&Document::waiting_at(1), at(39));
        assert_eq!(diary.regressions, 1);
        diary.note(&Document::waiting_at(500), at(41));
        assert_eq!((diary.regressions, diary.rises), (1, 1), "30 s without an arrival: the slot is another's");
        diary.note(&admitted(50), at(50));
        diary.note_arrival(at(51));
        diary.note(&Document::waiting_at(1), at(90));
        assert_eq!((diary.turns.len(), diary.regressions), (2, 2));
    }

    #[test]
    fn what_is_shown_after_some_seconds_is_kept() {
        let mut diary = Diary::default();
        diary.note(&Document::waiting_at(900), at(0));
        diary.note(&Document::waiting_at(40), at(3));
        diary.note(&Document::waiting_at(5), at(30));
        let settled = diary.settled.unwrap();
        assert_eq!((settled.at, settled.position), (at(5), 40));
    }

    #[test]
    fn a_stretch_of_presence_ends_with_the_admission_by_the_stores_clock() {
        let mut diary = Diary::default();
        diary.note(&Document::waiting_at(9), at(0));
        diary.note(&admitted(10), at(12));
        assert_eq!(diary.stretches(), [Stretch { since: at(0), until: at(10), admitted: true }]);
        assert_eq!(diary.wait(), Some(Duration::from_secs(12)));
    }
}
