//! Leaving: giving one's turn back before it ends by itself.

use contract::ids::{ActiveTokenId, MemberId, QueueName};
use jiff::Timestamp;

use super::{hold::Hold, reservation::Reservation};

/// Why an active token is good for nothing any more, although it has not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenEnd {
    /// A payment was completed with it.
    Paid,
    /// Its holder left.
    Left,
}

/// A turn to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLeave {
    /// The active token shown.
    pub token: ActiveTokenId,
    /// The queue that gave it out.
    pub queue: QueueName,
    /// Who asks. Nobody need be logged in to give back a token that no member has claimed.
    pub member: Option<MemberId>,
    /// When the token ends by itself: so long it has to be remembered that somebody left with it.
    pub expires_at: Timestamp,
    /// The current instant.
    pub now: Timestamp,
}

/// What became free by leaving. Nothing, when the token had ended before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenBack {
    /// Holds that were given up.
    pub holds: Vec<Hold>,
    /// Reservations that were cancelled instead of paid.
    pub reservations: Vec<Reservation>,
}

/// Why somebody may not give a turn back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveRefusal {
    /// A member has claimed the token, and nobody is logged in.
    NotLoggedIn,
    /// Another member has claimed it.
    HeldByAnother,
}

impl NewLeave {
    /// Whether whoever asks may give the token back, given who has claimed it.
    pub fn allowed(&self, holder: Option<MemberId>) -> Result<(), LeaveRefusal> {
        match (holder, self.member) {
            (Some(holder), Some(member)) if holder != member => Err(LeaveRefusal::HeldByAnother),
            (Some(_), None) => Err(LeaveRefusal::NotLoggedIn),
            (Some(_), Some(_)) | (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::clock::ManualClock;

    use super::*;

    #[test]
    fn a_claimed_turn_is_its_holders_to_give_back_and_an_unclaimed_one_anybodys_who_has_it() {
        let clock = ManualClock::at_second(0);
        let [holder, other] = [MemberId::generate(&clock), MemberId::generate(&clock)];
        let leave = |member| NewLeave {
            token: ActiveTokenId::generate(&clock),
            queue: "demo".parse().unwrap(),
            member,
            expires_at: Timestamp::MAX,
            now: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(leave(Some(holder)).allowed(Some(holder)), Ok(()));
        assert_eq!(leave(Some(other)).allowed(Some(holder)), Err(LeaveRefusal::HeldByAnother));
        assert_eq!(leave(None).allowed(Some(holder)), Err(LeaveRefusal::NotLoggedIn));
        assert_eq!((leave(None).allowed(None), leave(Some(other)).allowed(None)), (Ok(()), Ok(())));
    }
}
