//! Where a visitor stands, and the slot of one whose turn has come.

use contract::ids::{ActiveTokenId, VisitorId};
use jiff::Timestamp;

use super::place::{Epoch, Sequence};

/// A slot among the active users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The slot; the `jti` of its active token.
    pub token: ActiveTokenId,
    /// Unclaimed, the slot is free again from this moment on.
    pub claim_before: Timestamp,
    /// The token's own expiry.
    pub expires_at: Timestamp,
    /// When the visitor was admitted.
    pub admitted_at: Timestamp,
}

/// Where a visitor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In the line.
    Waiting {
        /// His order.
        seq: Sequence,
    },
    /// Holds a live slot.
    Admitted {
        /// The order he had; zero where a claim readmitted him and he did not stand in the line.
        seq: Sequence,
        /// His slot.
        admission: Admission,
    },
    /// Never joined, left, or his slot was consumed or has run out.
    Absent,
}

/// Reply to a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The queue's epoch, for the waiting token.
    pub epoch: Epoch,
    /// `Waiting` or `Admitted`; never `Absent`.
    pub standing: Standing,
    /// False when the visitor had this place before, in this epoch or an older one.
    pub fresh: bool,
}

/// Reply to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The slot is bound to this holder, now or since earlier.
    Bound {
        /// The token's own expiry.
        expires_at: Timestamp,
    },
    /// Bound to somebody else.
    HeldByAnother,
    /// Unknown to this queue: never existed, released, expired or not claimed in time.
    Gone,
}

/// An admitted visitor's signed token from an older epoch, by which a store that lost its state takes him in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readmission {
    /// The epoch in which the token was minted.
    pub epoch: Epoch,
    /// The token's subject.
    pub visitor: VisitorId,
    /// The token's own expiry.
    pub expires_at: Timestamp,
}

/// Names one open stream, so that a late disconnect cannot undo a newer connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub uuid::Uuid);
