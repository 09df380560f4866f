//! The priority lane of the model.

use contract::ids::VisitorId;
use queue_gateway::line::{Invitation, JoinRefused, Lane, Sequence};

/// In microseconds: a used invitation is remembered so long after its expiry.
const DAY: i64 = 24 * 3_600 * 1_000_000;

use super::{Model, Show, life};

#[derive(Debug, Default)]
pub(super) struct Invited {
    /// Fresh places that the lane has given.
    given: u64,
    /// As far as no sweep has forgotten them.
    pub(super) used: Vec<Invitation>,
    /// Thousandths of a turn that the lane is owed.
    owed: u16,
}

/// The lane that a join asks for.
pub(super) fn asked(invitation: Option<Invitation>) -> Lane {
    if invitation.is_some() { Lane::Invited } else { Lane::General }
}

impl Invited {
    pub(super) fn refuse(&self, invitation: Option<Invitation>, now: i64) -> Option<JoinRefused> {
        let invitation = invitation?;
        if invitation.expires_at.as_microsecond() <= now {
            return Some(JoinRefused::InvitationExpired);
        }
        self.used.contains(&invitation).then_some(JoinRefused::InvitationUsed)
    }

    pub(super) fn next_place(&mut self) -> Sequence {
        self.given += 1;
        Sequence::of_invited(self.given)
    }

    pub(super) fn sweep(&mut self, now: i64) {
        self.used.retain(|invitation| invitation.expires_at.as_microsecond() > now - DAY);
    }
}

impl Model {
    /// Who is next, whichever lane has the turn. Those before who are withheld are dropped.
    pub(super) fn next_up(&mut self, known: Sequence) -> Option<(VisitorId, Show)> {
        let general = self.lowest_ready(Lane::General, known);
        let invited = self.lowest_ready(Lane::Invited, known);
        let (Some(general), Some(invited)) = (general, invited) else { return general.or(invited) };
        let granted = self.control.baseline.invitations;
        self.invited.owed += granted.map_or(1_000, |granted| granted.share.thousandths());
        if self.invited.owed < 1_000 {
            return Some(general);
        }
        self.invited.owed -= 1_000;
        Some(invited)
    }

    pub(super) fn lowest(&self, lane: Lane, known: Sequence) -> Option<(VisitorId, Show)> {
        if !life::admits(&self.control, lane, self.now) {
            return None;
        }
        let of_lane = |seq: &i64| {
            let seq = Sequence(*seq);
            Lane::of(seq) == lane && (lane == Lane::Invited || seq <= known)
        };
        let ready = self.people.iter().filter(|person| !person.shows.is_empty());
        let person =
            ready.filter(|person| person.place.as_ref().is_some_and(of_lane)).min_by_key(|person| person.place)?;
        Some((person.id, person.shows[0]))
    }
}
