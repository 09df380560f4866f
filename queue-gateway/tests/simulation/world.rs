//! One store and the gateways around it, on the runtime's paused clock.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contract::{
    clock::{Clock, SharedClock},
    ids::{ActiveTokenId, QueueName, VisitorId},
    tokens::ActiveSigner,
};
use jiff::Timestamp;
use prometheus::Registry;
use queue_gateway::{
    baselines::ConfiguredEngine,
    documents::{Documents, TokenLifetimes},
    engine::QueueEngine,
    line::{AdmissionLimits, Baseline, Lifetimes, Place, Sequence, Standing},
    metrics::Metrics,
    mirror::{Mirror, Mirrors},
    promoter::Promoter,
    streams::{StreamLimits, Streams, StreamsFull},
    waiting_token::WaitingSigner,
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{listener::Listener, store::Store};

/// Time between two promotions.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// A clock that follows the runtime's paused one.
#[derive(Debug)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + self.0.elapsed()
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Arc<ConfiguredEngine>,
    pub(crate) queue: QueueName,
    pub(crate) clock: SharedClock,
    documents: Arc<Documents>,
}

/// One gateway without its HTTP surface.
pub(crate) struct Gateway {
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) shutdown: CancellationToken,
    queue: QueueName,
    clock: SharedClock,
}

/// Somebody who has joined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor {
    pub(crate) id: VisitorId,
    pub(crate) place: Place,
}

impl World {
    /// A store with one queue, whose slots live for ten seconds unclaimed.
    pub(crate) async fn new(limits: AdmissionLimits) -> Self {
        Self::with_log(limits, 65_536).await
    }

    /// As [`World::new`]; the departure log keeps so many entries.
    pub(crate) async fn with_log(limits: AdmissionLimits, log_capacity: usize) -> Self {
        let clock: SharedClock = Arc::new(RuntimeClock(Instant::now()));
        let store = Arc::new(Store::new(clock.clone(), log_capacity));
        let queue: QueueName = "demo".parse().unwrap();
        let metrics = Arc::new(Metrics::register(&Registry::new(), [&queue]).unwrap());
        let lifetimes = Lifetimes { claim: Duration::from_secs(10), active: Duration::from_mins(1) };
        let baselines = BTreeMap::from([(queue.clone(), Baseline { limits, lifetimes })]);
        let engine = Arc::new(ConfiguredEngine::new(store.clone(), baselines, metrics));
        engine.push().await;
        let documents = Arc::new(Documents::new(
            ActiveSigner::from_pem(&ActiveSigner::generate_pem(), "gateway", "shop").unwrap(),
            WaitingSigner::new(&"0123456789abcdef0123456789abcdef".into()),
            TokenLifetimes { waiting: Duration::from_hours(1), claim: lifetimes.claim },
            BTreeMap::from([(queue.clone(), "https://shop.test/".to_owned())]),
        ));
        // Half a tick ahead of the gateways: what a test does happens between two promotions.
        tokio::time::sleep(TICK / 2).await;
        Self { store, engine, queue, clock, documents }
    }

    /// Starts a gateway; its first tick is over when this returns.
    pub(crate) async fn gateway(&self) -> Gateway {
        let limits =
            StreamLimits { max_streams: 10_000, longest: Duration::from_hours(1), drain: Duration::from_secs(10) };
        self.gateway_with(limits).await
    }

    /// As [`World::gateway`], with these limits.
    pub(crate) async fn gateway_with(&self, limits: StreamLimits) -> Gateway {
        tokio::time::sleep(TICK / 2).await;
        let metrics = Metrics::register(&Registry::new(), [&self.queue]).unwrap();
        let mirrors = Mirrors::new([self.queue.clone()]);
        let mirror = mirrors.get(&self.queue).unwrap().clone();
        let counted = metrics.queues[&self.queue].clone();
        let streams = Arc::new(Streams::new(
            limits,
            &self.documents,
            [(mirror.clone(), counted.clone())],
            StdRng::seed_from_u64(1),
        ));
        let shutdown = CancellationToken::new();
        let promoter = Promoter {
            engine: self.engine.clone(),
            mirror: mirror.clone(),
            streams: streams.clone(),
            metrics: counted,
            clock: self.clock.clone(),
            period: TICK,
        };
        tokio::spawn(promoter.run(shutdown.clone()));
        tokio::spawn({
            let (streams, shutdown) = (streams.clone(), shutdown.clone());
            async move { streams.run(shutdown).await }
        });
        tokio::time::sleep(TICK / 2).await;
        Gateway { mirror, streams, shutdown, queue: self.queue.clone(), clock: self.clock.clone() }
    }

    /// Lets one promotion happen on every gateway.
    pub(crate) async fn tick(&self) {
        tokio::time::sleep(TICK).await;
    }

    /// Somebody new joins.
    pub(crate) async fn join(&self) -> Visitor {
        self.rejoin(VisitorId::generate(&*self.clock), None).await
    }

    /// Somebody joins who may hold a place.
    pub(crate) async fn rejoin(&self, id: VisitorId, held: Option<Place>) -> Visitor {
        let candidate = ActiveTokenId::generate(&*self.clock);
        let joined = self.engine.join(&self.queue, id, held, candidate).await.unwrap();
        let (Standing::Waiting { seq } | Standing::Admitted { seq, .. }) = joined.standing else {
            panic!("who joins has a place");
        };
        Visitor { id, place: Place { epoch: joined.epoch, seq } }
    }

    /// So many new ones join, one after the other. The first may be admitted on the way in.
    pub(crate) async fn crowd(&self, size: usize) -> Vec<Visitor> {
        let mut crowd = Vec::with_capacity(size);
        for _ in 0..size {
            crowd.push(self.join().await);
        }
        crowd
    }

    /// The line as the store has it.
    pub(crate) async fn line(&self) -> Vec<Sequence> {
        let stats = self.engine.stats(&self.queue).await.unwrap();
        let line = self.engine.line(&self.queue, None, 1_000_000).await.unwrap().waiting;
        assert_eq!(line.len() as u64, stats.waiting);
        line
    }

    pub(crate) async fn standing(&self, visitor: VisitorId) -> Standing {
        self.engine.status(&self.queue, visitor).await.unwrap()
    }

    pub(crate) async fn admitted_total(&self) -> u64 {
        self.engine.stats(&self.queue).await.unwrap().admitted_total
    }

    pub(crate) async fn active(&self) -> u64 {
        self.engine.stats(&self.queue).await.unwrap().active
    }
}

impl Gateway {
    /// Opens a stream for a visitor who stands so by the engine's word.
    pub(crate) fn listen(&self, visitor: VisitorId, standing: Standing) -> Result<Listener, StreamsFull> {
        self.streams.open(&self.queue, visitor, standing).map(Listener::new)
    }

    /// Opens a stream for a visitor, as the handler does.
    pub(crate) async fn stream(&self, world: &World, visitor: Visitor) -> Listener {
        self.listen(visitor.id, world.standing(visitor.id).await).unwrap()
    }

    /// The store's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
