//! The line in this process: for one machine, and for tests.
//!
//! Nothing is stored on disk. After a restart the queue begins a later epoch, and those who waited come back to their
//! places by their signed tokens.

mod clocks;
mod control;
mod credit;
mod hearing;
mod invitations;
mod log;
mod lost;
mod networks;
mod places;
mod queue;
mod ready;
mod roster;
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
use super::{EngineError, QueueEngine, Risk};
use crate::line::{
    Baseline, Beginning, Change, Claim, Control, ControlChange, Deal, Epoch, JoinReply, JoinRequest, LinePage,
    LogIndex, Memory, MemoryPage, Place, Readmission, Rejoined, RememberedSlot, Report, Revocation, Sequence, Snapshot,
    Standing, Stats, Step, Tail,
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

    /// Keeps `entries` of each log instead of [`LOG_CAPACITY`](super::LOG_CAPACITY).
    #[must_use]
    pub fn with_log_capacity(mut self, entries: usize) -> Self {
        self.log_capacity = entries;
        self
    }

    /// Hears what gateways remember before anything else is done, as a Redis does that takes over from another, whose
    /// last writes it may lack.
    pub fn take_over(&self) {
        let now = self.clock.now().as_microsecond();
        for queue in self.queues.read().values() {
            queue.lock().doubt(now);
        }
    }

    /// One atomic step on a queue.
    fn locked<R>(&self, name: &QueueName, step: impl FnOnce(&mut Queue, i64) -> R) -> Result<R, EngineError> {
        let queues = self.queues.read();
        let mut queue = queues.get(name).ok_or_else(|| EngineError::NotConfigured(name.clone()))?.lock();
        // Read under the lock: steps that follow one another must not see the time go back.
        Ok(step(&mut queue, self.clock.now().as_microsecond()))
    }

    /// The same for steps that a line which is being given back cannot do.
    fn whole<R>(&self, queue: &QueueName, step: impl FnOnce(&mut Queue, i64) -> R) -> Result<R, EngineError> {
        self.locked(queue, |q, now| {
            q.is_whole(now)?;
            Ok(step(q, now))
        })?
    }
}

#[async_trait]
impl QueueEngine for EmbeddedEngine {
    async fn configure(
        &self,
        queue: &QueueName,
        baseline: Baseline,
        beginning: Beginning,
    ) -> Result<Stats, EngineError> {
        if !self.queues.read().contains_key(queue) {
            let now = self.clock.now().as_microsecond();
            let fresh = || Mutex::new(Queue::begin(now, baseline.clone(), beginning, self.log_capacity));
            self.queues.write().entry(queue.clone()).or_insert_with(fresh);
        }
        self.locked(queue, |q, now| {
            q.set_baseline(baseline, now);
            q.stats(now)
        })
    }

    async fn join_many(&self, queue: &QueueName, requests: &[JoinRequest]) -> Result<Vec<JoinReply>, EngineError> {
        self.locked(queue, |q, now| requests.iter().map(|request| q.join(*request, now)).collect())
    }

    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        self.whole(queue, |q, now| q.standing(visitor, now))
    }

    async fn name(&self, queue: &QueueName, visitor: VisitorId, place: Place) -> Result<Standing, EngineError> {
        self.whole(queue, |q, now| q.name(visitor, place, now))
    }

    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        self.whole(queue, |q, now| q.leave(visitor, now))
    }

    async fn step(&self, queue: &QueueName, report: &Report) -> Result<Step, EngineError> {
        self.locked(queue, |q, now| q.step(report, now))
    }

    async fn deal(&self, queue: &QueueName, deal: &Deal) -> Result<u64, EngineError> {
        self.locked(queue, |q, now| q.deal(deal, now))
    }

    async fn rejoin(&self, queue: &QueueName, memory: &Memory) -> Result<Rejoined, EngineError> {
        self.locked(queue, |q, now| q.rejoin(memory, now))
    }

    async fn hand_back(&self, queue: &QueueName, page: &MemoryPage) -> Result<bool, EngineError> {
        self.locked(queue, |q, now| q.hand_back(page, now))
    }

    async fn arrive(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Standing, EngineError> {
        self.whole(queue, |q, now| q.arrive(token, now))
    }

    async fn claim(
        &self,
        queue: &QueueName,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
    ) -> Result<Claim, EngineError> {
        self.whole(queue, |q, now| q.claim(token, holder, readmission, now))
    }

    async fn release(&self, queue: &QueueName, token: ActiveTokenId) -> Result<bool, EngineError> {
        self.whole(queue, |q, now| q.release(token, now))
    }

    async fn revoke(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Revocation, EngineError> {
        self.whole(queue, |q, now| q.revoke(token, now))
    }

    async fn control(&self, queue: &QueueName, change: ControlChange, by: &str) -> Result<Control, EngineError> {
        self.locked(queue, |q, now| q.change_control(change, by, now))
    }

    async fn changes(&self, queue: &QueueName, limit: usize) -> Result<Vec<Change>, EngineError> {
        self.locked(queue, |q, _| q.changes(limit))
    }

    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError> {
        self.locked(queue, |q, now| q.stats(now))
    }

    async fn tail(&self, queue: &QueueName, epoch: Epoch, after: LogIndex, limit: usize) -> Result<Tail, EngineError> {
        self.locked(queue, |q, now| q.tail(epoch, after, limit, now))
    }

    async fn line(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        self.locked(queue, |q, _| q.line_page(above, limit))
    }

    async fn front(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        self.locked(queue, |q, _| q.front_page(above, limit))
    }

    async fn slots(
        &self,
        queue: &QueueName,
        from: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RememberedSlot>, EngineError> {
        self.locked(queue, |q, _| q.slots_page(from, limit))
    }

    async fn publish(&self, queue: &QueueName, snapshot: &Snapshot) -> Result<LogIndex, EngineError> {
        self.locked(queue, |q, now| q.publish(snapshot, now))
    }

    async fn snapshot(&self, queue: &QueueName) -> Result<Option<Snapshot>, EngineError> {
        self.locked(queue, |q, _| q.snapshot())
    }

    async fn risks(&self) -> Result<Vec<Risk>, EngineError> {
        Ok(Vec::new())
    }

    async fn ping(&self) -> Result<(), EngineError> {
        Ok(())
    }
}
