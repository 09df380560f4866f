//! What a case needs: an engine, a clock that it alone moves, a queue of its own, and ids.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contract::{
    clock::Clock,
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
};
use jiff::Timestamp;
use queue_gateway::engine::{EngineError, MOST_JOINS, QueueEngine, embedded::EmbeddedEngine, redis::RedisEngine};
use queue_gateway::line::{
    AdmissionLimits, Baseline, Beginning, Contact, ControlChange, DrawSecret, Epoch, JoinRequest, Joined, Lifetimes,
    LineChange, LogIndex, LogPage, Schedule, Sequence, Standing, Stats,
};
use service::redis::RedisSettings;
use testkit::{Redis, RedisCluster, eventually_some};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::clock::TestClock;

/// Short, so that trimming is seen soon.
pub(crate) const LOG_CAPACITY: usize = 1_000;

/// How long turns and places last in these tests.
pub(crate) const ARRIVE: Duration = Duration::from_secs(10);
pub(crate) const CLAIM: Duration = Duration::from_secs(30);
pub(crate) const CLAIM_AT_MOST: Duration = Duration::from_secs(80);
pub(crate) const ACTIVE: Duration = Duration::from_mins(5);
pub(crate) const GRACE: Duration = Duration::from_mins(1);

pub(crate) struct Fixture {
    pub(crate) engine: Arc<dyn QueueEngine>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) queue: QueueName,
    pub(crate) url: Option<String>,
    pub(crate) last_id: AtomicU64,
}

impl Fixture {
    pub(crate) fn embedded(case: &str) -> Self {
        let clock = Arc::new(TestClock::start());
        let engine = EmbeddedEngine::new(clock.clone()).with_log_capacity(LOG_CAPACITY);
        Self::on(Arc::new(engine), clock, case, None)
    }

    pub(crate) async fn redis(case: &str) -> Self {
        Self::on_redis(Redis::shared().await.url(), case).await
    }

    pub(crate) async fn redis_cluster(case: &str) -> Self {
        static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();
        let cluster = CLUSTER.get_or_init(|| RedisCluster::start(3, 0)).await;
        Self::on_redis(cluster.url(), case).await
    }

    pub(crate) async fn on_redis(url: String, case: &str) -> Self {
        let clock = Arc::new(TestClock::start());
        let engine = redis_engine(&url, clock.clone()).await;
        Self::on(engine, clock, case, Some(url))
    }

    /// The case's name, shortened, names the queue: cases share a server, and must not share a line.
    fn on(engine: Arc<dyn QueueEngine>, clock: Arc<TestClock>, case: &str, url: Option<String>) -> Self {
        let queue = case.replace('_', "-").chars().take(64).collect::<String>().parse().unwrap();
        Self { engine, clock, queue, url, last_id: AtomicU64::new(0) }
    }

    /// Further engines on the same store, as other gateways have them.
    pub(crate) async fn peers(&self, count: usize) -> Vec<Arc<dyn QueueEngine>> {
        let mut peers = vec![self.engine.clone()];
        while peers.len() < count {
            peers.push(match &self.url {
                Some(url) => redis_engine(url, self.clock.clone()).await,
                None => self.engine.clone(),
            });
        }
        peers
    }

    /// Another queue of the same engine.
    pub(crate) fn twin(&self, name: &str) -> Self {
        let queue = format!("{name}-{}", self.queue).chars().take(64).collect::<String>();
        let queue = queue.trim_end_matches('-').parse().unwrap();
        let (engine, clock, url) = (self.engine.clone(), self.clock.clone(), self.url.clone());
        Self { engine, clock, queue, url, last_id: AtomicU64::new(self.last_id.load(Ordering::Relaxed)) }
    }

    pub(crate) fn id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.last_id.fetch_add(1, Ordering::Relaxed) + 1))
    }

    pub(crate) fn visitor(&self) -> VisitorId {
        VisitorId(self.id())
    }

    pub(crate) fn member(&self) -> MemberId {
        MemberId(self.id())
    }

    pub(crate) fn token(&self) -> ActiveTokenId {
        ActiveTokenId(self.id())
    }

    pub(crate) fn tokens(&self, count: usize) -> Vec<ActiveTokenId> {
        (0..count).map(|_| self.token()).collect()
    }

    /// The clock as the store shows it: in whole microseconds.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.clock.now().as_microsecond()).unwrap()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn advance_ms(&self, milliseconds: u64) {
        self.advance(Duration::from_millis(milliseconds));
    }

    pub(crate) async fn configure(&self, rate: f64, cap: u64) -> Stats {
        self.configure_as(baseline(rate, cap)).await
    }

    /// By newer settings than all before.
    pub(crate) async fn configure_as(&self, baseline: Baseline) -> Stats {
        let nth = i64::try_from(self.last_id.fetch_add(1, Ordering::Relaxed)).unwrap();
        self.configure_since(nth, baseline).await
    }

    /// By settings that say so since this microsecond.
    pub(crate) async fn configure_since(&self, as_of: i64, baseline: Baseline) -> Stats {
        let baseline = Baseline { as_of: Timestamp::from_microsecond(as_of).unwrap(), ..baseline };
        self.engine.configure(&self.queue, baseline, BEGINNING).await.unwrap()
    }

    pub(crate) async fn control(&self, change: ControlChange) {
        self.engine.control(&self.queue, change, "Ada").await.unwrap();
    }

    pub(crate) async fn set_rate(&self, rate: f64) {
        self.control(ControlChange { rate_per_second: Some(Some(rate)), ..ControlChange::default() }).await;
    }

    pub(crate) async fn pause(&self, paused: bool) {
        self.control(ControlChange { paused: Some(paused), ..ControlChange::default() }).await;
    }

    /// A join that is no sign of presence.
    pub(crate) async fn join(&self, visitor: VisitorId) -> Joined {
        self.ask(join_request(visitor, self.token())).await
    }

    /// A join of somebody who has been in contact before.
    pub(crate) async fn come(&self, visitor: VisitorId) -> Joined {
        let contact = Some(Contact { network: None });
        self.ask(JoinRequest { contact, ..join_request(visitor, self.token()) }).await
    }

    pub(crate) async fn ask(&self, request: JoinRequest) -> Joined {
        self.engine.join(&self.queue, request).await.unwrap().unwrap()
    }

    /// A newcomer who is to be admitted at once.
    pub(crate) async fn admitted(&self) -> (VisitorId, ActiveTokenId) {
        let visitor = self.visitor();
        match self.come(visitor).await.standing {
            Standing::Admitted { admission, .. } => (visitor, admission.token),
            other => panic!("expected to be admitted at once, is {other:?}"),
        }
    }

    /// Newcomers of whom nobody is present, in order.
    pub(crate) async fn line_of(&self, count: usize) -> Vec<VisitorId> {
        let mut line = Vec::with_capacity(count);
        for _ in 0..count {
            let visitor = self.visitor();
            let joined = self.join(visitor).await;
            assert!(matches!(joined.standing, Standing::Waiting { .. }), "expected to wait: {joined:?}");
            line.push(visitor);
        }
        line
    }

    /// The same of thousands, who join together: one by one they would take a while.
    pub(crate) async fn crowd_of(&self, count: usize) -> Vec<VisitorId> {
        let line: Vec<VisitorId> = (0..count).map(|_| self.visitor()).collect();
        for some in line.chunks(MOST_JOINS) {
            let requests: Vec<_> = some.iter().map(|visitor| join_request(*visitor, self.token())).collect();
            let joined = self.engine.join_many(&self.queue, &requests).await.unwrap();
            assert!(joined.iter().all(|joined| matches!(joined, Ok(Joined { fresh: true, .. }))), "{joined:?}");
        }
        line
    }

    pub(crate) async fn status(&self, visitor: VisitorId) -> Standing {
        self.engine.status(&self.queue, visitor).await.unwrap()
    }

    pub(crate) async fn leave(&self, visitor: VisitorId) -> Standing {
        self.engine.leave(&self.queue, visitor).await.unwrap()
    }

    pub(crate) async fn stats(&self) -> Stats {
        self.engine.stats(&self.queue).await.unwrap()
    }

    /// The log, as far back as every engine keeps it.
    pub(crate) async fn log(&self) -> Vec<LineChange> {
        let stats = self.stats().await;
        self.entries(stats.epoch, stats.log_head.0.saturating_sub(LOG_CAPACITY as u64), LOG_CAPACITY).await
    }

    pub(crate) async fn entries(&self, epoch: Epoch, after: u64, limit: usize) -> Vec<LineChange> {
        match self.page(epoch, after, limit).await {
            LogPage::Entries(entries) => entries,
            LogPage::Gap => panic!("a gap after {after}"),
        }
    }

    pub(crate) async fn page(&self, epoch: Epoch, after: u64, limit: usize) -> LogPage {
        self.engine.tail(&self.queue, epoch, LogIndex(after), limit).await.unwrap().page
    }

    /// The whole line, passed places included.
    pub(crate) async fn line(&self) -> Vec<i64> {
        let page = self.engine.line(&self.queue, None, usize::MAX).await.unwrap();
        page.places.into_iter().map(|seq| seq.0).collect()
    }

    /// The passed places whose visitors are ready.
    pub(crate) async fn front(&self) -> Vec<i64> {
        let page = self.engine.front(&self.queue, None, usize::MAX).await.unwrap();
        page.places.into_iter().map(|seq| seq.0).collect()
    }
}

/// Of the draws in these tests.
pub(crate) const SECRET: DrawSecret = DrawSecret([7; 32]);

/// Of a queue that nobody has known before.
pub(crate) const BEGINNING: Beginning = Beginning { secret: SECRET, may_be_known: false };

pub(crate) const LIFETIMES: Lifetimes = Lifetimes {
    arrive: ARRIVE,
    claim: CLAIM,
    claim_at_most: CLAIM_AT_MOST,
    active: ACTIVE,
    grace: GRACE,
    // Whoever comes back alone need not wait for others.
    come_back: Duration::ZERO,
};

pub(crate) fn baseline(rate_per_second: f64, cap: u64) -> Baseline {
    Baseline {
        as_of: Timestamp::UNIX_EPOCH,
        limits: AdmissionLimits { rate_per_second, cap },
        lifetimes: LIFETIMES,
        max_places: 1_000_000,
        schedule: Schedule::default(),
        invitations: None,
        message: None,
    }
}

/// A join that brings nothing along.
pub(crate) fn join_request(visitor: VisitorId, candidate: ActiveTokenId) -> JoinRequest {
    JoinRequest { visitor, held: None, candidate, contact: None, invitation: None }
}

pub(crate) fn waiting(seq: i64) -> Standing {
    Standing::Waiting { seq: Sequence(seq) }
}

pub(crate) fn is_admitted(standing: Standing) -> bool {
    matches!(standing, Standing::Admitted { .. })
}

async fn redis_engine(url: &str, clock: Arc<TestClock>) -> Arc<dyn QueueEngine> {
    let engine = RedisEngine::connect(&patient(url)).await.unwrap();
    Arc::new(engine.with_test_clock(clock).with_log_capacity(LOG_CAPACITY))
}

/// Time enough on a machine that is busy with other tests.
pub(crate) fn patient(url: &str) -> RedisSettings {
    let (command_timeout, connect_timeout) = (Duration::from_secs(10), Duration::from_secs(20));
    RedisSettings { pool_size: 2, command_timeout, connect_timeout, ..RedisSettings::at(url) }
}

/// Gives up soon: for servers that do not answer.
pub(crate) async fn impatient_engine(url: &str) -> RedisEngine {
    let settings =
        RedisSettings { pool_size: 2, command_timeout: Duration::from_millis(300), ..RedisSettings::at(url) };
    eventually_some("the engine connects", async || RedisEngine::connect(&settings).await.ok()).await
}

/// Repeats a step that may find Redis away. Steps are safe to repeat.
pub(crate) async fn until_done<T>(step: impl AsyncFn() -> Result<T, EngineError>) -> T {
    eventually_some("the engine does its step", async || step().await.ok()).await
}
