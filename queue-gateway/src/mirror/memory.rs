//! What this gateway remembers of a line, for a store that has lost it.

use std::collections::{BTreeMap, HashSet, VecDeque};

use contract::ids::ActiveTokenId;

use super::{Bookmark, Line, Mirror};
use crate::line::{
    Admission, GatewayId, LineChange, LogIndex, Memory, RememberedSlot, SNAPSHOT_EVERY, Sequence, Snapshot, Stats,
};

/// So many slots are remembered to have ended: more than do in the moments that a store loses.
const ENDED_LATELY: usize = 1_024;

/// The slots that have not ended, by the place that their visitors had, and those that have lately.
#[derive(Debug, Default)]
pub(super) struct Slots {
    lasting: BTreeMap<Sequence, RememberedSlot>,
    ended: VecDeque<ActiveTokenId>,
}

impl Slots {
    pub(super) fn new(slots: impl IntoIterator<Item = RememberedSlot>) -> Self {
        Self { lasting: slots.into_iter().map(|slot| (slot.seq, slot)).collect(), ended: VecDeque::new() }
    }

    pub(super) fn follow(&mut self, change: &LineChange) {
        match change {
            LineChange::Admitted { seq, visitor, admission } => {
                let Admission { token, admitted_at, expires_at, .. } = *admission;
                let slot = RememberedSlot { token, visitor: *visitor, seq: *seq, admitted_at, expires_at };
                self.lasting.insert(*seq, slot);
            }
            LineChange::Returned { seq } | LineChange::Ended { seq } => {
                self.ended.extend(self.lasting.remove(seq).map(|slot| slot.token));
                if self.ended.len() > ENDED_LATELY {
                    self.ended.pop_front();
                }
            }
            _ => {}
        }
    }

    /// Goes on with what was remembered before: what lasted then, and does not now, has ended.
    pub(super) fn inherit(&mut self, old: Self) {
        let is_over = |slot: &RememberedSlot| self.lasting.get(&slot.seq).is_none_or(|now| now.token != slot.token);
        let over = old.lasting.into_values().filter(is_over).map(|slot| slot.token);
        let mut ended: VecDeque<ActiveTokenId> = old.ended.into_iter().chain(over).collect();
        ended.append(&mut self.ended);
        ended.drain(..ended.len().saturating_sub(ENDED_LATELY));
        self.ended = ended;
    }

    fn lasting_and_ended(&self) -> (Vec<RememberedSlot>, Vec<ActiveTokenId>) {
        let lasting: Vec<RememberedSlot> = self.lasting.values().copied().collect();
        // A log that is replayed ends slots that were read later.
        let lasts: HashSet<ActiveTokenId> = lasting.iter().map(|slot| slot.token).collect();
        let ended = self.ended.iter().copied().filter(|token| !lasts.contains(token)).collect();
        (lasting, ended)
    }
}

impl Mirror {
    /// What this gateway remembers, in numbers; `None` before the first step.
    pub(crate) fn memory(&self, gateway: GatewayId) -> Option<Memory> {
        self.read(|line| line.memory(gateway))
    }

    /// Whether operators have ordered something that the store does not know of any more.
    pub(crate) fn knows_newer_orders(&self, bookmark: Bookmark, stats: &Stats) -> bool {
        let is_newer = |line: &Line| line.epoch == stats.epoch && line.stats.control.revision > stats.control.revision;
        self.is_same_copy(bookmark) && self.read(is_newer).unwrap_or(false)
    }

    /// The line for gateways that come late, where it is so many entries of the log newer than the last that was kept.
    pub(crate) fn snapshot_after(&self, kept: LogIndex) -> Option<Snapshot> {
        let is_due = |line: &Line| line.head.0 >= kept.0 + SNAPSHOT_EVERY;
        self.read(|line| is_due(line).then(|| line.snapshot()).flatten()).flatten()
    }

    /// Where somebody stands, ascending.
    pub(crate) fn standing(&self) -> Vec<Sequence> {
        self.read(Line::standing).unwrap_or_default()
    }

    /// The slots that have not ended, and the tokens of those that have lately.
    pub(crate) fn slots(&self) -> (Vec<RememberedSlot>, Vec<ActiveTokenId>) {
        self.read(|line| line.slots.lasting_and_ended()).unwrap_or_default()
    }
}

impl Line {
    fn snapshot(&self) -> Option<Snapshot> {
        let order = self.order.to_bytes()?.into();
        Some(Snapshot { epoch: self.epoch, log_head: self.head, order })
    }

    fn memory(&self, gateway: GatewayId) -> Memory {
        let mut control = self.stats.control.clone();
        if self.drawn().is_none() {
            // What an operator has said a moment ago decides nothing before the log says so.
            control.draw.beacon = None;
        }
        Memory {
            gateway,
            gateways: self.present.len().max(1) as u64,
            epoch: self.epoch,
            log_head: self.head,
            extent: self.order.extent(),
            totals: self.stats.totals,
            control,
        }
    }

    fn standing(&self) -> Vec<Sequence> {
        let draw = &self.stats.control.draw;
        let is_numbered = draw.has_numbers() && self.drawn().is_none();
        self.order.standing(if is_numbered { draw.numbers.unwrap_or(u64::MAX) } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use contract::{clock::ManualClock, ids::VisitorId};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_a_copy_has_missed_the_end_of_has_ended() {
        let clock = ManualClock::at_second(1_800_000_000);
        let slot = |seq| RememberedSlot {
            token: ActiveTokenId::generate(&clock),
            visitor: VisitorId::generate(&clock),
            seq: Sequence(seq),
            admitted_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let (kept, over, again) = (slot(1), slot(2), slot(3));
        let mut before = Slots::new([kept, over, again, slot(4)]);
        before.follow(&LineChange::Ended { seq: Sequence(4) });
        let mut fresh = Slots::new([kept, RememberedSlot { token: ActiveTokenId::generate(&clock), ..again }]);
        fresh.inherit(before);
        // A replay ends and begins again what was read as it is now.
        fresh.follow(&LineChange::Returned { seq: Sequence(1) });
        fresh.lasting.insert(Sequence(1), kept);
        let (lasting, ended) = fresh.lasting_and_ended();
        assert_eq!((lasting.len(), lasting[0], ended.len()), (2, kept, 3));
        assert!(ended.contains(&over.token) && ended.contains(&again.token));
    }
}
