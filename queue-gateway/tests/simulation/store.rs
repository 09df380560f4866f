//! The embedded engine behind a switch: it can be away or slow, it can be emptied, and a standby can take over from it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    clock::SharedClock,
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
};
use jiff::Timestamp;
use parking_lot::RwLock;
use queue_gateway::engine::{EngineError, QueueEngine, Risk, embedded::EmbeddedEngine};
use queue_gateway::line::{
    Baseline, Beginning, Change, Claim, Control, ControlChange, Deal, Epoch, JoinReply, JoinRequest, LinePage,
    LogIndex, Memory, MemoryPage, Place, Readmission, Rejoined, RememberedSlot, Report, Revocation, Sequence, Snapshot,
    Standing, Stats, Step, Tail,
};

#[derive(Debug)]
pub(crate) struct Store {
    engine: Arc<RwLock<Arc<EmbeddedEngine>>>,
    /// Does every write that the engine does, at the same moment and so with the same outcome, until it is cut off.
    standby: Arc<RwLock<Option<Arc<EmbeddedEngine>>>>,
    away: AtomicBool,
    /// The line cannot be read in full.
    unreadable: AtomicBool,
    without_snapshots: AtomicBool,
    takes: RwLock<Takes>,
    /// How often anything was asked.
    asked: AtomicU64,
    clock: SharedClock,
    log_capacity: usize,
}

/// How long replies take on their way back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Takes {
    /// Joins.
    pub(crate) join: Duration,
    /// Pages of the line.
    pub(crate) page: Duration,
    /// Readings of the log's end.
    pub(crate) tail: Duration,
    /// Steps.
    pub(crate) step: Duration,
    /// Deals of a draw.
    pub(crate) deal: Duration,
}

impl Store {
    pub(crate) fn new(clock: SharedClock, log_capacity: usize) -> Self {
        let fresh = || Arc::new(EmbeddedEngine::new(clock.clone()).with_log_capacity(log_capacity));
        Self {
            engine: Arc::new(RwLock::new(fresh())),
            standby: Arc::new(RwLock::new(Some(fresh()))),
            away: AtomicBool::new(false),
            unreadable: AtomicBool::new(false),
            without_snapshots: AtomicBool::new(false),
            takes: RwLock::default(),
            asked: AtomicU64::new(0),
            clock,
            log_capacity,
        }
    }

    /// The same store by another network, with switches of its own.
    pub(crate) fn by_another_way(&self) -> Self {
        let (engine, standby) = (self.engine.clone(), self.standby.clone());
        Self { engine, standby, ..Self::new(self.clock.clone(), self.log_capacity) }
    }

    /// Makes every call fail, or work again.
    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Makes reading the line in full fail, or work again.
    pub(crate) fn set_unreadable(&self, unreadable: bool) {
        self.unreadable.store(unreadable, Ordering::Relaxed);
    }

    /// Makes reading and leaving snapshots fail, or work again.
    pub(crate) fn set_without_snapshots(&self, without: bool) {
        self.without_snapshots.store(without, Ordering::Relaxed);
    }

    /// Makes replies take so long from now on.
    pub(crate) fn slow_down(&self, takes: Takes) {
        *self.takes.write() = takes;
    }

    /// Loses everything.
    pub(crate) fn empty(&self) {
        let fresh = || Arc::new(EmbeddedEngine::new(self.clock.clone()).with_log_capacity(self.log_capacity));
        *self.engine.write() = fresh();
        *self.standby.write() = Some(fresh());
    }

    /// Replication stops: what is written from now on is lost by the fail-over.
    pub(crate) fn cut_off_standby(&self) -> Arc<EmbeddedEngine> {
        self.standby.write().take().unwrap()
    }

    /// The standby takes over, and knows that it does.
    pub(crate) fn fail_over(&self, standby: Arc<EmbeddedEngine>) {
        standby.take_over();
        self.set_back(standby);
    }

    /// The standby takes over as if nothing had happened.
    pub(crate) fn set_back(&self, standby: Arc<EmbeddedEngine>) {
        *self.engine.write() = standby;
    }

    /// How often anything was asked since the last call.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.swap(0, Ordering::Relaxed)
    }

    /// The engine without the switch: tests look into a store that is away.
    pub(crate) fn inside(&self) -> Arc<EmbeddedEngine> {
        self.engine.read().clone()
    }

    fn standby(&self) -> Option<Arc<EmbeddedEngine>> {
        self.standby.read().clone()
    }

    fn reach(&self) -> Result<Arc<EmbeddedEngine>, EngineError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.away.load(Ordering::Relaxed) {
            return Err(EngineError::Unavailable("switched off".to_owned()));
        }
        Ok(self.inside())
    }

    /// A reply takes its time to come back.
    async fn delayed<R>(&self, reply: R, time: impl Fn(&Takes) -> Duration) -> R {
        let time = time(&self.takes.read());
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        reply
    }
}

#[async_trait]
impl QueueEngine for Store {
    async fn configure(
        &self,
        queue: &QueueName,
        baseline: Baseline,
        beginning: Beginning,
    ) -> Result<Stats, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.configure(queue, baseline.clone(), beginning).await?;
        }
        engine.configure(queue, baseline, beginning).await
    }

    async fn join_many(&self, queue: &QueueName, requests: &[JoinRequest]) -> Result<Vec<JoinReply>, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            let _same = standby.join_many(queue, requests).await?;
        }
        let joined = engine.join_many(queue, requests).await;
        self.delayed(joined, |takes| takes.join).await
    }

    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        self.reach()?.status(queue, visitor).await
    }

    async fn name(&self, queue: &QueueName, visitor: VisitorId, place: Place) -> Result<Standing, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.name(queue, visitor, place).await?;
        }
        engine.name(queue, visitor, place).await
    }

    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.leave(queue, visitor).await?;
        }
        engine.leave(queue, visitor).await
    }

    async fn step(&self, queue: &QueueName, report: &Report) -> Result<Step, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.step(queue, report).await?;
        }
        self.delayed(engine.step(queue, report).await, |takes| takes.step).await
    }

    async fn deal(&self, queue: &QueueName, deal: &Deal) -> Result<u64, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.deal(queue, deal).await?;
        }
        self.delayed(engine.deal(queue, deal).await, |takes| takes.deal).await
    }

    async fn rejoin(&self, queue: &QueueName, memory: &Memory) -> Result<Rejoined, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.rejoin(queue, memory).await?;
        }
        engine.rejoin(queue, memory).await
    }

    async fn hand_back(&self, queue: &QueueName, page: &MemoryPage) -> Result<bool, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.hand_back(queue, page).await?;
        }
        engine.hand_back(queue, page).await
    }

    async fn arrive(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Standing, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.arrive(queue, token).await?;
        }
        engine.arrive(queue, token).await
    }

    async fn claim(
        &self,
        queue: &QueueName,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
    ) -> Result<Claim, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.claim(queue, token, holder, readmission).await?;
        }
        engine.claim(queue, token, holder, readmission).await
    }

    async fn release(&self, queue: &QueueName, token: ActiveTokenId) -> Result<bool, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.release(queue, token).await?;
        }
        engine.release(queue, token).await
    }

    async fn revoke(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Revocation, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.revoke(queue, token).await?;
        }
        engine.revoke(queue, token).await
    }

    async fn control(&self, queue: &QueueName, change: ControlChange, by: &str) -> Result<Control, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.control(queue, change.clone(), by).await?;
        }
        engine.control(queue, change, by).await
    }

    async fn changes(&self, queue: &QueueName, limit: usize) -> Result<Vec<Change>, EngineError> {
        self.reach()?.changes(queue, limit).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError> {
        self.reach()?.stats(queue).await
    }

    async fn tail(&self, queue: &QueueName, epoch: Epoch, after: LogIndex, limit: usize) -> Result<Tail, EngineError> {
        self.delayed(self.reach()?.tail(queue, epoch, after, limit).await, |takes| takes.tail).await
    }

    async fn line(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        if self.unreadable.load(Ordering::Relaxed) {
            return Err(EngineError::Corrupt("pages are torn".to_owned()));
        }
        self.delayed(self.reach()?.line(queue, above, limit).await, |takes| takes.page).await
    }

    async fn front(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        self.delayed(self.reach()?.front(queue, above, limit).await, |takes| takes.page).await
    }

    async fn slots(
        &self,
        queue: &QueueName,
        from: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RememberedSlot>, EngineError> {
        self.delayed(self.reach()?.slots(queue, from, limit).await, |takes| takes.page).await
    }

    async fn publish(&self, queue: &QueueName, snapshot: &Snapshot) -> Result<LogIndex, EngineError> {
        if self.without_snapshots.load(Ordering::Relaxed) {
            return Err(EngineError::Unavailable("it is full".to_owned()));
        }
        self.reach()?.publish(queue, snapshot).await
    }

    async fn snapshot(&self, queue: &QueueName) -> Result<Option<Snapshot>, EngineError> {
        if self.without_snapshots.load(Ordering::Relaxed) {
            return Err(EngineError::Corrupt("the snapshot is torn".to_owned()));
        }
        self.delayed(self.reach()?.snapshot(queue).await, |takes| takes.page).await
    }

    async fn risks(&self) -> Result<Vec<Risk>, EngineError> {
        self.reach()?.risks().await
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.reach()?.ping().await
    }
}
