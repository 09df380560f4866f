//! Holds: seats kept for one member for a few minutes.

use contract::ids::{ActiveTokenId, MemberId, QueueName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    concert::PerformanceId,
    reservation::ReserveOutcome,
    seat::{SeatNumber, SeatSelection},
};

contract::typed_id! {
    /// A hold.
    HoldId;
}

/// What became of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Its seats are kept, until it expires.
    Held,
    /// It became a reservation.
    Reserved,
    /// Its owner gave it up.
    Released,
    /// Its time ran out.
    Expired,
}

/// Seats kept for a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// Of which performance.
    pub performance: PerformanceId,
    /// For whom.
    pub member: MemberId,
    /// With which active token it was made.
    pub token: ActiveTokenId,
    /// The seats, ascending.
    pub seats: Vec<SeatNumber>,
    /// The first instant at which the seats are no longer kept.
    pub expires_at: Timestamp,
    /// What became of it.
    pub state: HoldState,
}

/// A hold to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    /// Its id.
    pub id: HoldId,
    /// Of which performance.
    pub performance: PerformanceId,
    /// For whom.
    pub member: MemberId,
    /// The active token shown.
    pub token: ActiveTokenId,
    /// The queue of that token; it must be the one that guards the concert.
    pub queue: QueueName,
    /// Which seats.
    pub seats: SeatSelection,
    /// Until when.
    pub expires_at: Timestamp,
    /// The current instant.
    pub now: Timestamp,
    /// Most seats of this performance that a member may have: held, reserved and bought together.
    pub max_seats_per_member: u32,
}

/// Reply to a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "value", rename_all = "snake_case")]
pub enum HoldOutcome {
    /// All seats are kept.
    Held(Hold),
    /// At least these are held or sold; nothing was kept.
    SeatsTaken(Vec<SeatNumber>),
    /// The performance has no such seats.
    UnknownSeats(Vec<SeatNumber>),
    /// These are not for sale.
    SeatsBlocked(Vec<SeatNumber>),
    /// The member would have more than they may.
    TooManySeats {
        /// What they may have.
        limit: u32,
    },
    /// No such performance.
    PerformanceUnknown,
    /// The sale has not begun.
    SaleNotOpen,
    /// The sale is over.
    SaleClosed,
    /// The token is of a queue that does not guard this concert.
    WrongQueue,
    /// A payment was completed with this token.
    TokenConsumed,
    /// The turn was given back.
    TokenLeft,
}

/// Reply to giving a hold up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "value", rename_all = "snake_case")]
pub enum ReleaseOutcome {
    /// Its seats are free again.
    Released(Hold),
    /// No such hold.
    HoldUnknown,
    /// Somebody else's.
    NotYours,
    /// It became a reservation: cancel that.
    AlreadyReserved,
    /// Its time had run out.
    HoldExpired,
}

impl Hold {
    /// Its state at an instant: past its deadline it is over, whether or not a sweep has met it.
    pub fn state_at(&self, now: Timestamp) -> HoldState {
        if self.state == HoldState::Held && self.expires_at <= now { HoldState::Expired } else { self.state }
    }

    /// Gives the hold up.
    pub fn release(self, member: MemberId, now: Timestamp) -> Result<Self, ReleaseOutcome> {
        if self.member != member {
            return Err(ReleaseOutcome::NotYours);
        }
        match self.state_at(now) {
            // Given up twice is given up: the second call finds what it wanted.
            HoldState::Held | HoldState::Released => Ok(Self { state: HoldState::Released, ..self }),
            HoldState::Reserved => Err(ReleaseOutcome::AlreadyReserved),
            HoldState::Expired => Err(ReleaseOutcome::HoldExpired),
        }
    }

    /// Turns the hold into a reservation's.
    #[expect(clippy::result_large_err, reason = "the refusal is the reply itself, and is made once a request")]
    pub fn reserve(self, member: MemberId, now: Timestamp) -> Result<Self, ReserveOutcome> {
        if self.member != member {
            return Err(ReserveOutcome::NotYours);
        }
        match self.state_at(now) {
            HoldState::Held => Ok(Self { state: HoldState::Reserved, ..self }),
            HoldState::Reserved => Err(ReserveOutcome::AlreadyReserved),
            HoldState::Released | HoldState::Expired => Err(ReserveOutcome::HoldExpired),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(state: HoldState) -> Hold {
        let clock = contract::clock::ManualClock::at_second(0);
        Hold {
            id: HoldId::generate(&clock),
            performance: PerformanceId::generate(&clock),
            member: MemberId::generate(&clock),
            token: ActiveTokenId::generate(&clock),
            seats: vec![SeatNumber(1)],
            expires_at: Timestamp::from_second(10).unwrap(),
            state,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_live_hold_becomes_a_reservation_or_is_given_up() {
        let hold = hold(HoldState::Held);
        assert_eq!(hold.clone().reserve(hold.member, at(9)).unwrap().state, HoldState::Reserved);
        assert_eq!(hold.clone().release(hold.member, at(9)).unwrap().state, HoldState::Released);
    }

    #[test]
    fn a_hold_is_over_at_its_deadline_itself() {
        let hold = hold(HoldState::Held);
        assert_eq!(hold.clone().reserve(hold.member, at(10)), Err(ReserveOutcome::HoldExpired));
        assert_eq!(hold.clone().release(hold.member, at(10)), Err(ReleaseOutcome::HoldExpired));
    }

    #[test]
    fn only_its_owner_can_do_anything_with_a_hold() {
        let (mine, other) = (hold(HoldState::Held), hold(HoldState::Held));
        assert_eq!(mine.clone().reserve(other.member, at(9)), Err(ReserveOutcome::NotYours));
        assert_eq!(mine.release(other.member, at(9)), Err(ReleaseOutcome::NotYours));
    }

    #[test]
    fn a_hold_ends_once() {
        let reserved = hold(HoldState::Reserved);
        assert_eq!(reserved.clone().reserve(reserved.member, at(99)), Err(ReserveOutcome::AlreadyReserved));
        assert_eq!(reserved.clone().release(reserved.member, at(99)), Err(ReleaseOutcome::AlreadyReserved));
        let released = hold(HoldState::Released);
        assert_eq!(released.clone().reserve(released.member, at(1)), Err(ReserveOutcome::HoldExpired));
        assert!(released.clone().release(released.member, at(1)).is_ok());
    }
}
