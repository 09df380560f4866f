//! The line in Redis: for any number of gateways on one store.
//!
//! Each step is one script on keys of one hash tag, so a single server, a Cluster, and a server behind Sentinels serve
//! alike. Redis runs scripts one after another; that is the whole concurrency control.

mod codec;
mod keys;
mod scripts;

use async_trait::async_trait;
use contract::{
    clock::SharedClock,
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
};
use fred::{
    error::{Error, ErrorKind},
    types::{Value, scripts::Script},
};

use service::redis::{ConnectError, Connections, RedisSettings};

use self::{
    codec::{Reply, change, count, id, micros, text},
    keys::keys_of,
    scripts::Scripts,
};
use super::{EngineError, QueueEngine};
use crate::line::{
    Baseline, Claim, ConnectionId, Control, ControlChange, Departures, Epoch, Joined, LinePage, LogIndex, Place,
    Promotion, Readmission, Sequence, Standing, Stats,
};

/// Every queue of one Redis.
#[derive(Debug)]
pub struct RedisEngine {
    connections: Connections,
    scripts: Scripts,
    log_capacity: usize,
    test_clock: Option<SharedClock>,
}

impl RedisEngine {
    /// Connects, or says within the connect timeout why not.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, ConnectError> {
        Ok(Self {
            connections: Connections::open(settings).await?,
            scripts: Scripts::new(),
            log_capacity: super::LOG_CAPACITY,
            test_clock: None,
        })
    }

    /// Reads the time from `clock` in place of the store's own: for tests, which travel. Engines on one store whose
    /// clocks differ would not agree on credit.
    #[must_use]
    pub fn with_test_clock(mut self, clock: SharedClock) -> Self {
        self.test_clock = Some(clock);
        self
    }

    /// Keeps about `entries` of each departure log instead of [`LOG_CAPACITY`](super::LOG_CAPACITY).
    #[must_use]
    pub fn with_log_capacity(mut self, entries: usize) -> Self {
        self.log_capacity = entries;
        self
    }

    /// One atomic step on a queue.
    async fn step(
        &self,
        script: &Script,
        queue: &QueueName,
        args: impl IntoIterator<Item = Value>,
    ) -> Result<Value, EngineError> {
        let now = self.test_clock.as_ref().map_or(0, |clock| clock.now().as_microsecond());
        let args = [text(now), text(self.log_capacity)].into_iter().chain(args).collect();
        let reply: Value = self.connections.run(script, keys_of(queue), args).await.map_err(explain)?;
        if reply.is_null() { Err(EngineError::NotConfigured(queue.clone())) } else { Ok(reply) }
    }
}

/// What an error of the driver means to the caller. Its text names servers, never passwords.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn explain(error: Error) -> EngineError {
    let details = error.details();
    // A script of ours fails by itself (`ERR`) only on values that no script of ours wrote. Redis also names the script
    // when it refuses a command inside it for other reasons (`OOM`, `READONLY`, `MISCONF`...), which pass.
    let script_failed = details.starts_with("ERR") && details.contains("user_script");
    if script_failed || details.starts_with("WRONGTYPE") || *error.kind() == ErrorKind::Parse {
        EngineError::Corrupt(error.to_string())
    } else {
        EngineError::Unavailable(error.to_string())
    }
}

#[async_trait]
impl QueueEngine for RedisEngine {
    async fn configure(&self, queue: &QueueName, baseline: Baseline) -> Result<Stats, EngineError> {
        let Baseline { limits, lifetimes } = baseline;
        let args = [text(limits.rate_per_second), text(limits.cap), micros(lifetimes.claim), micros(lifetimes.active)];
        Reply::new(self.step(&self.scripts.configure, queue, args).await?)?.stats()
    }

    async fn join(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        held: Option<Place>,
        candidate: ActiveTokenId,
    ) -> Result<Joined, EngineError> {
        let (epoch, seq) = held.map_or((text(""), text("")), |place| (text(place.epoch.0), text(place.seq.0)));
        let args = [id(visitor.0), id(candidate.0), epoch, seq];
        Reply::new(self.step(&self.scripts.join, queue, args).await?)?.joined()
    }

    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        Reply::new(self.step(&self.scripts.status, queue, [id(visitor.0)]).await?)?.standing()
    }

    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        Reply::new(self.step(&self.scripts.leave, queue, [id(visitor.0)]).await?)?.standing()
    }

    async fn connect(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        connection: ConnectionId,
    ) -> Result<Standing, EngineError> {
        let args = [id(visitor.0), id(connection.0)];
        Reply::new(self.step(&self.scripts.connect, queue, args).await?)?.standing()
    }

    async fn disconnect(
        &self,
        queue: &QueueName,
        visitor: VisitorId,
        connection: ConnectionId,
    ) -> Result<bool, EngineError> {
        let args = [id(visitor.0), id(connection.0)];
        Ok(self.step(&self.scripts.disconnect, queue, args).await? == Value::Integer(1))
    }

    async fn promote(&self, queue: &QueueName, candidates: &[ActiveTokenId]) -> Result<Promotion, EngineError> {
        let args = candidates.iter().map(|candidate| id(candidate.0));
        Reply::new(self.step(&self.scripts.promote, queue, args).await?)?.promotion()
    }

    async fn claim(
        &self,
        queue: &QueueName,
        token: ActiveTokenId,
        holder: MemberId,
        readmission: Option<Readmission>,
    ) -> Result<Claim, EngineError> {
        let (epoch, visitor, expires_at) = readmission.map_or((text(""), text(""), text("")), |old| {
            (text(old.epoch.0), id(old.visitor.0), text(old.expires_at.as_microsecond()))
        });
        let args = [id(token.0), id(holder.0), epoch, visitor, expires_at];
        Reply::new(self.step(&self.scripts.claim, queue, args).await?)?.claim()
    }

    async fn release(&self, queue: &QueueName, token: ActiveTokenId) -> Result<bool, EngineError> {
        Ok(self.step(&self.scripts.release, queue, [id(token.0)]).await? == Value::Integer(1))
    }

    async fn control(&self, queue: &QueueName, change_to: ControlChange) -> Result<Control, EngineError> {
        let ControlChange { rate_per_second, cap, paused, message } = change_to;
        let args = [
            change(rate_per_second),
            change(cap),
            change(paused.map(|paused| Some(u8::from(paused)))),
            change(message),
        ];
        Reply::new(self.step(&self.scripts.control, queue, args).await?)?.control()
    }

    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError> {
        Reply::new(self.step(&self.scripts.stats, queue, []).await?)?.stats()
    }

    async fn departures(
        &self,
        queue: &QueueName,
        epoch: Epoch,
        after: LogIndex,
        limit: usize,
    ) -> Result<Departures, EngineError> {
        let args = [text(epoch.0), text(after.0), count(limit)];
        match self.step(&self.scripts.departures, queue, args).await? {
            Value::Integer(_) => Ok(Departures::Gap),
            entries => Reply::new(entries)?.departures(),
        }
    }

    async fn line(&self, queue: &QueueName, above: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        let from = above.map_or_else(|| text("-inf"), |seq| text(format_args!("({}", seq.0)));
        Reply::new(self.step(&self.scripts.line, queue, [from, count(limit)]).await?)?.line()
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.connections.ping().await.map_err(explain)
    }
}
