//! The line in this process: for one machine, and for tests.
//!
//! Nothing is stored on disk. After a restart the queue begins a later epoch, and those who waited come back to their
//! places by their signed tokens.

mod control;
mod credit;
mod line;
mod log;
mod queue;
mod slots;

use std::collections::HashMap;

use async_trait::async_trait;
use contract::{
    clock::SharedClock,
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
};
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};

use self::queue::Queue;
use super::{EngineError, QueueEngine};
use crate::line::{
    Baseline, Claim, ConnectionId, Control, ControlChange, Departures, Epoch, Joined, LinePage, LogIndex, Place,
    Promotion, Readmission, Sequence, Standing, Stats,
};

/// Every queue of this process, each behind a lock of its own.
#[derive(Debug)]
pub struct EmbeddedEngine {
    clock: SharedClock,
    log_capacity: usize,
    /// Grows by `configure` only, so visitors cannot make it grow.
    queues: RwLock<HashMap<QueueName, Mutex<Queue>>>,
}

impl EmbeddedEngine {
    /// An engine without queues that reads the time from `clock`.
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, log_capacity: super::LOG_CAPACITY, queues: RwLock::default() }
    }

    /// Keeps `entries` of each departure log instead of [`LOG_CAPACITY`](super::LOG_CAPACITY).
    #[must_use]
    pub fn with_log_capacity(mut self, entries: usize) -> Self {
        self.log_capacity = entries;
        self
    }

    /// One atomic step on a queue whose slots past their deadline have been freed.
    fn step<R>(&self, name: &QueueName, step: impl FnOnce(&mut Queue, Timestamp) -> R) -> Result<R, EngineError> {
        let queues = self.queues.read();
        let mut queue = queues.get(name).ok_or_else(|| EngineError::NotConfigured(name.clone()))?.lock();
        // Read under the lock: steps that follow one another must not see the time go back.
        let now = self.now();
        queue.sweep(now);
        Ok(step(&mut queue, now))
    }

    /// The clock's time in whole microseconds, the resolution of both engines.
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

#[async_trait]
impl QueueEngine for EmbeddedEngine {
    async fn configure(&self, queue: &QueueName, baseline: Baseline) -> Result<Stats, EngineError> {
        if !self.queues.read().contains_key(queue) {
            let fresh = || Mutex::new(Queue::begin(self.now(), baseline, self.log_capacity));
            self.queues.write().entry(queue.clone()).or_insert_with(fresh);
        }
        self.step(queue, |q, now| {
            q.set_baseline(baseline, now);
            q.stats(now)
        })
    }

    async fn join(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        held: Option<Place>,
        candidate: ActiveTokenId,
    ) -> Result<Joined, EngineError> {
        self.step(queue, |q, now| q.join(visitor, held, candidate, now))
    }

    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        self.step(queue, |q, _| q.standing(visitor))
    }

    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        self.step(queue, |q, _| q.leave(visitor))
    }

    async fn connect(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        connection: ConnectionId,
    ) -> Result<Standing, EngineError> {
        self.step(queue, |q, _| q.connect(visitor, connection))
    }

    async fn disconnect(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        connection: ConnectionId,
    ) -> Result<bool, EngineError> {
        self.step(queue, |q, _| q.disconnect(visitor, connection))
    }

    async fn promote(&self, queue: &QueueName, candidates: &[ActiveTokenId]) -> Result<Promotion, EngineError> {
        self.step(queue, |q, now| Promotion { admitted: q.promote(candidates, now), stats: q.stats(now) })
    }

    async fn claim(
        &self,
        queue: &QueueName,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
    ) -> Result<Claim, EngineError> {
        self.step(queue, |q, now| q.claim(token, holder, readmission, now))
    }

    async fn release(&self, queue: &QueueName, token: ActiveTokenId) -> Result<bool, EngineError> {
        self.step(queue, |q, _| q.release(token))
    }

    async fn control(&self, queue: &QueueName, change: ControlChange) -> Result<Control, EngineError> {
        self.step(queue, |q, now| q.change_control(change, now))
    }

    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError> {
        self.step(queue, |q, now| q.stats(now))
    }

    async fn departures(
        &self,
        queue: &QueueName,
        epoch: Epoch,
        after: LogIndex,
        limit: usize,
    ) -> Result<Departures, EngineError> {
        self.step(queue, |q, _| q.departures(epoch, after, limit))
    }

    async fn line(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        self.step(queue, |q, _| q.line_page(above, limit))
    }

    async fn ping(&self) -> Result<(), EngineError> {
        Ok(())
    }
}
