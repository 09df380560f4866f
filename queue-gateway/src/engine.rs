//! The contract of the line: what every engine does, what is atomic, and what may fail.
//!
//! A queue is a line of places, a ready set of those who are there, and a set of slots. Every method is one atomic
//! step: one lock section in the embedded engine, one Lua script in Redis. All times are the engine's own (the store's
//! clock), never a gateway's, so skewed gateways cannot admit more. Any number of gateways may call any method at once.
//!
//! Three clocks run in each queue. The store's own; *line time*, which stands still while no gateway steps for more
//! than [`LONGEST_STEP`] although some are registered, so that nobody loses a turn to an outage; and *grace time*,
//! which is line time without pauses. Slots are lost by line time, places by grace time, tokens expire by the store's
//! clock.
//!
//! Two lanes wait in each queue. Those with an [invitation](crate::line::Invitation), which gives one place once, stand
//! in the priority lane, all others in the *general line*. While somebody of both is ready the invited have their
//! [share](crate::line::Share) of the turns, to within one; a lane alone has them all. What is said below of horizon,
//! watermark, passing, expiry and [`Baseline::max_places`] is said of the general line: places in the lane last until
//! they are used or given up. Whoever waits already changes lanes by a join with an invitation, and a join of somebody
//! in the lane finds that place. The invited take no part in a draw, do not wait for it, and may be admitted before the
//! opening ([`Invitations::presale`](crate::line::Invitations)).
//!
//! Expiry is exact on read: what is past its deadline is gone in every reply about a visitor or a slot, whether or not
//! a sweep has met it. The log says so when a sweep meets it or its visitor comes by; pages of the line are as the log
//! has them. Sweeping is part of [`QueueEngine::step`] alone, and bounded.

pub mod embedded;
pub mod redis;

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use contract::ids::{ActiveTokenId, MemberId, QueueName, VisitorId};
use jiff::Timestamp;

use crate::line::{
    Baseline, Beginning, Change, Claim, Control, ControlChange, Deal, Epoch, JoinReply, JoinRequest, LinePage,
    LogIndex, Memory, MemoryPage, Place, Readmission, Rejoined, RememberedSlot, Report, Revocation, Sequence, Snapshot,
    Standing, Stats, Step, Tail,
};

/// How many entries of each log an engine keeps at least.
///
/// At 1,000 departures a second a gateway may fall a minute behind before it has to rebuild from the line.
pub const LOG_CAPACITY: usize = 65_536;

/// Line time gains no more than this between two steps while gateways are registered.
pub const LONGEST_STEP: Duration = Duration::from_secs(1);

/// Places passed within this stretch of grace time expire together, with the last of them.
pub const PASSED_TOGETHER: Duration = Duration::from_secs(1);

/// Outcomes of a client network are forgotten this long after the first of them.
pub const OUTCOMES_LAST: Duration = Duration::from_mins(10);

/// Client networks whose outcomes are kept at one time; above it the oldest are forgotten.
pub const MOST_NETWORKS: usize = 10_000;

/// Visitors of whom the store remembers why they have no place any more; above it the oldest are forgotten.
pub const MOST_LOST: usize = 10_000;

/// Places that a page of a line holds at most which is handed back.
pub const MOST_HANDED_BACK: usize = 2_000;

/// A used invitation is remembered so long after its expiry: clocks may differ, or be set right.
pub const USED_OUTLIVES: Duration = Duration::from_hours(24);

/// Joins that one step takes in at most: what a crowd waits for meanwhile stays within some milliseconds.
pub const MOST_JOINS: usize = 256;

/// Changes of a queue that are kept on record; the oldest make room.
pub const MOST_CHANGES: usize = 1_000;

/// Numbers of a draw for each place that a line may have: those of who leave take part, and coming again gives another.
pub const MOST_NUMBERS_PER_PLACE: u64 = 4;

/// Places of a draw that one step deals at most.
pub const MOST_DEALT: usize = 2_000;

/// What one step sweeps at most of each kind: slots, places that are away, cleared places, entries of gone gateways.
pub const MOST_SWEPT: usize = 1_000;

/// Why a step could not be done. Nothing was changed unless `Unavailable` says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
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

/// What of a store's set-up can cost people their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Risk {
    /// When its memory is full it drops keys.
    #[error("Redis drops parts of a line when its memory is full: set maxmemory-policy to noeviction")]
    Evicts,
    /// What it knows is in memory alone.
    #[error("Redis keeps no append-only file, and a restart may lose the lines: set appendonly to yes")]
    Forgets,
    /// A master that is cut off from its replicas goes on taking writes.
    #[error(
        "Redis takes writes that no replica has, so two halves of a split network may both admit: set \
         min-replicas-to-write and min-replicas-max-lag"
    )]
    WritesAlone,
    /// One dead node of a Cluster stops the queues of all others.
    #[error(
        "a Redis Cluster of which one node is dead stops all queues and not its own alone: set \
         cluster-require-full-coverage to no"
    )]
    StopsWhole,
    /// It does not let us look. Then its process cannot be told from another either.
    #[error(
        "Redis does not let us see how it is set up, and one that was set back may admit once before that is noticed: let \
         its user run INFO"
    )]
    Hidden,
}

/// The line, the ready set and the slots of every queue.
#[async_trait]
pub trait QueueEngine: Debug + Send + Sync + 'static {
    /// Creates the queue if the store has none, beginning its epoch, and sets its baseline, where that is
    /// [newer](Baseline::as_of) than the one that it has; any other is refused, and the reply shows what governs.
    /// Idempotent: the revision goes up only when the baseline says something else.
    ///
    /// A queue that others may remember is *rejoining* for [`REJOINING_PATIENCE`](crate::line::REJOINING_PATIENCE):
    /// nobody joins or is admitted, in case that somebody remembers the line. Gateways at rest may look later than
    /// that.
    async fn configure(
        &self,
        queue: &QueueName,
        baseline: Baseline,
        beginning: Beginning,
    ) -> Result<Stats, EngineError>;

    /// Tells the store in numbers what a gateway remembers of a line. A queue in which nobody has done anything since
    /// it began goes on in the epoch that is remembered; one of this very epoch that lacks any of it - an entry of the
    /// log, a place, an order of an operator's - was set back, and takes it in. A store that finds another process
    /// speaking for it than in the last step, or a report that follows what it does not have, waits to be told by
    /// itself.
    ///
    /// From then on it is *rejoining*, until every gateway has handed back its pages that was live here or is named by
    /// one that has, steps by another epoch and so remembers nothing, or ends. Else until nobody has handed back
    /// anything for [`REJOINING_PATIENCE`](crate::line::REJOINING_PATIENCE), and either
    /// [`REJOINING_LASTS`](crate::line::REJOINING_LASTS) are over or the line is here and as many have been started
    /// since as are still awaited; or for [`REJOINING_AT_MOST`](crate::line::REJOINING_AT_MOST). Nothing is swept,
    /// logged, given or admitted meanwhile, line time stands still, and of the steps about one visitor or slot each is
    /// `Unavailable`. What had been reported of who is there is forgotten, so for
    /// [`REJOINING_SETTLES`](crate::line::REJOINING_SETTLES) more the gateways report anew.
    ///
    /// Whoever remembers the newest entry of the log is believed, and is to tell of all places, one gateway at a time; of
    /// two [histories](crate::line::History) the later counts, however far the log of the other had come. When it is silent for [`REJOINING_PATIENCE`](crate::line::REJOINING_PATIENCE), it is gone, and the next best is
    /// believed. A store that was set back counts as one of them, which has told of all that it knows: so nothing that
    /// it has let go of comes back. Others are to tell of what was given later. Orders count where their revision is
    /// newer, and are recorded as put back by [`BY_GATEWAYS`](crate::line::BY_GATEWAYS); a draw counts where it had
    /// come farther. Refused where a line goes on, and to whoever remembers an earlier history.
    async fn rejoin(&self, queue: &QueueName, memory: &Memory) -> Result<Rejoined, EngineError>;

    /// Takes in a page of what was wanted. Whoever stands at a place in it that is free here is *unknown* until
    /// somebody with that place in this epoch is reported ready, joins or is [named](Self::name), and has no other
    /// place. Of places that were given as long ago as the believed one knows, only those in their pages last.
    ///
    /// Slots are taken from the believed alone, and end where they say so, but for those whose visitor has another that
    /// is claimed; one that they know to be claimed is its holder's, unless it was claimed here. One that was not known
    /// here lasts until it expires; any other that nobody has claimed, as far as is known, counts as arrived at, since
    /// how far its visitor had come may be lost. The grace time of all who were passed begins with the end. A line that
    /// has taken in more than it had goes on with another log, so that everybody reads it anew; and whatever it had,
    /// with another [`History`](crate::line::History). Returns false where somebody else is believed by now. A page
    /// costs what it names, however long the line.
    async fn hand_back(&self, queue: &QueueName, page: &MemoryPage) -> Result<bool, EngineError>;

    /// Gives each visitor a place at the end of the line, or the place they already have: one to [`MOST_JOINS`] joins
    /// in one step, as if they came one after another at the same moment. Replies come in the order of the requests.
    ///
    /// With a `contact`, nobody present waiting, at least one whole credit, a free slot, admission not paused and the
    /// contact's network not held back, they are admitted in this very step under `candidate`. `held` is the place of
    /// their verified waiting token: when it is of an older epoch and the visitor is unknown, they are restored to it
    /// (and wait, whatever the credit). A place is restored once. A place of the current epoch is not: its owner has
    /// left, so they get a fresh place, as does the owner of a place that somebody else stands at or that has expired
    /// here. With the first who is restored the others are awaited for
    /// [`Lifetimes::come_back`](crate::line::Lifetimes): nobody is admitted meanwhile, and line time stands still. That
    /// is once in an epoch, and only while it has admitted nobody or has begun no longer ago than that. Who has to wait
    /// is refused a fresh place when the line has [`Baseline::max_places`] already, expired ones that are not cleared
    /// yet among them; whoever goes straight in passes them all, so no crowd of ghosts can close a queue for good.
    ///
    /// When the first of all joins comes before an opening by [draw](crate::line::Draw), it and those after it get
    /// numbers until the opening: they stand at [`Sequence::of_number`], and there are at most
    /// [`MOST_NUMBERS_PER_PLACE`] for each place. Whichever step first sees the opening fixes how many numbers there
    /// are.
    ///
    /// Nobody present waits when the ready set is empty, every live gateway has reported that all who are present there
    /// are in it, and nobody has a place above the `newest` that any of them knew: whoever has just joined may be
    /// there.
    async fn join_many(&self, queue: &QueueName, requests: &[JoinRequest]) -> Result<Vec<JoinReply>, EngineError>;

    /// One join.
    async fn join(&self, queue: &QueueName, request: JoinRequest) -> Result<JoinReply, EngineError> {
        let reply = self.join_many(queue, &[request]).await?.pop();
        reply.ok_or_else(|| EngineError::Corrupt("expected a reply to a join".to_owned()))
    }

    /// Where the visitor stands. Changes nothing.
    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError>;

    /// Where the visitor stands who comes with a signed token for this place: there, if the place was handed back and
    /// nobody has come for it, and they have no place otherwise. How they had lost another is forgotten.
    async fn name(&self, queue: &QueueName, visitor: VisitorId, place: Place) -> Result<Standing, EngineError>;

    /// Takes the visitor out of the line, or ends their slot unless it is claimed: that ends at the site first. Returns
    /// where they stood before.
    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError>;

    /// One gateway's step: sweeps, takes in what the gateway reports, admits, and says what is new.
    ///
    /// *Sweeps* (bounded): gateways that have not reported for [`GATEWAY_LIVES`](crate::line::GATEWAY_LIVES) are gone
    /// and their entries of the ready set dropped; unclaimed slots whose line time is over are lost - a first no-show
    /// has the place again (`Returned`), others are absent; slots whose token has expired end; places that were passed
    /// and not come back to within the grace time expire (`Expired` for a range, `Departed` for one). No place expires,
    /// nor counts as over in a reply, while a live gateway's `covers` falls short of the watermark: its visitors may be
    /// there, not yet reported.
    ///
    /// *Takes in*, unless a later report of the gateway was taken in: a visitor who is reported ready at their place,
    /// which no number of a draw is, enters the ready set for that gateway (`Ready` in the log when their place has
    /// been passed and they were not in it); one who is gone there leaves it (`Away`, and the grace time begins anew,
    /// when the place has been passed and no other gateway has them).
    ///
    /// A visitor of a network that is held back is refused while it has an unclaimed slot; without one, the lowest of
    /// its visitors in the report is taken in and the others are refused.
    ///
    /// *Admits*, one candidate an admission, the lowest of the ready set whose place no live gateway's `covers` or
    /// `newest` falls short of, as far as credit, cap and candidates allow. Their time to arrive begins with the latest
    /// poll that they were asked to make at any gateway. A candidate whose slot is live is passed over. Entries of gone
    /// gateways and of visitors without a place, and those whose network is held back with an unclaimed slot, are
    /// dropped.
    ///
    /// Credit accrues at the rate by the store's clock up to
    /// [`AdmissionLimits::burst`](crate::line::AdmissionLimits::burst); it rests at one whole admission while the ready
    /// set is empty and at zero while paused. Hence admissions over any window stay within rate x window + one burst,
    /// however many gateways call.
    ///
    /// *Decides the draw* when the opening has come, with `Drawn` in the log, as soon as its beacon is known or none
    /// was named. Nobody is admitted until all places are dealt.
    ///
    /// *Horizon*: when the ready set then has fewer than `wanted` entries, the lowest `reach` of the live gateways, or
    /// [`Sequence::LAST`] when none has one. Else it is the lower of what it was and the lowest `reach`, but not below
    /// the place of the entry at `wanted`, nor above that of the entry at twice `wanted`. So no step asks for more than
    /// some `wanted` visitors of a gateway, and whoever is ready is within it before those in front are used up. It
    /// never falls short of the watermark: whoever was passed and is there has to be ready, or the place would expire.
    async fn step(&self, queue: &QueueName, report: &Report) -> Result<Step, EngineError>;

    /// Puts those who stand at the numbers from `first` on at these places, in this order: the outcome of the draw that
    /// the log has decided, at most [`MOST_DEALT`] at once. Returns up to which number places are dealt; nothing is
    /// done unless `first` is the next, and epoch and lots are those of the queue. With the last of them the queue
    /// begins to admit.
    async fn deal(&self, queue: &QueueName, deal: &Deal) -> Result<u64, EngineError>;

    /// Records that an admitted visitor is at the site, or is still there: the time for a claim begins anew, within
    /// [`Lifetimes::claim_at_most`](crate::line::Lifetimes) of the arrival. Returns where the slot's visitor stands,
    /// absent for a slot that is not live. Repeating is harmless.
    async fn arrive(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Standing, EngineError>;

    /// Binds a live slot to its first holder, which counts as an arrival; the slot then lives until the token's own
    /// expiry. The log tells of it once (`Claimed`), so that gateways can tell a store that has lost it. Repeating is
    /// harmless.
    ///
    /// An unknown token with a `readmission` of an older epoch, unexpired, is taken into the active set and bound, even
    /// above the cap; its visitor leaves the line if they stand in it (logged as `Departed`, since an `Admitted` moves
    /// the watermark). It is `Gone` when the visitor holds another live slot, or had one here that was
    /// released, revoked or has expired. Readmissions cost no credit, move no
    /// watermark and count in no total.
    async fn claim(
        &self,
        queue: &QueueName,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
    ) -> Result<Claim, EngineError>;

    /// Ends a slot, claimed or not: the visitor is absent and the slot free at once. Returns whether it was live.
    async fn release(&self, queue: &QueueName, token: ActiveTokenId) -> Result<bool, EngineError>;

    /// Ends a slot that is not claimed: the visitor is absent, told that it was revoked, and the slot free at once.
    async fn revoke(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Revocation, EngineError>;

    /// Applies a change that `by` orders, records what it changes, and returns what governs from now on. A change that
    /// changes nothing leaves the revision as it is, so repeating is harmless.
    async fn control(&self, queue: &QueueName, change: ControlChange, by: &str) -> Result<Control, EngineError>;

    /// The latest changes of baseline and control, the newest first, of which [`MOST_CHANGES`] are kept. Changes
    /// nothing.
    async fn changes(&self, queue: &QueueName, limit: usize) -> Result<Vec<Change>, EngineError>;

    /// The queue in numbers. Changes nothing.
    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError>;

    /// The end of the log, and at most `limit` entries after `after`. Changes nothing.
    async fn tail(&self, queue: &QueueName, epoch: Epoch, after: LogIndex, limit: usize) -> Result<Tail, EngineError>;

    /// One page of the line above `above` (`None` for the front), passed places included. Read the log head before the
    /// first page: entries after that head, replayed on the pages, give the exact line, since replaying is harmless.
    async fn line(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError>;

    /// One page of the passed places whose visitors are ready, above `above`, ascending.
    async fn front(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError>;

    /// One page of the slots that have not ended, by expiry: at most `limit` of those that expire at `from` or later
    /// (`None` for all). Changes nothing.
    async fn slots(
        &self,
        queue: &QueueName,
        from: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RememberedSlot>, EngineError>;

    /// Keeps a snapshot of a line for gateways that come late: one of its epoch and history, of no more than
    /// [`LONGEST_SNAPSHOT`](crate::line::LONGEST_SNAPSHOT) bytes, that is
    /// [`SNAPSHOT_EVERY`](crate::line::SNAPSHOT_EVERY) entries of the log newer than the one that is kept, or the
    /// first; none while it is rejoining. Returns up to which entry the kept one goes; zero for none.
    async fn publish(&self, queue: &QueueName, snapshot: &Snapshot) -> Result<LogIndex, EngineError>;

    /// The snapshot that is kept. Changes nothing.
    async fn snapshot(&self, queue: &QueueName) -> Result<Option<Snapshot>, EngineError>;

    /// What of the store's set-up can cost people their places, as far as it tells. Of several servers all are asked,
    /// and those that do not answer passed over.
    async fn risks(&self) -> Result<Vec<Risk>, EngineError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), EngineError>;
}
