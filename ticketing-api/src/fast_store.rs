//! The contract of the fast store: who holds which seat right now, decided before the database is touched.
//!
//! It only ever refuses early. The database's unique claim decides; a fast store that is down, emptied or behind costs
//! speed and never correctness. Every method is one atomic step (one lock section, one Lua script). Marks expire by the
//! store's own time after `ttl`, so a crashed caller never blocks a seat for longer than a hold lasts.

pub mod embedded;
pub mod redis;
mod settings;

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;

pub use self::settings::{FastStoreEngine, FastStoreSettings};
use crate::booking::{concert::PerformanceId, hold::HoldId, seat::SeatNumber};

/// Reply to an attempt to mark seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// All seats are marked for this hold.
    Marked,
    /// At least these belong to another hold; nothing was marked.
    Taken(Vec<SeatNumber>),
}

/// The fast store did not answer: go on with the database alone.
#[derive(Debug, thiserror::Error)]
#[error("the fast store is unavailable: {0}")]
pub struct FastStoreUnavailable(pub String);

/// Seat marks, shared by all instances.
#[async_trait]
pub trait FastStore: Debug + Send + Sync + 'static {
    /// Marks all the seats for the hold, or none: set-if-absent with expiry. Marking again for the same hold is
    /// harmless.
    async fn mark(
        &self,
        performance: PerformanceId,
        seats: &[SeatNumber],
        hold: HoldId,
        ttl: Duration,
    ) -> Result<Mark, FastStoreUnavailable>;

    /// Removes the marks that still belong to this hold.
    async fn unmark(
        &self,
        performance: PerformanceId,
        seats: &[SeatNumber],
        hold: HoldId,
    ) -> Result<(), FastStoreUnavailable>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), FastStoreUnavailable>;
}
