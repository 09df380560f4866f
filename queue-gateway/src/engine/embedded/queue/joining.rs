//! Joins: who gets which place, or goes straight in.

use contract::ids::{ActiveTokenId, VisitorId};

use super::{Queue, least_alive};
use crate::{
    engine::embedded::{
        clocks::{Admitting, Moment},
        slots::instant,
    },
    line::{
        ClientNetwork, Contact, Invitation, JoinRefused, JoinReply, JoinRequest, Joined, Lane, LineChange, NoJoins,
        Sequence, Standing,
    },
};

impl Queue {
    pub(in crate::engine::embedded) fn join(&mut self, request: JoinRequest, now: i64) -> JoinReply {
        let JoinRequest { visitor, held, candidate, contact, invitation } = request;
        if self.waits(now) {
            // Somebody may know of places that were given already.
            return Err(NoJoins::Rejoining.into());
        }
        let at = self.moment(now);
        self.close_numbers(now);
        self.settle(visitor, at);
        if let Some(place) = held.filter(|place| place.epoch == self.epoch) {
            self.name_place(visitor, place.seq, self.keeping(at));
        }
        let standing = self.standing(visitor, now);
        let stands_invited = |standing: Standing| standing.seq().is_some_and(Sequence::is_invited);
        let is_admitted = matches!(standing, Standing::Admitted { .. });
        let is_absent = matches!(standing, Standing::Absent { .. });
        if is_admitted || stands_invited(standing) || (!is_absent && invitation.is_none()) {
            return Ok(Joined { epoch: self.epoch, standing, fresh: false });
        }
        let held = held.filter(|place| is_absent && (invitation.is_none() || place.seq.is_invited()));
        if let Some(seq) = held.and_then(|place| self.restorable(place, at)) {
            self.restore(visitor, seq, at);
            // The store that knew has lost it.
            if let Some(used) = invitation {
                self.invitations.note(used);
            }
            return Ok(Joined { epoch: self.epoch, standing: Standing::Waiting { seq }, fresh: false });
        }
        let lane = if invitation.is_some() { Lane::Invited } else { Lane::General };
        if let Some(reason) = self.control.no_joins(lane, instant(now)) {
            // Whoever has a place keeps it, and the invitation.
            return if is_absent {
                Err(reason.into())
            } else {
                Ok(Joined { epoch: self.epoch, standing, fresh: false })
            };
        }
        if let Some(invitation) = invitation {
            self.use_up(invitation, at)?;
        }
        let admitted_from = contact.filter(|contact| self.may_go_straight_in(lane, contact.network, candidate, at));
        if lane == Lane::Invited {
            return Ok(self.join_invited(visitor, admitted_from, candidate, at));
        }
        // Whoever goes straight in takes no place in the line, and passes a line that is full of people who are not
        // there.
        let is_full = self.places.general() as u64 >= self.control.baseline.max_places || self.all_numbers_are_given();
        if admitted_from.is_none() && is_full {
            return Err(JoinRefused::Full);
        }
        self.lost.forget(visitor);
        let seq = self.next_sequence(now);
        let standing = if let Some(contact) = admitted_from {
            self.admit(seq, visitor, candidate, contact.network, at.line, at);
            self.standing(visitor, now)
        } else {
            self.places.insert(seq, visitor);
            Standing::Waiting { seq }
        };
        Ok(Joined { epoch: self.epoch, standing, fresh: true })
    }

    /// An invitation gives a place once, before it expires.
    fn use_up(&mut self, invitation: Invitation, at: Moment) -> Result<(), JoinRefused> {
        if invitation.expires_at.as_microsecond() <= at.now {
            return Err(JoinRefused::InvitationExpired);
        }
        if self.invitations.contains(invitation.id) {
            return Err(JoinRefused::InvitationUsed);
        }
        self.invitations.note(invitation);
        Ok(())
    }

    /// Gives a place in the priority lane for the one in the general line, or for none.
    fn join_invited(
        &mut self,
        visitor: VisitorId,
        admitted_from: Option<Contact>,
        candidate: ActiveTokenId,
        at: Moment,
    ) -> Joined {
        if let Some((seq, _)) = self.places.stored(visitor) {
            self.depart(visitor, seq);
        }
        self.lost.forget(visitor);
        self.last_invited += 1;
        let seq = Sequence::of_invited(self.last_invited);
        if let Some(contact) = admitted_from {
            self.admit(seq, visitor, candidate, contact.network, at.line, at);
        } else {
            self.places.insert(seq, visitor);
            self.log.append(LineChange::Invited { seq });
        }
        Joined { epoch: self.epoch, standing: self.standing(visitor, at.now), fresh: true }
    }

    /// Whether somebody who comes now need not wait. Gives credit for the time since the last step.
    fn may_go_straight_in(
        &mut self,
        lane: Lane,
        network: Option<ClientNetwork>,
        candidate: ActiveTokenId,
        at: Moment,
    ) -> bool {
        let least = least_alive(at);
        let nobody_waits = Admitting::of(&self.control, lane).contains(at.now)
            && !self.is_unreported
            && self.ready.is_empty()
            && self.ready.covered(least) >= Sequence::LAST
            && !self.places.any_above(self.ready.known_through(least));
        if !nobody_waits || self.withholds(network, at.now) || self.slots.get(candidate).is_some() {
            return false;
        }
        self.accrue(at.now);
        self.room(at) >= 1
    }
}
