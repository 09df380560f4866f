//! One store and the gateways around it, on the runtime's paused clock.

mod gateway;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::http::HeaderValue;
use contract::{
    clock::{Clock, SharedClock},
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
    tokens::ActiveSigner,
};
use futures_util::FutureExt;
use jiff::Timestamp;
use prometheus::Registry;
use queue_gateway::{
    baselines::ConfiguredEngine,
    documents::Documents,
    draw::Collected,
    engine::QueueEngine,
    follower::{Follower, Readings},
    line::{
        Admission, AdmissionLimits, Baseline, Claim, ControlChange, Invitations, JoinRequest, Lifetimes, Opening,
        Place, QueueState, Schedule, Sequence, Share, Standing, Stats,
    },
    metrics::Metrics,
    mirror::Mirrors,
    promoter::Promoter,
    streams::{StreamLimits, Streams},
    waiting_room::{Joins, Queue, WaitingRoom},
    waiting_token::WaitingSigner,
};
use rand::{SeedableRng, rngs::StdRng};
use service::address_limit::{KeyedLimiter, QuotaSettings};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

pub(crate) use self::gateway::{Gateway, Visitor, told};
use crate::store::Store;

/// Time between two steps of a gateway.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// An admitted visitor who has not come to the site by then is a no-show.
pub(crate) const ARRIVE: Duration = Duration::from_secs(10);
/// Those who had a place in an older epoch are awaited for so long.
pub(crate) const COME_BACK: Duration = Duration::from_secs(30);
/// From the arrival so long for a claim.
pub(crate) const CLAIM: Duration = Duration::from_secs(20);
/// A passed place is kept for so long.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

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
    pub(crate) baselines: BTreeMap<QueueName, Baseline>,
    documents: Arc<Documents>,
    idle_after: Duration,
}

fn configured(store: Arc<Store>, baselines: &BTreeMap<QueueName, Baseline>) -> ConfiguredEngine {
    let metrics = Metrics::register(&Registry::new(), baselines.keys()).unwrap();
    ConfiguredEngine::new(store, baselines.clone(), Arc::new(metrics), StdRng::seed_from_u64(7))
}

impl World {
    /// A store with one queue.
    pub(crate) async fn new(limits: AdmissionLimits) -> Self {
        Self::with_log(limits, 65_536).await
    }

    /// As [`World::new`]; the queue opens by draw after so long, and takes joins until then.
    pub(crate) async fn opening_by_draw(limits: AdmissionLimits, opens_in: Duration) -> Self {
        Self::opening_by_beacon(limits, opens_in, None).await
    }

    /// As [`World::opening_by_draw`]; the draw waits for the value of this source, where there is one.
    pub(crate) async fn opening_by_beacon(limits: AdmissionLimits, opens_in: Duration, source: Option<&str>) -> Self {
        Self::begin(limits, 65_536, |now| Schedule {
            opens_at: Some(now + opens_in),
            pre_queue: opens_in,
            opening: Opening::Draw,
            beacon_source: source.map(str::to_owned),
            ..Schedule::default()
        })
        .await
    }

    /// As [`World::new`]; the log keeps so many entries.
    pub(crate) async fn with_log(limits: AdmissionLimits, log_capacity: usize) -> Self {
        Self::begin(limits, log_capacity, |_| Schedule::default()).await
    }

    async fn begin(limits: AdmissionLimits, log_capacity: usize, schedule: impl FnOnce(Timestamp) -> Schedule) -> Self {
        let clock: SharedClock = Arc::new(RuntimeClock(Instant::now()));
        let store = Arc::new(Store::new(clock.clone(), log_capacity));
        let queue: QueueName = "demo".parse().unwrap();
        let lifetimes = Lifetimes {
            arrive: ARRIVE,
            claim: CLAIM,
            claim_at_most: 2 * CLAIM,
            active: Duration::from_mins(5),
            grace: GRACE,
            come_back: COME_BACK,
        };
        let schedule = schedule(clock.now());
        let baseline = Baseline {
            as_of: clock.now(),
            limits,
            lifetimes,
            max_places: 1_000_000,
            schedule,
            // Wherever nobody is invited it is without effect.
            invitations: Share::of_thousandths(250).map(|share| Invitations { share, presale: Duration::ZERO }),
            message: None,
        };
        let baselines = BTreeMap::from([(queue.clone(), baseline)]);
        let engine = Arc::new(configured(store.clone(), &baselines));
        engine.push().await;
        let documents = Arc::new(Documents::new(
            ActiveSigner::from_pem(&ActiveSigner::generate_pem(), "gateway", "shop").unwrap(),
            WaitingSigner::new(&"0123456789abcdef0123456789abcdef".into()),
            Duration::from_hours(1),
            BTreeMap::from([(queue.clone(), "https://shop.test/".to_owned())]),
        ));
        // Half a tick ahead of the gateways: what a test does happens between two steps.
        tokio::time::sleep(TICK / 2).await;
        // Tests look at gateways that nobody has asked.
        Self { store, engine, queue, clock, baselines, documents, idle_after: Duration::MAX }
    }

    /// The store as another gateway has it, with a memory of its own.
    pub(crate) fn engine_of_a_gateway(&self) -> ConfiguredEngine {
        configured(self.store.clone(), &self.baselines)
    }

    /// Gateways that are started from now on rest after so long without anybody.
    pub(crate) fn idle_after(self, idle_after: Duration) -> Self {
        Self { idle_after, ..self }
    }

    /// Starts a gateway; it has introduced itself to the store when this returns.
    pub(crate) async fn gateway(&self) -> Gateway {
        let limits = StreamLimits {
            max_streams: 10_000,
            max_per_network: 10_000,
            longest: Duration::from_hours(1),
            drain: Duration::from_secs(10),
        };
        self.gateway_with(limits).await
    }

    /// As [`World::gateway`]; it can be cut off from the store.
    pub(crate) async fn gateway_apart(&self) -> (Gateway, Arc<Store>) {
        let store = Arc::new(self.store.by_another_way());
        let world = Self {
            store: store.clone(),
            engine: Arc::new(configured(store.clone(), &self.baselines)),
            queue: self.queue.clone(),
            clock: self.clock.clone(),
            baselines: self.baselines.clone(),
            documents: self.documents.clone(),
            idle_after: self.idle_after,
        };
        (world.gateway().await, store)
    }

    /// As [`World::gateway`], with these limits.
    pub(crate) async fn gateway_with(&self, limits: StreamLimits) -> Gateway {
        tokio::time::sleep(TICK / 2).await;
        let gateway = self.begin_gateway(limits);
        // The first step learns the epoch, the second introduces the gateway.
        tokio::time::sleep(TICK + TICK / 2).await;
        gateway
    }

    fn begin_gateway(&self, limits: StreamLimits) -> Gateway {
        let metrics = Metrics::register(&Registry::new(), [&self.queue]).unwrap().queues[&self.queue].clone();
        let mirrors = Mirrors::new([self.queue.clone()]);
        let mirror = mirrors.get(&self.queue).unwrap().clone();
        let of_queue = (mirror.clone(), metrics.clone());
        let streams = Arc::new(Streams::new(limits, &self.documents, [of_queue], StdRng::seed_from_u64(1)));
        let follower = Arc::new(Follower::new(self.engine.clone(), streams.iter().next().unwrap().clone()));
        let presence = follower.presence.clone();
        let (readings, reader) = Readings::of(follower.clone());
        let (joins, joiner) = Joins::of(self.engine.clone(), self.queue.clone());
        let (shutdown, drained) = (CancellationToken::new(), CancellationToken::new());
        let promoter = Promoter {
            follower: follower.clone(),
            metrics: metrics.clone(),
            clock: self.clock.clone(),
            period: TICK,
            idle_after: self.idle_after,
            queues: 1,
        };
        let _followed = follower.interest.ask().now_or_never();
        let mut loops = JoinSet::new();
        loops.spawn(reader);
        loops.spawn(joiner);
        loops.spawn(promoter.run(drained.clone()));
        loops.spawn({
            let (streams, shutdown) = (streams.clone(), shutdown.clone());
            async move {
                streams.run(shutdown).await;
                // As in the app: steps go on until the last stream has ended.
                drained.cancel();
            }
        });
        let queue = Queue {
            published_draw: Collected::default(),
            name: self.queue.clone(),
            title: String::new(),
            waiting_room: HeaderValue::from_static("/waiting-room/demo"),
            follower,
            readings,
            joins,
            metrics,
            members: None,
            proof_of_work: None,
        };
        let room = WaitingRoom {
            engine: self.engine.clone(),
            clock: self.clock.clone(),
            departed: Arc::new(KeyedLimiter::new(QuotaSettings { per_second: 0, burst: 0 }, 1)),
            waiting_lifetime: Duration::from_hours(1),
        };
        Gateway { mirror, streams, presence, queue, room, shutdown, loops }
    }

    /// Lets one step happen on every gateway.
    pub(crate) async fn tick(&self) {
        tokio::time::sleep(TICK).await;
    }

    /// Somebody joins and shows no other sign of life.
    pub(crate) async fn ghost(&self) -> Visitor {
        self.rejoin(VisitorId::generate(&*self.clock), None).await
    }

    /// So many of them, one after the other.
    pub(crate) async fn ghosts(&self, number: usize) -> Vec<Visitor> {
        let mut ghosts = Vec::with_capacity(number);
        for _ in 0..number {
            ghosts.push(self.ghost().await);
        }
        ghosts
    }

    /// A line that was lost is back, and everybody follows it.
    pub(crate) async fn until_whole(&self) {
        // One step of a gateway notices.
        tokio::time::sleep(2 * TICK).await;
        let whole = async {
            while self.stats().await.state() == QueueState::Rejoining {
                tokio::time::sleep(TICK).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(70), whole).await.expect("the line is back");
        tokio::time::sleep(3 * TICK).await;
    }

    /// Somebody joins who may hold a place; that alone is no presence.
    pub(crate) async fn rejoin(&self, id: VisitorId, held: Option<Place>) -> Visitor {
        let candidate = ActiveTokenId::generate(&*self.clock);
        let request = JoinRequest { visitor: id, held, candidate, contact: None, invitation: None };
        let joined = self.engine.join(&self.queue, request).await.unwrap().unwrap();
        let seq = joined.standing.seq().expect("who joins has a place");
        Visitor { id, place: Place { epoch: joined.epoch, seq }, network: None, issued_at: self.clock.now() }
    }

    /// The line as the store has it, the passed places included.
    pub(crate) async fn line(&self) -> Vec<Sequence> {
        self.engine.line(&self.queue, None, 1_000_000).await.unwrap().places
    }

    pub(crate) async fn standing(&self, visitor: Visitor) -> Standing {
        self.engine.status(&self.queue, visitor.id).await.unwrap()
    }

    pub(crate) async fn is_admitted(&self, visitor: Visitor) -> bool {
        matches!(self.standing(visitor).await, Standing::Admitted { .. })
    }

    /// Their admission is acknowledged.
    pub(crate) async fn arrive(&self, visitor: Visitor) {
        let Standing::Admitted { admission, .. } = self.standing(visitor).await else { panic!("{visitor:?} waits") };
        self.engine.arrive(&self.queue, admission.token).await.unwrap();
    }

    /// The shop claims the slot of somebody who has one. Returns who holds it from now on.
    pub(crate) async fn claim(&self, visitor: Visitor) -> MemberId {
        let Standing::Admitted { admission, .. } = self.standing(visitor).await else { panic!("{visitor:?} waits") };
        let holder = MemberId::generate(&*self.clock);
        let claim = self.engine.claim(&self.queue, admission.token, holder, None).await.unwrap();
        assert!(matches!(claim, Claim::Bound { .. }), "{visitor:?}: {claim:?}");
        holder
    }

    /// Whoever of these is admitted, with their slot.
    pub(crate) async fn admitted(&self, visitors: &[Visitor]) -> Vec<(Visitor, Admission)> {
        let mut admitted = Vec::new();
        for visitor in visitors {
            if let Standing::Admitted { admission, .. } = self.standing(*visitor).await {
                admitted.push((*visitor, admission));
            }
        }
        admitted
    }

    pub(crate) async fn leave(&self, visitor: Visitor) {
        self.engine.leave(&self.queue, visitor.id).await.unwrap();
    }

    pub(crate) async fn stats(&self) -> Stats {
        self.engine.stats(&self.queue).await.unwrap()
    }

    pub(crate) async fn admitted_total(&self) -> u64 {
        self.stats().await.totals.admitted
    }

    /// An operator's order.
    pub(crate) async fn order(&self, change: ControlChange) {
        self.engine.control(&self.queue, change, "Ada").await.unwrap();
    }

    pub(crate) async fn pause(&self, paused: bool) {
        self.order(ControlChange { paused: Some(paused), ..ControlChange::default() }).await;
    }
}
