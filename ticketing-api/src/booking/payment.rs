//! Payments of reservations.

use contract::ids::{ActiveTokenId, MemberId, QueueName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    money::{Currency, Money},
    reservation::{ReservationId, ReservationState},
};

contract::typed_id! {
    /// A payment, completed or not.
    PaymentId;
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// The money moved.
    Completed,
    /// It did not: the wallet had too little.
    Failed,
    /// It moved, and moved back.
    Refunded,
}

/// An attempt to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// What for.
    pub reservation: ReservationId,
    /// By whom.
    pub member: MemberId,
    /// How much.
    pub amount: Money,
    /// What became of it.
    pub state: PaymentState,
    /// When it was tried.
    pub created_at: Timestamp,
}

/// A payment to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayment {
    /// Its id.
    pub id: PaymentId,
    /// What for.
    pub reservation: ReservationId,
    /// Who asks; must own the reservation.
    pub member: MemberId,
    /// The active token shown; good for nothing once the payment completed.
    pub token: ActiveTokenId,
    /// The queue of that token; it must be the one that guards the concert.
    pub queue: QueueName,
    /// The current instant.
    pub now: Timestamp,
}

/// Reply to a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "value", rename_all = "snake_case")]
pub enum PaymentOutcome {
    /// The reservation is confirmed, its tickets are issued, the token is consumed.
    Completed(Payment),
    /// Too little in the wallet: recorded as failed; the token is kept and paying may be tried again.
    Insufficient {
        /// The failed payment.
        payment: Payment,
        /// What the wallet has.
        balance: Money,
    },
    /// No such reservation.
    ReservationUnknown,
    /// Somebody else's.
    NotYours,
    /// Not paid in time.
    Expired,
    /// It was paid or cancelled before.
    NotAwaitingPayment {
        /// What it is.
        state: ReservationState,
    },
    /// The wallet is in another currency than the prices.
    WrongCurrency {
        /// The wallet's.
        wallet: Currency,
    },
    /// The token is of a queue that does not guard this concert.
    WrongQueue,
    /// A payment was completed with this token.
    TokenConsumed,
    /// The turn was given back.
    TokenLeft,
}
