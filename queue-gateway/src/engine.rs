//! The contract of the line: what every engine does, what is atomic, and what may fail.
//!
//! A queue is a line of waiting visitors and a set of active tokens. Every method is one atomic step: one lock section in
//! the embedded engine, one Lua script in Redis. All times are the engine's own (the store's clock), never a gateway's,
//! so skewed gateways cannot admit more. Any number of gateways may call any method at once.
//!
//! Expiry is exact on read: a token past its deadline is gone in every reply, whether or not a sweep has met it.

pub mod embedded;
pub mod redis;

use std::fmt::Debug;

use async_trait::async_trait;
use contract::ids::{ActiveTokenId, MemberId, QueueName, VisitorId};

use crate::line::{
    Baseline, Claim, ConnectionId, Control, ControlChange, Departures, Epoch, Joined, LinePage, LogIndex, Place,
    Promotion, Readmission, Sequence, Standing, Stats,
};

/// How many entries of each departure log an engine keeps at least.
///
/// At 1,000 departures a second a gateway may fall a minute behind before it has to rebuild from the line.
pub const LOG_CAPACITY: usize = 65_536;

/// Why a step could not be done. Nothing was changed unless `Unavailable` says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store has no such queue: `configure` it and repeat.
    #[error("queue {0} is not configured in the store")]
    NotConfigured(QueueName),
    /// The store did not answer. The step may or may not have happened; every step is safe to repeat.
    #[error("the queue store is unavailable: {0}")]
    Unavailable(String),
    /// The store answered with something that no version of ours writes.
    #[error("the queue store holds unreadable data: {0}")]
    Corrupt(String),
}

/// The line and the active set of every queue.
#[async_trait]
pub trait QueueEngine: Debug + Send + Sync + 'static {
    /// Creates the queue if the store has none (beginning its epoch) and sets its baseline. Idempotent: the revision
    /// goes up only when the baseline differs.
    async fn configure(&self, queue: &QueueName, baseline: Baseline) -> Result<Stats, EngineError>;

    /// Gives the visitor a place at the end of the line, or the place he already has.
    ///
    /// With an empty line, at least one whole credit, a free slot and admission not paused he is admitted in this very
    /// step under `candidate`. `held` is the place of his verified waiting token: when it is of an older epoch and the
    /// visitor is unknown, he is restored to it (and waits, whatever the credit). A place of the current epoch is not
    /// restored: its owner has left, so he gets a fresh place, as does the owner of a place that somebody else stands at.
    async fn join(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        held: Option<Place>,
        candidate: ActiveTokenId,
    ) -> Result<Joined, EngineError>;

    /// Where the visitor stands. Changes nothing.
    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError>;

    /// Takes the visitor out of the line, or ends his slot. Returns where he stood before; `Absent` changes nothing.
    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError>;

    /// Records that the visitor has a stream open and says where he stands; an absent visitor is not recorded, so the
    /// record never outgrows the line and the active set. A later connection replaces an earlier one.
    async fn connect(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        connection: ConnectionId,
    ) -> Result<Standing, EngineError>;

    /// Forgets the connection if it is still the visitor's newest. Returns whether it was.
    async fn disconnect(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        connection: ConnectionId,
    ) -> Result<bool, EngineError>;

    /// Frees slots past their deadline, then admits from the front of the line as far as credit, cap and `candidates`
    /// allow, one candidate an admission, in sequence order. A candidate whose slot is live is passed over.
    ///
    /// Credit accrues at the rate by the store's clock up to [`AdmissionLimits::burst`]; it rests at one whole admission while the
    /// line is empty and at zero while paused. Hence admissions over any window stay within rate x window + one burst,
    /// however many gateways call.
    async fn promote(&self, queue: &QueueName, candidates: &[ActiveTokenId]) -> Result<Promotion, EngineError>;

    /// Binds a live slot to its first holder; the slot then lives until the token's own expiry. Repeating is harmless.
    ///
    /// An unknown token with a `readmission` of an older epoch, unexpired, is taken into the active set and bound, even
    /// above the cap; his visitor leaves the line if he stands in it (logged as `Admitted`). It is `Gone` when the visitor
    /// holds another live slot. Readmissions cost no credit and do not count in [`Stats::admitted_total`].
    async fn claim(
        &self,
        queue: &QueueName,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
    ) -> Result<Claim, EngineError>;

    /// Ends a slot: the visitor is absent and the slot free at once. Returns whether it was live.
    async fn release(&self, queue: &QueueName, token: ActiveTokenId) -> Result<bool, EngineError>;

    /// Applies an operator's change and returns what governs from now on. A change that changes nothing leaves the
    /// revision as it is, so repeating is harmless.
    async fn control(&self, queue: &QueueName, change: ControlChange) -> Result<Control, EngineError>;

    /// The queue in numbers. Changes nothing.
    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError>;

    /// The departure log after `after`, at most `limit` entries.
    async fn departures(
        &self,
        queue: &QueueName,
        epoch: Epoch,
        after: LogIndex,
        limit: usize,
    ) -> Result<Departures, EngineError>;

    /// One page of the line above `above` (`None` for the front). Read the log head before the first page: entries after
    /// that head, replayed on the pages, give the exact line, since replaying a departure twice is harmless.
    async fn line(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), EngineError>;
}
