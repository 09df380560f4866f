//! The line in Redis: for any number of gateways on one store.
//!
//! Each step is one script on keys of one hash tag, so a single server, a Cluster, and a server behind Sentinels serve
//! alike, and a queue of a Cluster depends on one node alone. Redis runs scripts one after another; that is the whole
//! concurrency control.

mod codec;
mod keys;
mod scripts;
mod set_up;

use async_trait::async_trait;
use contract::{
    clock::SharedClock,
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
};
use fred::{
    error::{Error, ErrorKind},
    types::{Value, scripts::Script},
};

use jiff::Timestamp;
use service::redis::{ConnectError, Connections, InvalidUrl, RedisSettings};

use self::{
    codec::{
        Reply, above, change,
        control::{closing, instant},
        count, id, text,
    },
    keys::Keys,
    scripts::Scripts,
};
use super::{EngineError, QueueEngine, Risk};
use crate::line::{
    Baseline, Beginning, Change, Claim, Control, ControlChange, Deal, Epoch, JoinReply, JoinRequest, LinePage,
    LogIndex, Lots, Memory, MemoryPage, Opening, Place, Readmission, Rejoined, RememberedSlot, Report, Revocation,
    Sequence, Snapshot, Standing, Stats, Step, Tail,
};

/// Every queue of one Redis.
#[derive(Debug)]
pub struct RedisEngine {
    connections: Connections,
    scripts: Scripts,
    keys: Keys,
    log_capacity: usize,
    test_clock: Option<SharedClock>,
}

impl RedisEngine {
    /// Connects, or says within the connect timeout why not.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, ConnectError> {
        Ok(Self::on(Connections::open(settings).await?))
    }

    /// Connects as soon as there is a server, which may be away at present: until then every step fails.
    pub fn connect_in_background(settings: &RedisSettings) -> Result<Self, InvalidUrl> {
        Ok(Self::on(Connections::open_in_background(settings)?))
    }

    fn on(connections: Connections) -> Self {
        Self {
            connections,
            scripts: Scripts::new(),
            keys: Keys::default(),
            log_capacity: super::LOG_CAPACITY,
            test_clock: None,
        }
    }

    /// Reads the time from `clock` in place of the store's own: for tests, which travel. Engines on one store whose
    /// clocks differ would not agree on credit.
    #[must_use]
    pub fn with_test_clock(mut self, clock: SharedClock) -> Self {
        self.test_clock = Some(clock);
        self
    }

    /// Keeps about `entries` of each log instead of [`LOG_CAPACITY`](super::LOG_CAPACITY).
    #[must_use]
    pub fn with_log_capacity(mut self, entries: usize) -> Self {
        self.log_capacity = entries;
        self
    }

    /// One atomic step on a queue.
    async fn run(
        &self,
        script: &Script,
        queue: &QueueName,
        args: impl IntoIterator<Item = Value>,
    ) -> Result<Value, EngineError> {
        let now = self.test_clock.as_ref().map_or(0, |clock| clock.now().as_microsecond());
        let args = [text(now), text(self.log_capacity)].into_iter().chain(args).collect();
        let reply: Value = self.connections.run(script, self.keys.of(queue), args).await.map_err(explain)?;
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
    async fn configure(
        &self,
        queue: &QueueName,
        baseline: Baseline,
        beginning: Beginning,
    ) -> Result<Stats, EngineError> {
        let Beginning { secret, may_be_known } = beginning;
        let beginning = [text(secret.to_hex()), text(u8::from(may_be_known))];
        let args = codec::control::baseline(&baseline).chain(beginning);
        Reply::new(self.run(&self.scripts.configure, queue, args).await?)?.stats()
    }

    async fn join_many(&self, queue: &QueueName, requests: &[JoinRequest]) -> Result<Vec<JoinReply>, EngineError> {
        let joins = requests.iter().flat_map(codec::join);
        Reply::new(self.run(&self.scripts.join, queue, joins).await?)?.joins(requests.len())
    }

    async fn status(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        Reply::new(self.run(&self.scripts.status, queue, [id(visitor.0)]).await?)?.standing()
    }

    async fn name(&self, queue: &QueueName, visitor: VisitorId, place: Place) -> Result<Standing, EngineError> {
        let args = [id(visitor.0), text(place.epoch.0), text(place.seq.0)];
        Reply::new(self.run(&self.scripts.name, queue, args).await?)?.standing()
    }

    async fn leave(&self, queue: &QueueName, visitor: VisitorId) -> Result<Standing, EngineError> {
        Reply::new(self.run(&self.scripts.leave, queue, [id(visitor.0)]).await?)?.standing()
    }

    async fn step(&self, queue: &QueueName, report: &Report) -> Result<Step, EngineError> {
        Reply::new(self.run(&self.scripts.step, queue, codec::report(report)).await?)?.step()
    }

    async fn deal(&self, queue: &QueueName, deal: &Deal) -> Result<u64, EngineError> {
        let Lots { numbers, secret, beacon } = &deal.lots;
        let which = [text(deal.epoch.0), text(numbers), text(secret.to_hex()), text(beacon), text(deal.first)];
        let args = which.into_iter().chain(deal.places.iter().map(|seq| text(seq.0)));
        codec::dealt(&self.run(&self.scripts.deal, queue, args).await?)
    }

    async fn rejoin(&self, queue: &QueueName, memory: &Memory) -> Result<Rejoined, EngineError> {
        let args = codec::memory::numbers(memory);
        codec::memory::rejoined(self.run(&self.scripts.rejoin, queue, args).await?)
    }

    async fn hand_back(&self, queue: &QueueName, page: &MemoryPage) -> Result<bool, EngineError> {
        let args = codec::memory::page(page);
        Ok(self.run(&self.scripts.hand_back, queue, args).await? == Value::Integer(1))
    }

    async fn arrive(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Standing, EngineError> {
        Reply::new(self.run(&self.scripts.arrive, queue, [id(token.0)]).await?)?.standing()
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
        Reply::new(self.run(&self.scripts.claim, queue, args).await?)?.claim()
    }

    async fn release(&self, queue: &QueueName, token: ActiveTokenId) -> Result<bool, EngineError> {
        Ok(self.run(&self.scripts.release, queue, [id(token.0)]).await? == Value::Integer(1))
    }

    async fn revoke(&self, queue: &QueueName, token: ActiveTokenId) -> Result<Revocation, EngineError> {
        codec::revocation(&self.run(&self.scripts.revoke, queue, [id(token.0)]).await?)
    }

    async fn control(&self, queue: &QueueName, change_to: ControlChange, by: &str) -> Result<Control, EngineError> {
        let ControlChange { rate_per_second, cap, opens_at, opening, closes_at, drains_at, paused, message, beacon } =
            change_to;
        let args = [
            change(rate_per_second),
            change(cap),
            change(opens_at.map(|at| at.map(instant))),
            change(closes_at.map(|at| at.map(closing))),
            change(drains_at.map(|at| at.map(instant))),
            change(paused.map(|paused| Some(u8::from(paused)))),
            change(message),
            change(opening.map(|opening| opening.map(Opening::name))),
            change(beacon.map(Some)),
            text(by),
        ];
        Reply::new(self.run(&self.scripts.control, queue, args).await?)?.control()
    }

    async fn changes(&self, queue: &QueueName, limit: usize) -> Result<Vec<Change>, EngineError> {
        Reply::new(self.run(&self.scripts.changes, queue, [count(limit)]).await?)?.changes()
    }

    async fn stats(&self, queue: &QueueName) -> Result<Stats, EngineError> {
        Reply::new(self.run(&self.scripts.stats, queue, []).await?)?.stats()
    }

    async fn tail(&self, queue: &QueueName, epoch: Epoch, after: LogIndex, limit: usize) -> Result<Tail, EngineError> {
        let args = [text(epoch.0), text(after.0), count(limit)];
        Reply::new(self.run(&self.scripts.tail, queue, args).await?)?.tail()
    }

    async fn line(&self, queue: &QueueName, from: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        Reply::new(self.run(&self.scripts.line, queue, [above(from), count(limit)]).await?)?.line()
    }

    async fn front(&self, queue: &QueueName, from: Option<Sequence>, limit: usize) -> Result<LinePage, EngineError> {
        Reply::new(self.run(&self.scripts.front, queue, [above(from), count(limit)]).await?)?.line()
    }

    async fn slots(
        &self,
        queue: &QueueName,
        from: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RememberedSlot>, EngineError> {
        let from = from.map_or_else(|| text("-inf"), |from| text(from.as_microsecond()));
        codec::memory::slots(self.run(&self.scripts.slots, queue, [from, count(limit)]).await?)
    }

    async fn publish(&self, queue: &QueueName, snapshot: &Snapshot) -> Result<LogIndex, EngineError> {
        let order = Value::Bytes(snapshot.order.clone());
        let args = [text(snapshot.epoch.0), text(snapshot.history.0), text(snapshot.log_head.0), order];
        codec::memory::head(&self.run(&self.scripts.publish, queue, args).await?)
    }

    async fn snapshot(&self, queue: &QueueName) -> Result<Option<Snapshot>, EngineError> {
        codec::memory::snapshot(self.run(&self.scripts.snapshot, queue, []).await?)
    }

    async fn risks(&self) -> Result<Vec<Risk>, EngineError> {
        set_up::look(&self.connections).await.map_err(explain)
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.connections.ping().await.map_err(explain)
    }
}
