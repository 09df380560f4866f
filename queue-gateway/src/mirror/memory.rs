//! What this gateway remembers of a line, for a store that has lost it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicI64, Ordering},
};

use contract::ids::{ActiveTokenId, VisitorId};
use jiff::Timestamp;

use super::{Bookmark, Line, Mirror};
use crate::line::{
    Admission, GatewayId, LineChange, LiveSlot, LogIndex, Memory, RememberedSlot, SNAPSHOT_EVERY, Sequence, Snapshot,
    Stats,
};

/// How many ended slots are remembered: more than can end in the seconds that a store may lose.
const ENDED_LATELY: usize = 4_096;

/// The slots that have not ended, and those that have lately.
#[derive(Debug, Default)]
pub(super) struct Slots {
    lasting: BTreeMap<ActiveTokenId, Lasting>,
    ended: VecDeque<ActiveTokenId>,
}

/// A slot that has not ended.
#[derive(Debug)]
struct Lasting {
    slot: RememberedSlot,
    /// When this gateway last told the store that its visitor is at the site, in microseconds since 1970; 0 for never.
    told_at: AtomicI64,
}

impl Slots {
    pub(super) fn new(slots: impl IntoIterator<Item = RememberedSlot>) -> Self {
        let mut all = Self::default();
        slots.into_iter().for_each(|slot| all.insert(slot));
        all
    }

    fn insert(&mut self, slot: RememberedSlot) {
        self.lasting.insert(slot.token, Lasting { slot, told_at: AtomicI64::new(0) });
    }

    pub(super) fn follow(&mut self, change: &LineChange) {
        match change {
            LineChange::Admitted { seq, visitor, admission } => {
                let Admission { token, admitted_at, expires_at, .. } = *admission;
                let (visitor, seq) = (*visitor, *seq);
                self.insert(RememberedSlot { token, visitor, seq, admitted_at, expires_at, holder: None });
            }
            LineChange::Claimed { token, visitor, seq, admitted_at, expires_at, holder } => {
                let (token, visitor, seq, holder) = (*token, *visitor, *seq, Some(*holder));
                let (admitted_at, expires_at) = (*admitted_at, *expires_at);
                self.insert(RememberedSlot { token, visitor, seq, admitted_at, expires_at, holder });
            }
            LineChange::Returned { token, .. } | LineChange::Ended { token, .. } => {
                self.lasting.remove(token);
                self.ended.push_back(*token);
                if self.ended.len() > ENDED_LATELY {
                    self.ended.pop_front();
                }
            }
            _ => {}
        }
    }

    /// Goes on with what was remembered before: what lasted then, and does not now, has ended.
    pub(super) fn inherit(&mut self, old: Self) {
        let over = old.lasting.into_keys().filter(|token| !self.lasting.contains_key(token));
        let mut ended: VecDeque<ActiveTokenId> = old.ended.into_iter().chain(over).collect();
        ended.append(&mut self.ended);
        ended.drain(..ended.len().saturating_sub(ENDED_LATELY));
        self.ended = ended;
    }

    fn lasting_and_ended(&self) -> (Vec<RememberedSlot>, Vec<ActiveTokenId>) {
        let lasting: Vec<RememberedSlot> = self.lasting.values().map(|lasting| lasting.slot).collect();
        // A store that was set back brings slots to life whose end nobody remembered but this gateway.
        let ended = self.ended.iter().copied().filter(|token| !self.lasting.contains_key(token)).collect();
        (lasting, ended)
    }
}

impl Mirror {
    /// What this gateway remembers, in numbers; `None` before the first step.
    pub(crate) fn memory(&self, gateway: GatewayId) -> Option<Memory> {
        self.read(|line| line.memory(gateway))
    }

    /// Forgets which gateways there were at the last step.
    pub(crate) fn forget_others(&self) {
        if let Some(line) = self.line.write().as_mut() {
            line.present.clear();
        }
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

    /// The slot of this visitor that a token opens; `None` where the log tells of none that has not ended.
    pub(crate) fn live_slot(&self, token: ActiveTokenId, visitor: VisitorId) -> Option<LiveSlot> {
        self.read(|line| {
            let Lasting { slot, told_at } = line.slots.lasting.get(&token).filter(|of| of.slot.visitor == visitor)?;
            Some(match slot.holder {
                Some(_) => LiveSlot::Claimed,
                None => LiveSlot::Unclaimed(microsecond(told_at.load(Ordering::Relaxed))),
            })
        })
        .flatten()
    }

    /// The store was told at this moment of its clock that the visitor of a slot is at the site.
    pub(crate) fn note_told(&self, token: ActiveTokenId, at: Timestamp) {
        self.read(|line| {
            if let Some(lasting) = line.slots.lasting.get(&token) {
                lasting.told_at.store(at.as_microsecond(), Ordering::Relaxed);
            }
        });
    }

    /// The slots that have not ended, and the tokens of those that have lately.
    pub(crate) fn slots(&self) -> (Vec<RememberedSlot>, Vec<ActiveTokenId>) {
        self.read(|line| line.slots.lasting_and_ended()).unwrap_or_default()
    }
}

fn microsecond(at: i64) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or(Timestamp::MIN)
}

impl Line {
    fn snapshot(&self) -> Option<Snapshot> {
        let order = self.order.to_bytes()?.into();
        Some(Snapshot { epoch: self.epoch, history: self.history, log_head: self.head, order })
    }

    fn memory(&self, gateway: GatewayId) -> Memory {
        let mut control = self.stats.control.clone();
        if self.drawn().is_none() {
            // What an operator has said a moment ago decides nothing before the log says so.
            control.draw.beacon = None;
        }
        Memory {
            gateway,
            gateways: self.present.iter().map(|(gateway, _)| *gateway).collect(),
            epoch: self.epoch,
            history: self.history,
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
    use contract::{clock::ManualClock, ids::MemberId};

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
            holder: None,
        };
        let (kept, over, again, last) = (slot(1), slot(2), slot(3), slot(4));
        let mut before = Slots::new([kept, over, again, last]);
        before.follow(&LineChange::Ended { seq: last.seq, token: last.token });
        let anew = RememberedSlot { token: ActiveTokenId::generate(&clock), ..again };
        let mut fresh = Slots::new([kept, anew]);
        fresh.inherit(before);
        // A store that was set back has it again.
        fresh.ended.push_back(kept.token);
        let (lasting, ended) = fresh.lasting_and_ended();
        assert_eq!(lasting.len(), 2, "{lasting:?}");
        assert!([kept, anew].iter().all(|slot| lasting.contains(slot)));
        assert_eq!(ended.len(), 3, "{ended:?}");
        assert!([over, again, last].iter().all(|slot| ended.contains(&slot.token)));
    }

    #[test]
    fn a_claim_tells_all_of_a_slot_and_each_end_its_own() {
        let clock = ManualClock::at_second(1_800_000_000);
        let holder = MemberId::generate(&clock);
        let claimed = || LineChange::Claimed {
            token: ActiveTokenId::generate(&clock),
            visitor: VisitorId::generate(&clock),
            seq: Sequence(0),
            admitted_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            holder,
        };
        let mut slots = Slots::default();
        // Two who were readmitted from nowhere.
        for change in [claimed(), claimed()] {
            slots.follow(&change);
        }
        let (lasting, _) = slots.lasting_and_ended();
        assert_eq!(lasting.iter().map(|slot| slot.holder).collect::<Vec<_>>(), [Some(holder); 2]);
        slots.follow(&LineChange::Ended { seq: Sequence(0), token: lasting[0].token });
        assert_eq!(slots.lasting_and_ended(), (vec![lasting[1]], vec![lasting[0].token]));
    }
}
