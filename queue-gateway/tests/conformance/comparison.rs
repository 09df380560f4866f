//! Random operations on both engines at once: every reply equal, and the invariants after every step.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use contract::{
    clock::{Clock, ManualClock},
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
};
use jiff::Timestamp;
use queue_gateway::engine::{QueueEngine, embedded::EmbeddedEngine, redis::RedisEngine};
use queue_gateway::line::{
    AdmissionLimits, Baseline, ConnectionId, ControlChange, Departures, Epoch, Lifetimes, LineChange, LogIndex, Place,
    Readmission, Sequence, Standing, Stats,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use testkit::Redis;
use uuid::Uuid;

use crate::fixture::patient;

const STEPS: usize = 1_200;
const VISITORS: u128 = 24;

#[derive(Clone, Debug)]
enum Operation {
    Configure(Baseline),
    Join(VisitorId, Option<Place>, ActiveTokenId),
    Status(VisitorId),
    Leave(VisitorId),
    Connect(VisitorId, ConnectionId),
    Disconnect(VisitorId, ConnectionId),
    Promote(Vec<ActiveTokenId>),
    Claim(ActiveTokenId, MemberId, Option<Readmission>),
    Release(ActiveTokenId),
    Control(ControlChange),
    Departures(Epoch, LogIndex, usize),
    Line(Option<Sequence>, usize),
}

impl Operation {
    /// The reply as text: replies are of many types, and all of them print in full.
    async fn run(self, engine: &dyn QueueEngine, queue: &QueueName) -> String {
        match self {
            Self::Configure(baseline) => format!("{:?}", engine.configure(queue, baseline).await),
            Self::Join(visitor, held, token) => format!("{:?}", engine.join(queue, visitor, held, token).await),
            Self::Status(visitor) => format!("{:?}", engine.status(queue, visitor).await),
            Self::Leave(visitor) => format!("{:?}", engine.leave(queue, visitor).await),
            Self::Connect(visitor, stream) => format!("{:?}", engine.connect(queue, visitor, stream).await),
            Self::Disconnect(visitor, stream) => format!("{:?}", engine.disconnect(queue, visitor, stream).await),
            Self::Promote(candidates) => format!("{:?}", engine.promote(queue, &candidates).await),
            Self::Claim(token, holder, old) => format!("{:?}", engine.claim(queue, token, holder, old).await),
            Self::Release(token) => format!("{:?}", engine.release(queue, token).await),
            Self::Control(change) => format!("{:?}", engine.control(queue, change).await),
            Self::Departures(epoch, after, limit) => {
                format!("{:?}", engine.departures(queue, epoch, after, limit).await)
            }
            Self::Line(above, limit) => format!("{:?}", engine.line(queue, above, limit).await),
        }
    }
}

/// Draws operations that have a fair chance to meet one another.
struct Draw {
    rng: StdRng,
    tokens: Vec<ActiveTokenId>,
    last_token: u128,
}

impl Draw {
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.rng).unwrap()
    }

    fn visitor(&mut self) -> VisitorId {
        VisitorId(Uuid::from_u128(self.rng.random_range(1..=VISITORS)))
    }

    fn connection(&mut self) -> ConnectionId {
        ConnectionId(Uuid::from_u128(self.rng.random_range(1..4)))
    }

    fn new_token(&mut self) -> ActiveTokenId {
        self.last_token += 1;
        ActiveTokenId(Uuid::from_u128((1 << 64) + self.last_token))
    }

    /// Mostly one that has been given out.
    fn token(&mut self) -> ActiveTokenId {
        if self.tokens.is_empty() || self.rng.random_bool(0.1) {
            return self.new_token();
        }
        let recent = self.tokens.len().saturating_sub(12);
        self.tokens[self.rng.random_range(recent..self.tokens.len())]
    }

    fn candidates(&mut self) -> Vec<ActiveTokenId> {
        let count = self.rng.random_range(0..6);
        (0..count).map(|_| if self.rng.random_bool(0.1) { self.token() } else { self.new_token() }).collect()
    }

    fn epoch(&mut self, current: Epoch) -> Epoch {
        Epoch(current.0 - self.one(&[0, -5, 4, 12, 1_000_000]))
    }

    fn baseline(&mut self) -> Baseline {
        Baseline {
            limits: AdmissionLimits { rate_per_second: self.rate(), cap: self.cap() },
            lifetimes: Lifetimes {
                claim: Duration::from_secs(self.one(&[2, 10, 30])),
                active: Duration::from_secs(self.one(&[5, 20, 300])),
            },
        }
    }

    fn rate(&mut self) -> f64 {
        self.one(&[0.0, 0.3, 1.0, 2.5, 10.0, 1_000.0 / 7.0])
    }

    fn cap(&mut self) -> u64 {
        self.one(&[0, 1, 3, 3, 8, 8, u64::MAX])
    }

    fn control(&mut self) -> ControlChange {
        let mut change = ControlChange::default();
        match self.rng.random_range(0..6) {
            0 => change.rate_per_second = Some(Some(self.rate())),
            1 => change.rate_per_second = Some(None),
            2 => change.cap = Some(Some(self.cap())),
            3 => change.cap = Some(None),
            4 => change.message = self.one(&[Some(None), Some(Some("soon"))]).map(|text| text.map(str::to_owned)),
            _ => change.paused = Some(self.rng.random_bool(0.3)),
        }
        change
    }

    fn pause(&mut self) -> Duration {
        Duration::from_micros(match self.rng.random_range(0..20) {
            0 => self.rng.random_range(0..400_000_000),
            1..4 => self.rng.random_range(0..12_000_000),
            4..10 => 0,
            _ => self.rng.random_range(0..600_000),
        })
    }

    fn operation(&mut self, before: &Stats) -> Operation {
        match self.rng.random_range(0..100) {
            0..30 => {
                let held = self
                    .rng
                    .random_bool(0.3)
                    .then(|| Place { epoch: self.epoch(before.epoch), seq: Sequence(self.rng.random_range(-3..15)) });
                let candidate = if self.rng.random_bool(0.05) { self.token() } else { self.new_token() };
                Operation::Join(self.visitor(), held, candidate)
            }
            30..50 => Operation::Promote(self.candidates()),
            50..57 => Operation::Leave(self.visitor()),
            57..60 => Operation::Status(self.visitor()),
            60..65 => Operation::Connect(self.visitor(), self.connection()),
            65..69 => Operation::Disconnect(self.visitor(), self.connection()),
            69..80 => {
                let old = self.rng.random_bool(0.3).then(|| Readmission {
                    epoch: self.epoch(before.epoch),
                    visitor: self.visitor(),
                    expires_at: before.now + Duration::from_secs(self.one(&[0, 3, 60])),
                });
                let holder = MemberId(Uuid::from_u128(self.rng.random_range(1..4)));
                Operation::Claim(self.token(), holder, old)
            }
            80..85 => Operation::Release(self.token()),
            85..91 => Operation::Control(self.control()),
            91..93 => Operation::Configure(self.baseline()),
            93..97 => {
                let after = self.rng.random_range(0..before.log_head.0 + 2);
                let epoch = if self.rng.random_bool(0.9) { before.epoch } else { self.epoch(before.epoch) };
                Operation::Departures(epoch, LogIndex(after), self.rng.random_range(0..9))
            }
            _ => {
                let above = self.rng.random_bool(0.7).then(|| Sequence(self.rng.random_range(-9..40)));
                Operation::Line(above, self.rng.random_range(0..9))
            }
        }
    }
}

/// The line as a gateway knows it: from sequences and the log alone.
#[derive(Default)]
struct Replica {
    line: BTreeSet<Sequence>,
    last_seq: i64,
    head: LogIndex,
}

impl Replica {
    async fn follow(&mut self, engine: &dyn QueueEngine, queue: &QueueName, stats: &Stats) -> Vec<ActiveTokenId> {
        self.line.extend((self.last_seq + 1..=stats.last_seq.0).map(Sequence));
        self.last_seq = stats.last_seq.0;
        let Departures::Entries(entries) = engine.departures(queue, stats.epoch, self.head, usize::MAX).await.unwrap()
        else {
            panic!("a gap")
        };
        self.head = LogIndex(self.head.0 + entries.len() as u64);
        let mut tokens = Vec::new();
        for entry in entries {
            match entry {
                LineChange::Admitted { seq, admission, .. } => {
                    assert!(self.line.remove(&seq), "{entry:?} was not in the line");
                    tokens.push(admission.token);
                }
                LineChange::Departed { seq } => assert!(self.line.remove(&seq), "{entry:?} was not in the line"),
                LineChange::Restored { seq } => assert!(self.line.insert(seq), "{entry:?} was in the line"),
            }
        }
        tokens
    }
}

async fn check_everybody(engine: &dyn QueueEngine, queue: &QueueName, stats: &Stats) {
    let (mut waiting, mut active) = (0, 0);
    for visitor in 1..=VISITORS {
        match engine.status(queue, VisitorId(Uuid::from_u128(visitor))).await.unwrap() {
            Standing::Waiting { .. } => waiting += 1,
            Standing::Admitted { admission, .. } => {
                active += 1;
                assert!(admission.expires_at > stats.now);
            }
            Standing::Absent => {}
        }
    }
    assert_eq!((waiting, active), (stats.waiting, stats.active));
}

async fn compare(seed: u64, embedded: &dyn QueueEngine, redis: &dyn QueueEngine, clock: &ManualClock) {
    let queue: QueueName = format!("comparison-{seed}").parse().unwrap();
    let mut draw = Draw { rng: StdRng::seed_from_u64(seed), tokens: Vec::new(), last_token: 0 };
    let baseline = draw.baseline();
    let mut before = embedded.configure(&queue, baseline).await.unwrap();
    assert_eq!(before, redis.configure(&queue, baseline).await.unwrap());
    let mut replica = Replica::default();
    for step in 0..STEPS {
        clock.advance(draw.pause());
        before.now = Timestamp::from_microsecond(clock.now().as_microsecond()).unwrap();
        let operation = draw.operation(&before);
        let at = format!("seed {seed}, step {step}, {operation:?}");
        let active_before = embedded.stats(&queue).await.unwrap().active;
        let reply = operation.clone().run(embedded, &queue).await;
        assert_eq!(reply, operation.clone().run(redis, &queue).await, "{at}");

        let stats = embedded.stats(&queue).await.unwrap();
        assert_eq!(stats, redis.stats(&queue).await.unwrap(), "{at}");
        let readmission = matches!(operation, Operation::Claim(_, _, Some(_)));
        let within = stats.active <= stats.control.limits().cap.max(active_before);
        assert!(within || readmission, "{at}: {} active", stats.active);
        draw.tokens.extend(replica.follow(redis, &queue, &stats).await);
        let line = redis.line(&queue, None, usize::MAX).await.unwrap().waiting;
        assert!(line.iter().eq(replica.line.iter()), "{at}: {line:?}, by the log {:?}", replica.line);
        assert_eq!(line.len() as u64, stats.waiting, "{at}");
        if step % 16 == 0 {
            check_everybody(embedded, &queue, &stats).await;
            check_everybody(redis, &queue, &stats).await;
        }
        before = stats;
    }
    assert!(before.admitted_total > 50 && before.unclaimed_total > 5, "seed {seed} shows too little: {before:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_give_the_same_replies_to_the_same_operations() {
    let clock = Arc::new(ManualClock::at_second(1_800_000_000));
    let embedded = EmbeddedEngine::new(clock.clone());
    let redis =
        RedisEngine::connect(&patient(&Redis::shared().await.url())).await.unwrap().with_test_clock(clock.clone());
    for seed in 0..4 {
        compare(seed, &embedded, &redis, &clock).await;
    }
}
