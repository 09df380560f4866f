//! The embedded engine behind a switch: it can be away, it can be emptied, and a standby can take over from it.

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
use parking_lot::RwLock;
use queue_gateway::engine::{EngineError, QueueEngine, embedded::EmbeddedEngine};
use queue_gateway::line::{
    Baseline, Claim, ConnectionId, Control, ControlChange, Departures, Epoch, Joined, LinePage, LogIndex, Place,
    Promotion, Readmission, Sequence, Standing, Stats,
};

#[derive(Debug)]
pub(crate) struct Store {
    engine: RwLock<Arc<EmbeddedEngine>>,
    /// Does every write that the engine does, at the same moment and so with the same outcome, until it is cut off.
    standby: RwLock<Option<Arc<EmbeddedEngine>>>,
    away: AtomicBool,
    /// How long a page of the line takes.
    page_takes: RwLock<Duration>,
    /// How often anything was asked.
    asked: AtomicU64,
    clock: SharedClock,
    log_capacity: usize,
}

impl Store {
    pub(crate) fn new(clock: SharedClock, log_capacity: usize) -> Self {
        let fresh = || Arc::new(EmbeddedEngine::new(clock.clone()).with_log_capacity(log_capacity));
        Self {
            engine: RwLock::new(fresh()),
            standby: RwLock::new(Some(fresh())),
            away: AtomicBool::new(false),
            page_takes: RwLock::default(),
            asked: AtomicU64::new(0),
            clock,
            log_capacity,
        }
    }

    /// Makes every step fail, or work again.
    pub(crate) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Makes each page of the line take so long.
    pub(crate) fn slow_down_pages(&self, page_takes: Duration) {
        *self.page_takes.write() = page_takes;
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

    /// The standby takes over.
    pub(crate) fn fail_over(&self, standby: Arc<EmbeddedEngine>) {
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
}

#[async_trait]
impl QueueEngine for Store {
    async fn configure(&self, queue: &QueueName, baseline: Baseline) -> Result<Stats, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.configure(queue, baseline).await?;
        }
        engine.configure(queue, baseline).await
    }

    async fn join(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        held: Option<Place>,
        candidate: ActiveTokenId,
    ) -> Result<Joined, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.join(queue, visitor, held, candidate).await?;
        }
        engine.join(queue, visitor, held, candidate).await
    }

    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        self.reach()?.status(queue, visitor).await
    }

    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.leave(queue, visitor).await?;
        }
        engine.leave(queue, visitor).await
    }

    async fn connect(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        connection: ConnectionId,
    ) -> Result<Standing, EngineError> {
        self.reach()?.connect(queue, visitor, connection).await
    }

    async fn disconnect(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        connection: ConnectionId,
    ) -> Result<bool, EngineError> {
        self.reach()?.disconnect(queue, visitor, connection).await
    }

    async fn promote(&self, queue: &QueueName, candidates: &[ActiveTokenId]) -> Result<Promotion, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.promote(queue, candidates).await?;
        }
        engine.promote(queue, candidates).await
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

    async fn control(&self, queue: &QueueName, change: ControlChange) -> Result<Control, EngineError> {
        let engine = self.reach()?;
        if let Some(standby) = self.standby() {
            standby.control(queue, change.clone()).await?;
        }
        engine.control(queue, change).await
    }

    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError> {
        self.reach()?.stats(queue).await
    }

    async fn departures(
        &self,
        queue: &QueueName,
        epoch: Epoch,
        after: LogIndex,
        limit: usize,
    ) -> Result<Departures, EngineError> {
        self.reach()?.departures(queue, epoch, after, limit).await
    }

    async fn line(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        let page = self.reach()?.line(queue, above, limit).await;
        let page_takes = *self.page_takes.read();
        tokio::time::sleep(page_takes).await;
        page
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.reach()?.ping().await
    }
}
