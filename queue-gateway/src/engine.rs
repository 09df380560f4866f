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
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::ids::{ActiveTokenId, MemberId, QueueName, VisitorId};

/// How many entries of each departure log an engine keeps at least.
///
/// At 1,000 departures a second a gateway may fall a minute behind before it has to rebuild from the line.
pub const LOG_CAPACITY: usize = 65_536;

/// When a queue's state came to be in its store, in microseconds since 1970 by the store's clock.
///
/// A store that lost its state begins a later epoch; that is how its tokens are told from older ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// A place's order in its queue: 1, 2, 3... in the order of joining, relative to the queue's current [`Epoch`].
///
/// Places restored from an older epoch are zero or negative: among themselves they keep their old order,
/// and all of them precede whoever joined since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub i64);

/// A place as a waiting token carries it: valid across epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The epoch in which the place was given.
    pub epoch: Epoch,
    /// The sequence relative to that epoch.
    pub seq: Sequence,
}

impl Place {
    /// The same place as a sequence relative to `current`.
    pub fn relative_to(self, current: Epoch) -> Sequence {
        Sequence(self.epoch.0.saturating_sub(current.0).saturating_add(self.seq.0))
    }
}

/// Position in the departure log of a queue: the first entry has index 1. Zero stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogIndex(pub u64);

/// How fast and how far a queue admits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Visitors admitted per second; may be fractional, must be finite and not negative. Zero admits nobody.
    pub rate_per_second: f64,
    /// Most active users at one time.
    pub cap: u64,
}

impl Limits {
    /// Most admissions that may happen at one moment: one second's worth, and never less than one whole admission.
    pub fn burst(&self) -> f64 {
        self.rate_per_second.max(1.0)
    }
}

/// How long an active token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// From admission to the last moment at which a claim is accepted.
    pub claim: std::time::Duration,
    /// From admission to the token's own expiry.
    pub active: std::time::Duration,
}

/// What the settings say of a queue; pushed to the store at start and on live reload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    /// Rate and cap where no operator overrides them.
    pub limits: Limits,
    /// Lifetimes of the tokens admitted from now on.
    pub lifetimes: Lifetimes,
}

/// A partial change by an operator; `None` leaves a value as it is, `Some(None)` returns it to the baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlChange {
    /// Overrides the baseline's rate.
    pub rate_per_second: Option<Option<f64>>,
    /// Overrides the baseline's cap.
    pub cap: Option<Option<u64>>,
    /// Pauses or resumes admission. Credit is not banked while paused.
    pub paused: Option<bool>,
    /// A sentence for those who wait, at most 500 characters.
    pub message: Option<Option<String>>,
}

/// What governs a queue at present.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// Goes up by one with each change of baseline or override.
    pub revision: u64,
    /// From the settings.
    pub baseline: Baseline,
    /// The operator's rate, where set.
    pub rate_override: Option<f64>,
    /// The operator's cap, where set.
    pub cap_override: Option<u64>,
    /// Admission stands still.
    pub paused: bool,
    /// The operator's sentence for those who wait.
    pub message: Option<String>,
}

impl Control {
    /// Rate and cap in force: the operator's where set, else the baseline's.
    pub fn limits(&self) -> Limits {
        Limits {
            rate_per_second: self.rate_override.unwrap_or(self.baseline.limits.rate_per_second),
            cap: self.cap_override.unwrap_or(self.baseline.limits.cap),
        }
    }

    /// The one state of the queue, derived and never stored.
    pub fn state(&self) -> QueueState {
        if self.paused { QueueState::Paused } else { QueueState::Open }
    }
}

/// What a queue is doing as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    /// Joins are taken and visitors admitted.
    Open,
    /// Joins are taken, nobody is admitted.
    Paused,
}

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

/// One change to the line that positions depend on; a plain join is not one, since sequences have no gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineChange {
    /// Left the line for a slot; carries all that is needed to mint the active token.
    Admitted {
        /// The order he had.
        seq: Sequence,
        /// Who.
        visitor: VisitorId,
        /// His slot.
        admission: Admission,
    },
    /// Left the line without a slot.
    Departed {
        /// The order he had.
        seq: Sequence,
    },
    /// Came back to a place of an older epoch; `seq` is zero or negative.
    Restored {
        /// His order, relative to the current epoch.
        seq: Sequence,
    },
}

/// A stretch of the departure log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departures {
    /// The entries after the asked index, oldest first and without a gap; at most as many as asked.
    Entries(Vec<LineChange>),
    /// Older entries were trimmed, or the epoch is another: take a snapshot and start from there.
    Gap,
}

/// The line at one moment, in bounded pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePage {
    /// Waiting sequences above the asked one, ascending; at most as many as asked. A short page is the last.
    pub waiting: Vec<Sequence>,
}

/// A queue in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// The queue's epoch.
    pub epoch: Epoch,
    /// The highest sequence issued; zero before the first join.
    pub last_seq: Sequence,
    /// The newest entry of the departure log.
    pub log_head: LogIndex,
    /// Visitors in the line.
    pub waiting: u64,
    /// Live slots.
    pub active: u64,
    /// Visitors in the line or active who have a stream open.
    pub connected: u64,
    /// Visitors admitted since the epoch began.
    pub admitted_total: u64,
    /// Slots that ran out unclaimed since the epoch began.
    pub unclaimed_total: u64,
    /// What governs the queue.
    pub control: Control,
    /// The store's time of this reply.
    pub now: Timestamp,
}

/// Reply to one promotion step.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    /// How many visitors this step admitted.
    pub admitted: u64,
    /// The queue after the step.
    pub stats: Stats,
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
    /// Credit accrues at the rate by the store's clock up to [`Limits::burst`]; it rests at one whole admission while the
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
