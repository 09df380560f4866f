//! One queue: every step of the contract on plain data. Each method expects a queue swept at the same `now`.

use std::{collections::HashMap, time::Duration};

use contract::ids::{ActiveTokenId, MemberId, VisitorId};
use jiff::Timestamp;

use super::{
    control,
    credit::Credit,
    line::Line,
    log::DepartureLog,
    slots::{Slot, Slots},
};
use crate::line::{
    Admission, Baseline, Claim, ConnectionId, Control, ControlChange, Departures, Epoch, Joined, LineChange, LinePage,
    LogIndex, Place, Readmission, Sequence, Standing, Stats,
};

/// The state of a queue.
#[derive(Debug)]
pub(super) struct Queue {
    epoch: Epoch,
    last_seq: Sequence,
    line: Line,
    slots: Slots,
    log: DepartureLog,
    credit: Credit,
    control: Control,
    /// The newest stream of each visitor; only of those in the line or active, which bounds it.
    connections: HashMap<VisitorId, ConnectionId>,
    admitted_total: u64,
    unclaimed_total: u64,
}

impl Queue {
    /// An empty queue whose epoch begins now.
    pub(super) fn begin(now: Timestamp, baseline: Baseline, log_capacity: usize) -> Self {
        Self {
            epoch: Epoch(now.as_microsecond()),
            last_seq: Sequence(0),
            line: Line::default(),
            slots: Slots::default(),
            log: DepartureLog::new(log_capacity),
            credit: Credit::opening(now.as_microsecond()),
            control: control::initial(baseline),
            connections: HashMap::new(),
            admitted_total: 0,
            unclaimed_total: 0,
        }
    }

    /// Frees every slot past its deadline. All are met at once: each was paid for by one admission.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        while let Some(slot) = self.slots.pop_expired(now) {
            self.connections.remove(&slot.visitor);
            self.unclaimed_total += u64::from(slot.holder.is_none());
        }
    }

    pub(super) fn set_baseline(&mut self, baseline: Baseline, now: Timestamp) {
        self.accrue(now);
        self.control = control::with_baseline(&self.control, baseline);
    }

    pub(super) fn change_control(&mut self, change: ControlChange, now: Timestamp) -> Control {
        self.accrue(now);
        self.control = control::with_change(&self.control, change);
        self.control.clone()
    }

    pub(super) fn join(
        &mut self,
        visitor: VisitorId,
        held: Option<Place>,
        candidate: ActiveTokenId,
        now: Timestamp,
    ) -> Joined {
        let standing = self.standing(visitor);
        if standing != Standing::Absent {
            return Joined { epoch: self.epoch, standing, fresh: false };
        }
        self.accrue(now);
        if let Some(seq) = held.and_then(|place| self.restorable(place)) {
            self.line.insert(seq, visitor);
            self.log.append(LineChange::Restored { seq });
            return Joined { epoch: self.epoch, standing: Standing::Waiting { seq }, fresh: false };
        }
        self.last_seq.0 += 1;
        let seq = self.last_seq;
        let at_once = self.line.is_empty() && self.room() >= 1 && self.slots.get(candidate).is_none();
        let standing = if at_once {
            self.admit(seq, visitor, candidate, now);
            self.standing(visitor)
        } else {
            self.line.insert(seq, visitor);
            Standing::Waiting { seq }
        };
        Joined { epoch: self.epoch, standing, fresh: true }
    }

    pub(super) fn standing(&self, visitor: VisitorId) -> Standing {
        if let Some(seq) = self.line.seq_of(visitor) {
            return Standing::Waiting { seq };
        }
        self.slots.of(visitor).map_or(Standing::Absent, Slot::standing)
    }

    pub(super) fn leave(&mut self, visitor: VisitorId) -> Standing {
        let before = self.standing(visitor);
        if let Some(seq) = self.line.remove(visitor) {
            self.log.append(LineChange::Departed { seq });
        }
        self.slots.remove_of(visitor);
        self.connections.remove(&visitor);
        before
    }

    pub(super) fn connect(&mut self, visitor: VisitorId, connection: ConnectionId) -> Standing {
        let standing = self.standing(visitor);
        if standing != Standing::Absent {
            self.connections.insert(visitor, connection);
        }
        standing
    }

    pub(super) fn disconnect(&mut self, visitor: VisitorId, connection: ConnectionId) -> bool {
        let newest = self.connections.get(&visitor) == Some(&connection);
        if newest {
            self.connections.remove(&visitor);
        }
        newest
    }

    pub(super) fn promote(&mut self, candidates: &[ActiveTokenId], now: Timestamp) -> u64 {
        self.accrue(now);
        let room = self.room();
        let mut admitted = 0;
        for &candidate in candidates {
            if admitted == room {
                break;
            }
            // A candidate in use is a repeated call's: giving it out twice would end a live slot.
            if self.slots.get(candidate).is_some() {
                continue;
            }
            let Some((seq, visitor)) = self.line.pop_front() else { break };
            self.admit(seq, visitor, candidate, now);
            admitted += 1;
        }
        admitted
    }

    pub(super) fn claim(
        &mut self,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
        now: Timestamp,
    ) -> Claim {
        let Some(slot) = self.slots.get(token) else {
            return readmission.map_or(Claim::Gone, |r| self.readmit(token, holder, r, now));
        };
        let expires_at = slot.admission.expires_at;
        match slot.holder {
            None => self.slots.bind(token, holder),
            Some(bound) if bound == holder => {}
            Some(_) => return Claim::HeldByAnother,
        }
        Claim::Bound { expires_at }
    }

    pub(super) fn release(&mut self, token: ActiveTokenId) -> bool {
        let Some(slot) = self.slots.remove(token) else { return false };
        self.connections.remove(&slot.visitor);
        true
    }

    pub(super) fn departures(&self, epoch: Epoch, after: LogIndex, limit: usize) -> Departures {
        if epoch == self.epoch { self.log.after(after, limit) } else { Departures::Gap }
    }

    pub(super) fn line_page(&self, above: Option<Sequence>, limit: usize) -> LinePage {
        self.line.page(above, limit)
    }

    pub(super) fn stats(&self, now: Timestamp) -> Stats {
        Stats {
            epoch: self.epoch,
            last_seq: self.last_seq,
            log_head: self.log.head(),
            waiting: self.line.len() as u64,
            active: self.slots.len() as u64,
            connected: self.connections.len() as u64,
            admitted_total: self.admitted_total,
            unclaimed_total: self.unclaimed_total,
            control: self.control.clone(),
            now,
        }
    }

    fn accrue(&mut self, now: Timestamp) {
        let empty = self.line.is_empty();
        self.credit.accrue(now.as_microsecond(), self.control.limits(), self.control.paused, empty);
    }

    /// How many may be admitted now: credit within the cap. Pause shows as no credit.
    fn room(&self) -> u64 {
        self.credit.whole().min(self.control.limits().cap.saturating_sub(self.slots.len() as u64))
    }

    /// The sequence of a place of an older epoch, unless its number is in use here: two visitors at one place would
    /// make positions wrong for all, so the later one gets a fresh place.
    fn restorable(&self, place: Place) -> Option<Sequence> {
        let seq = place.relative_to(self.epoch);
        (place.epoch < self.epoch && seq.0 <= 0 && !self.line.is_taken(seq)).then_some(seq)
    }

    fn admit(&mut self, seq: Sequence, visitor: VisitorId, token: ActiveTokenId, now: Timestamp) {
        let lifetimes = self.control.baseline.lifetimes;
        let admission = Admission {
            token,
            claim_before: after(now, lifetimes.claim.min(lifetimes.active)),
            expires_at: after(now, lifetimes.active),
            admitted_at: now,
        };
        self.credit.spend(1);
        self.admitted_total += 1;
        self.occupy(Slot { seq, visitor, admission, holder: None });
    }

    fn readmit(&mut self, token: ActiveTokenId, holder: MemberId, old: Readmission, now: Timestamp) -> Claim {
        let Readmission { epoch, visitor, expires_at } = old;
        if epoch >= self.epoch || expires_at <= now || self.slots.of(visitor).is_some() {
            return Claim::Gone;
        }
        let admission = Admission { token, claim_before: expires_at, expires_at, admitted_at: now };
        let slot = |seq| Slot { seq, visitor, admission, holder: Some(holder) };
        match self.line.remove(visitor) {
            Some(seq) => self.occupy(slot(seq)),
            None => self.slots.insert(slot(Sequence(0))),
        }
        Claim::Bound { expires_at }
    }

    /// Fills a slot with somebody of the line, and says so in the log.
    fn occupy(&mut self, slot: Slot) {
        let Slot { seq, visitor, admission, .. } = slot;
        self.slots.insert(slot);
        self.log.append(LineChange::Admitted { seq, visitor, admission });
    }
}

/// `now + duration` in whole microseconds, the latest representable instant where that overflows.
fn after(now: Timestamp, duration: Duration) -> Timestamp {
    i64::try_from(duration.as_micros())
        .ok()
        .and_then(|micros| now.as_microsecond().checked_add(micros))
        .and_then(|at| Timestamp::from_microsecond(at).ok())
        .unwrap_or(Timestamp::MAX)
}
