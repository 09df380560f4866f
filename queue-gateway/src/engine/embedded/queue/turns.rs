//! What becomes of admissions: arrived, claimed, released, or over.

use contract::ids::{ActiveTokenId, MemberId};

use super::{Queue, micros};
use crate::{
    engine::embedded::{
        clocks::Moment,
        slots::{Arrival, Slot, instant},
    },
    line::{Claim, LineChange, Lost, Outcomes, Readmission, Revocation, Sequence, Standing},
};

impl Queue {
    pub(in crate::engine::embedded) fn arrive(&mut self, token: ActiveTokenId, now: i64) -> Standing {
        let at = self.moment(now);
        let Some(slot) = self.live(token, at) else { return Standing::UNKNOWN };
        if slot.holder.is_none() {
            self.note_arrival(slot, at);
        }
        self.standing(slot.visitor, now)
    }

    pub(in crate::engine::embedded) fn claim(
        &mut self,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
        now: i64,
    ) -> Claim {
        let at = self.moment(now);
        let Some(slot) = self.live(token, at) else {
            return readmission.map_or(Claim::Gone, |old| self.readmit(token, holder, old, at));
        };
        let expires_at = instant(slot.expires_at);
        match slot.holder {
            None => {
                let slot = self.note_arrival(slot, at);
                let slot = self.bind(slot, holder, now);
                self.log_claim(&slot, holder);
            }
            Some(bound) if bound == holder => {}
            Some(_) => return Claim::HeldByAnother,
        }
        Claim::Bound { expires_at }
    }

    pub(in crate::engine::embedded) fn release(&mut self, token: ActiveTokenId, now: i64) -> bool {
        let at = self.moment(now);
        let Some(slot) = self.live(token, at) else { return false };
        self.vacate(token, now, |_| {});
        self.lost.note(slot.visitor, Lost::Released);
        true
    }

    pub(in crate::engine::embedded) fn revoke(&mut self, token: ActiveTokenId, now: i64) -> Revocation {
        let at = self.moment(now);
        let Some(slot) = self.live(token, at) else { return Revocation::NotLive };
        if slot.holder.is_some() {
            return Revocation::Claimed;
        }
        self.vacate(token, now, |_| {});
        self.lost.note(slot.visitor, Lost::Revoked);
        Revocation::Ended
    }

    /// Binds a slot that nobody has claimed: only the site ends it from now on, or its expiry.
    pub(super) fn bind(&mut self, slot: Slot, holder: MemberId, now: i64) -> Slot {
        self.note_outcome(&slot, now, |_| {});
        self.slots.remove(slot.token);
        let slot = Slot { holder: Some(holder), ..slot };
        self.slots.insert(slot);
        slot
    }

    fn log_claim(&mut self, slot: &Slot, holder: MemberId) {
        let Slot { token, visitor, seq, .. } = *slot;
        let (admitted_at, expires_at) = (instant(slot.admitted_at), instant(slot.expires_at));
        self.log.append(LineChange::Claimed { token, visitor, seq, admitted_at, expires_at, holder });
    }

    pub(super) fn readmit(&mut self, token: ActiveTokenId, holder: MemberId, old: Readmission, at: Moment) -> Claim {
        let Readmission { epoch, visitor, expires_at } = old;
        self.settle(visitor, at);
        let expires = expires_at.as_microsecond();
        let has_had_one = self.slots.of(visitor).is_some() || self.lost.of(visitor).is_some_and(Lost::was_a_turn);
        if epoch >= self.epoch || expires <= at.now || has_had_one {
            return Claim::Gone;
        }
        let place = self.place_of(visitor, at);
        if let Some(seq) = place {
            self.depart(visitor, seq);
        }
        let slot = Slot {
            token,
            seq: place.unwrap_or(Sequence(0)),
            visitor,
            network: None,
            admitted_at: at.now,
            arrive_by: at.line,
            arrival: Some(Arrival { at: at.line, claim_by: at.line }),
            expires_at: expires,
            holder: Some(holder),
        };
        self.slots.insert(slot);
        self.log_claim(&slot, holder);
        Claim::Bound { expires_at: instant(expires) }
    }

    /// The slot of a token, unless it is over; then it ends.
    pub(super) fn live(&mut self, token: ActiveTokenId, at: Moment) -> Option<Slot> {
        let slot = *self.slots.get(token)?;
        if slot.is_live(at) {
            return Some(slot);
        }
        self.end(slot, at);
        None
    }

    /// Why the visitor of a slot that is over has nothing any more; `None` for a first no-show, who has the place
    /// again.
    pub(super) fn end_of(&self, slot: &Slot, at: Moment) -> Option<Lost> {
        match (slot.holder, slot.arrival) {
            (None, None) if slot.arrive_by <= at.line => self.places.is_no_show(slot.visitor).then_some(Lost::NoShow),
            (None, Some(arrival)) if arrival.claim_by <= at.line => Some(Lost::NotClaimed),
            _ => Some(Lost::Ended),
        }
    }

    /// Ends a slot that is over.
    pub(super) fn end(&mut self, slot: Slot, at: Moment) {
        self.slots.remove(slot.token);
        let lost = self.end_of(&slot, at);
        match lost {
            None | Some(Lost::NoShow) => {
                self.totals.no_shows += 1;
                self.note_outcome(&slot, at.now, |outcomes| outcomes.missed += 1);
            }
            Some(Lost::NotClaimed) => {
                self.totals.not_claimed += 1;
                self.note_outcome(&slot, at.now, |_| {});
            }
            Some(_) => self.note_outcome(&slot, at.now, |_| {}),
        }
        if let Some(lost) = lost {
            self.places.forget_no_show(slot.visitor);
            self.lost.note(slot.visitor, lost);
            self.log.append(LineChange::Ended { seq: slot.seq, token: slot.token });
        } else {
            self.places.insert(slot.seq, slot.visitor);
            self.places.note_no_show(slot.visitor);
            if self.places.is_passed(slot.seq) {
                self.set_away(slot.visitor, slot.seq, at);
            }
            self.log.append(LineChange::Returned { seq: slot.seq, token: slot.token });
        }
    }

    /// Ends a live slot by choice of its visitor or its site.
    pub(super) fn vacate(&mut self, token: ActiveTokenId, now: i64, outcome: impl FnOnce(&mut Outcomes)) {
        if let Some(slot) = self.slots.remove(token) {
            self.places.forget_no_show(slot.visitor);
            self.note_outcome(&slot, now, outcome);
            self.log.append(LineChange::Ended { seq: slot.seq, token: slot.token });
        }
    }

    /// A slot that is claimed or ends is no longer one of its network's unclaimed ones.
    pub(super) fn note_outcome(&mut self, slot: &Slot, now: i64, outcome: impl FnOnce(&mut Outcomes)) {
        if let Some(network) = slot.network.filter(|_| slot.holder.is_none()) {
            self.networks.note(network, now, |outcomes| {
                outcomes.unclaimed = outcomes.unclaimed.saturating_sub(1);
                if slot.arrival.is_none() {
                    outcomes.on_the_way = outcomes.on_the_way.saturating_sub(1);
                }
                outcome(outcomes);
            });
        }
    }

    /// Records an arrival or a later sign of life.
    pub(super) fn note_arrival(&mut self, slot: Slot, at: Moment) -> Slot {
        let lifetimes = self.control.baseline.lifetimes;
        let first = slot.arrival.is_none();
        let arrived_at = slot.arrival.map_or(at.line, |arrival| arrival.at);
        let claim_by = at.line.saturating_add(micros(lifetimes.claim));
        let latest = arrived_at.saturating_add(micros(lifetimes.claim_at_most));
        // A sign of life never shortens what was promised before.
        let claim_by = claim_by.min(latest).max(slot.arrival.map_or(i64::MIN, |arrival| arrival.claim_by));
        let slot = Slot { arrival: Some(Arrival { at: arrived_at, claim_by }), ..slot };
        self.slots.remove(slot.token);
        self.slots.insert(slot);
        if first {
            self.totals.arrived += 1;
            if let Some(network) = slot.network {
                self.networks.note(network, at.now, |outcomes| {
                    outcomes.arrived += 1;
                    outcomes.on_the_way = outcomes.on_the_way.saturating_sub(1);
                });
            }
        }
        slot
    }
}
