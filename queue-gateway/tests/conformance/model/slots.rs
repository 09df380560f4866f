//! The slots of the model.

use std::collections::BTreeMap;

use contract::ids::{ActiveTokenId, MemberId, VisitorId};
use jiff::Timestamp;
use queue_gateway::line::{
    Admission, Claim, ClientNetwork, Lane, Lost, Progress, Readmission, Revocation, Sequence, Standing,
};

use super::{Model, Person, life, micros};

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) token: ActiveTokenId,
    pub(super) seq: i64,
    pub(super) network: Option<ClientNetwork>,
    admitted_at: i64,
    arrive_by: i64,
    /// When they arrived, and until when they may claim.
    pub(super) arrived: Option<(i64, i64)>,
    expires_at: i64,
    pub(super) holder: Option<MemberId>,
}

impl Model {
    pub(crate) fn arrive(&mut self, token: ActiveTokenId) -> Standing {
        let Some((visitor, slot)) = self.live_slot(token) else { return Standing::UNKNOWN };
        if slot.holder.is_none() {
            self.note_arrival(visitor);
        }
        self.standing(visitor)
    }

    pub(crate) fn claim(&mut self, token: ActiveTokenId, holder: MemberId, old: Option<Readmission>) -> Claim {
        let Some((visitor, slot)) = self.live_slot(token) else {
            return old.map_or(Claim::Gone, |old| self.readmit(token, holder, old));
        };
        if slot.holder.is_some_and(|bound| bound != holder) {
            return Claim::HeldByAnother;
        }
        if slot.holder.is_none() {
            self.note_arrival(visitor);
            if let Some(network) = slot.network {
                self.renew(network);
            }
            if let Some(slot) = &mut self.person(visitor).slot {
                slot.holder = Some(holder);
            }
        }
        Claim::Bound { expires_at: instant(slot.expires_at) }
    }

    pub(crate) fn release(&mut self, token: ActiveTokenId) -> bool {
        let Some((visitor, _)) = self.live_slot(token) else { return false };
        self.vacate(visitor, Lost::Released);
        true
    }

    pub(crate) fn revoke(&mut self, token: ActiveTokenId) -> Revocation {
        match self.live_slot(token) {
            None => Revocation::NotLive,
            Some((_, slot)) if slot.holder.is_some() => Revocation::Claimed,
            Some((visitor, _)) => {
                self.vacate(visitor, Lost::Revoked);
                Revocation::Ended
            }
        }
    }

    pub(super) fn admit(&mut self, visitor: VisitorId, token: ActiveTokenId, network: Option<ClientNetwork>, due: i64) {
        self.admitted_anybody = true;
        let (lifetimes, now) = (self.lifetimes(), self.now);
        let arrive_by = due.max(self.line_time()) + micros(lifetimes.arrive);
        if let Some(network) = network {
            self.renew(network);
            self.networks.note(network, now);
        }
        let expires_at = now + micros(lifetimes.active);
        let person = self.person(visitor);
        let seq = person.place.take().unwrap();
        person.away_until = None;
        person.shows.clear();
        person.slot =
            Some(Slot { token, seq, network, admitted_at: now, arrive_by, arrived: None, expires_at, holder: None });
        self.pass(seq);
        self.allowance.admit(now, &self.control);
    }

    fn readmit(&mut self, token: ActiveTokenId, holder: MemberId, old: Readmission) -> Claim {
        self.meet(old.visitor);
        let (line, now, expires_at) = (self.line_time(), self.now, old.expires_at.as_microsecond());
        let before = self.person(old.visitor).clone();
        let is_over = matches!(before.lost, Some(Lost::Ended | Lost::Released | Lost::Revoked));
        if old.epoch >= self.epoch || expires_at <= now || before.slot.is_some() || is_over {
            return Claim::Gone;
        }
        *self.person(old.visitor) = Person {
            slot: Some(Slot {
                token,
                seq: before.place.unwrap_or(0),
                network: None,
                admitted_at: now,
                arrive_by: line,
                arrived: Some((line, line)),
                expires_at,
                holder: Some(holder),
            }),
            lost: before.lost,
            ..Person::new(old.visitor)
        };
        Claim::Bound { expires_at: old.expires_at }
    }

    fn note_arrival(&mut self, visitor: VisitorId) {
        let (line, now, lifetimes) = (self.line_time(), self.now, self.lifetimes());
        let network = self.person(visitor).slot.as_ref().and_then(|slot| slot.network);
        if let Some(network) = network {
            self.renew(network);
        }
        let person = self.person(visitor);
        let slot = person.slot.as_mut().unwrap();
        let (first, promised) = slot.arrived.unwrap_or((line, i64::MIN));
        let claim_by = (line + micros(lifetimes.claim)).min(first + micros(lifetimes.claim_at_most)).max(promised);
        let new = slot.arrived.is_none();
        slot.arrived = Some((first, claim_by));
        if new {
            person.failed_to_show_up = false;
            if let Some(network) = network {
                self.networks.arrived(network, now);
            }
        }
    }

    /// Ends a slot or a place by choice.
    pub(super) fn vacate(&mut self, visitor: VisitorId, lost: Lost) {
        if let Some(Slot { network: Some(network), holder: None, arrived, .. }) = self.person(visitor).slot {
            self.renew(network);
            if arrived.is_none() && lost == Lost::Left {
                self.networks.missed(network, self.now);
            }
        }
        *self.person(visitor) = Person { lost: Some(lost), ..Person::new(visitor) };
    }

    pub(super) fn end_slot_if_over(&mut self, visitor: VisitorId) {
        let person = self.person(visitor).clone();
        let Some(slot) = person.slot.clone().filter(|slot| !self.is_live(slot)) else { return };
        let lost = self.end_of(&person, &slot);
        if let (Some(network), None) = (slot.network, slot.holder) {
            self.renew(network);
            if matches!(lost, None | Some(Lost::NoShow)) {
                self.networks.missed(network, self.now);
            }
        }
        let kept_until = self.grace_time() + micros(self.lifetimes().grace);
        *self.person(visitor) = match lost {
            None => Person {
                place: Some(slot.seq),
                away_until: (Lane::of(Sequence(slot.seq)) == Lane::General).then_some(kept_until),
                failed_to_show_up: true,
                ..Person::new(visitor)
            },
            lost => Person { lost, ..Person::new(visitor) },
        };
    }

    /// Why somebody whose slot is over has nothing any more; `None` when they have the place again.
    pub(super) fn end_of(&self, person: &Person, slot: &Slot) -> Option<Lost> {
        let line = self.line_time();
        match slot.arrived {
            _ if slot.holder.is_some() => Some(Lost::Ended),
            None if slot.arrive_by <= line && person.failed_to_show_up => Some(Lost::NoShow),
            None if slot.arrive_by <= line => None,
            Some((_, claim_by)) if claim_by <= line => Some(Lost::NotClaimed),
            _ => Some(Lost::Ended),
        }
    }

    pub(super) fn is_live(&self, slot: &Slot) -> bool {
        let deadline = slot.arrived.map_or(slot.arrive_by, |(_, claim_by)| claim_by);
        slot.expires_at > self.now && (slot.holder.is_some() || deadline > self.line_time())
    }

    /// Whether a stored slot has this token, though it may be over.
    pub(super) fn is_given_out(&self, token: ActiveTokenId) -> bool {
        self.people.iter().any(|person| person.slot.as_ref().is_some_and(|slot| slot.token == token))
    }

    fn live_slot(&mut self, token: ActiveTokenId) -> Option<(VisitorId, Slot)> {
        let has = |person: &&Person| person.slot.as_ref().is_some_and(|slot| slot.token == token);
        let visitor = self.people.iter().find(has)?.id;
        self.end_slot_if_over(visitor);
        Some((visitor, self.person(visitor).slot.clone()?))
    }

    /// The slots, live or not swept yet: the places that their visitors had, and who has claimed them.
    pub(crate) fn slots(&self) -> BTreeMap<ActiveTokenId, (Sequence, Option<MemberId>)> {
        let slots = self.people.iter().filter_map(|person| person.slot.as_ref());
        slots.map(|slot| (slot.token, (Sequence(slot.seq), slot.holder))).collect()
    }

    pub(crate) fn live_slots(&self) -> u64 {
        self.live().count() as u64
    }

    pub(crate) fn unclaimed_slots(&self) -> u64 {
        self.live().filter(|slot| slot.holder.is_none()).count() as u64
    }

    fn live(&self) -> impl Iterator<Item = &Slot> {
        self.people.iter().filter_map(|person| person.slot.as_ref()).filter(|slot| self.is_live(slot))
    }

    /// How many the cap lets in.
    pub(super) fn room(&self) -> u64 {
        let admits = life::admits(&self.control, Lane::Invited, self.now);
        if admits { self.control.limits().cap.saturating_sub(self.live_slots()) } else { 0 }
    }

    pub(super) fn admission(&self, slot: &Slot) -> Admission {
        let shown = |line: i64| instant((line - self.line_time() + self.now).min(slot.expires_at));
        let claim = micros(self.lifetimes().claim);
        Admission {
            token: slot.token,
            admitted_at: instant(slot.admitted_at),
            arrive_before: shown(slot.arrive_by),
            claim_before: shown(slot.arrived.map_or(slot.arrive_by + claim, |(_, claim_by)| claim_by)),
            expires_at: instant(slot.expires_at),
            progress: match (slot.holder, slot.arrived) {
                (Some(_), _) => Progress::Claimed,
                (None, Some(_)) => Progress::Arrived,
                (None, None) => Progress::Admitted,
            },
        }
    }
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap()
}
