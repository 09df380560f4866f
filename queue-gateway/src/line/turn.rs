//! Where a visitor stands, and the slot of one whose turn has come.

use contract::ids::{ActiveTokenId, VisitorId};
use jiff::Timestamp;

use super::{
    lane::Invitation,
    life::NoJoins,
    network::ClientNetwork,
    place::{Epoch, Place, Sequence},
};

/// A slot among the active users.
///
/// The two deadlines before the claim run on line time, which stands still while the store is away; they are shown as
/// instants, which move later if that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The slot; the `jti` of its active token.
    pub token: ActiveTokenId,
    /// When the visitor was admitted.
    pub admitted_at: Timestamp,
    /// Unless the visitor arrives before, the slot is free again.
    pub arrive_before: Timestamp,
    /// Unless the token is claimed before, the slot is free again. Until the arrival: the earliest that it can be.
    pub claim_before: Timestamp,
    /// The token's own expiry.
    pub expires_at: Timestamp,
    /// How far the visitor has come.
    pub progress: Progress,
}

/// How far an admitted visitor has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// Has not acknowledged the admission.
    Admitted,
    /// Is at the site.
    Arrived,
    /// The token is bound to a member: only the site ends the slot now, or its expiry.
    Claimed,
}

/// Where a visitor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Has a place in the line, which may have been passed.
    Waiting {
        /// The place's order.
        seq: Sequence,
    },
    /// Holds a live slot.
    Admitted {
        /// The order of the place before; zero where a claim readmitted somebody who did not stand in the line.
        seq: Sequence,
        /// The slot, with its deadlines.
        admission: Admission,
    },
    /// Has neither.
    Absent {
        /// Why, as far as the store remembers.
        lost: Option<Lost>,
    },
}

impl Standing {
    /// Never joined, or long gone.
    pub const UNKNOWN: Self = Self::Absent { lost: None };

    /// The order of the place that the visitor has or had.
    pub fn seq(self) -> Option<Sequence> {
        match self {
            Self::Waiting { seq } | Self::Admitted { seq, .. } => Some(seq),
            Self::Absent { .. } => None,
        }
    }
}

/// A live slot, as far as the log tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveSlot {
    /// Somebody has claimed it.
    Claimed,
    /// Nobody has; this gateway last told the store at this moment of its clock that the visitor is at the site.
    Unclaimed(Timestamp),
}

/// Why somebody has no place any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// Left by choice.
    Left,
    /// Was admitted twice and did not come to the site.
    NoShow,
    /// Came to the site and did not claim the token in time.
    NotClaimed,
    /// The line passed the place, and nobody came back to it within the grace time.
    Passed,
    /// The active token's time is over.
    Ended,
    /// The site has ended the token: paid, or left there.
    Released,
    /// An operator has ended the token.
    Revoked,
}

impl Lost {
    /// Whether it was a turn, and is over: no older token brings it back.
    pub fn was_a_turn(self) -> bool {
        matches!(self, Self::Ended | Self::Released | Self::Revoked)
    }
}

/// Reply to an operator who ends a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The slot is free.
    Ended,
    /// The site has claimed it, and is the one to end it: what was booked with it is known there alone.
    Claimed,
    /// There is no such live slot.
    NotLive,
}

/// What a join brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// Who wants a place.
    pub visitor: VisitorId,
    /// The place of a verified waiting token.
    pub held: Option<Place>,
    /// For a slot, where the visitor can be admitted at once.
    pub candidate: ActiveTokenId,
    /// Given where the client was in contact before, so that the join is a sign of presence.
    pub contact: Option<Contact>,
    /// For a place in the priority lane.
    pub invitation: Option<Invitation>,
}

/// A client that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Whom the rule of networks counts; `None` for allowed networks, and where it cannot be told.
    pub network: Option<ClientNetwork>,
}

/// Reply to a join.
pub type JoinReply = Result<Joined, JoinRefused>;

/// A join that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The queue's epoch, for the waiting token.
    pub epoch: Epoch,
    /// `Waiting` or `Admitted`; never `Absent`.
    pub standing: Standing,
    /// False when the visitor had this place before, in this epoch or an older one.
    pub fresh: bool,
}

/// Why somebody gets no fresh place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefused {
    /// The line has as many places as it may have.
    #[error("the line is full")]
    Full,
    /// The invitation has given a place to somebody, or to this visitor before.
    #[error("the invitation has been used")]
    InvitationUsed,
    /// The time of the invitation is over.
    #[error("the invitation has expired")]
    InvitationExpired,
    /// The queue gives no new places at this moment.
    #[error(transparent)]
    NoJoins(#[from] NoJoins),
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

/// An admitted visitor's signed token from an older epoch, by which a store that lost its state takes them in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readmission {
    /// The epoch in which the token was minted.
    pub epoch: Epoch,
    /// The token's subject.
    pub visitor: VisitorId,
    /// The token's own expiry.
    pub expires_at: Timestamp,
}
