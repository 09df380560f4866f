//! Reservations: seats with a price and a deadline for paying it.

use contract::ids::{ActiveTokenId, MemberId, QueueName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    concert::PerformanceId,
    hold::HoldId,
    money::Money,
    payment::{NewPayment, Payment, PaymentOutcome, PaymentState},
    seat::PricedSeat,
    ticket::Ticket,
};

contract::typed_id! {
    /// A reservation.
    ReservationId;
}

/// What became of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Its seats are kept until the deadline.
    AwaitingPayment,
    /// Paid: its seats are sold.
    Confirmed,
    /// Given up before it was paid.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// Paid, and paid back.
    Refunded,
}

/// Seats that a member is about to pay, or has paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// The hold it was made from.
    pub hold: HoldId,
    /// Whose it is.
    pub member: MemberId,
    /// For which performance.
    pub performance: PerformanceId,
    /// Its seats with their prices, ascending.
    pub seats: Vec<PricedSeat>,
    /// The sum of the prices.
    pub amount: Money,
    /// What became of it.
    pub state: ReservationState,
    /// The first instant at which it can no longer be paid.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Issued when it was paid.
    pub tickets: Vec<Ticket>,
}

/// A reservation to be made of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReservation {
    /// Its id.
    pub id: ReservationId,
    /// The hold to make it of.
    pub hold: HoldId,
    /// Who asks; must own the hold.
    pub member: MemberId,
    /// The active token shown.
    pub token: ActiveTokenId,
    /// The queue of that token; it must be the one that guards the concert.
    pub queue: QueueName,
    /// The current instant.
    pub now: Timestamp,
}

/// Reply to a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "value", rename_all = "snake_case")]
pub enum ReserveOutcome {
    /// It awaits payment.
    Reserved(Reservation),
    /// No such hold.
    HoldUnknown,
    /// Somebody else's hold.
    NotYours,
    /// The hold's time ran out, or it was given up.
    HoldExpired,
    /// The hold became a reservation before.
    AlreadyReserved,
    /// The token is of a queue that does not guard this concert.
    WrongQueue,
    /// A payment was completed with this token.
    TokenConsumed,
    /// The turn was given back.
    TokenLeft,
}

impl Reservation {
    /// Its state at an instant: past its deadline it is over, whether or not a sweep has met it.
    pub fn state_at(&self, now: Timestamp) -> ReservationState {
        if self.state == ReservationState::AwaitingPayment && self.expires_at <= now {
            ReservationState::Expired
        } else {
            self.state
        }
    }

    /// The payment that settles it, or the reason why this one cannot; the money is the caller's to move.
    pub fn pay(&self, payment: &NewPayment) -> Result<Payment, PaymentOutcome> {
        if self.member != payment.member {
            return Err(PaymentOutcome::NotYours);
        }
        match self.state_at(payment.now) {
            ReservationState::AwaitingPayment => Ok(Payment {
                id: payment.id,
                reservation: self.id,
                member: self.member,
                amount: self.amount,
                state: PaymentState::Completed,
                created_at: payment.now,
            }),
            ReservationState::Expired => Err(PaymentOutcome::Expired),
            state => Err(PaymentOutcome::NotAwaitingPayment { state }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::{money::Currency, payment::PaymentId};

    fn reservation(state: ReservationState) -> Reservation {
        let clock = contract::clock::ManualClock::at_second(0);
        Reservation {
            id: ReservationId::generate(&clock),
            hold: HoldId::generate(&clock),
            member: MemberId::generate(&clock),
            performance: PerformanceId::generate(&clock),
            seats: vec![],
            amount: Money::new(7, Currency::KRW),
            state,
            expires_at: Timestamp::from_second(10).unwrap(),
            created_at: Timestamp::from_second(0).unwrap(),
            tickets: vec![],
        }
    }

    fn payment(of: &Reservation, second: i64) -> NewPayment {
        let clock = contract::clock::ManualClock::at_second(second);
        NewPayment {
            id: PaymentId::generate(&clock),
            reservation: of.id,
            member: of.member,
            token: ActiveTokenId::generate(&clock),
            queue: "demo".parse().unwrap(),
            now: Timestamp::from_second(second).unwrap(),
        }
    }

    #[test]
    fn a_reservation_is_paid_before_its_deadline_and_not_at_it() {
        let open = reservation(ReservationState::AwaitingPayment);
        let paid = open.pay(&payment(&open, 9)).unwrap();
        assert_eq!((paid.state, paid.amount), (PaymentState::Completed, open.amount));
        assert_eq!(open.pay(&payment(&open, 10)), Err(PaymentOutcome::Expired));
    }

    #[test]
    fn nobody_pays_for_another_and_nobody_pays_twice() {
        for state in [ReservationState::Confirmed, ReservationState::Cancelled, ReservationState::Refunded] {
            let over = reservation(state);
            assert_eq!(over.pay(&payment(&over, 9)), Err(PaymentOutcome::NotAwaitingPayment { state }));
            let stranger = reservation(state);
            assert_eq!(over.pay(&payment(&stranger, 9)), Err(PaymentOutcome::NotYours));
        }
    }

    #[test]
    fn a_swept_reservation_stays_expired_for_a_slower_clock() {
        let swept = reservation(ReservationState::Expired);
        assert_eq!(swept.pay(&payment(&swept, 1)), Err(PaymentOutcome::Expired));
    }
}
