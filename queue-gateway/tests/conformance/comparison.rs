//! Random operations on both engines at once: every reply equal, the invariants after every step, and both held against
//! a model and against the line as its log tells it.
//!
//! Each run draws fresh seeds and prints them. `CONFORMANCE_SEED=7` repeats one; `CONFORMANCE_RUNS=100` draws more.

use std::{env, sync::Arc, thread};

use contract::{
    clock::Clock,
    ids::{ActiveTokenId, QueueName},
};
use jiff::Timestamp;
use queue_gateway::engine::{QueueEngine, embedded::EmbeddedEngine, redis::RedisEngine};
use queue_gateway::line::{Joined, LineChange, LogPage, Lost, Standing, Stats};
use rand::{Rng, SeedableRng, rngs::StdRng};
use testkit::Redis;

use crate::{
    clock::TestClock,
    fixture::{BEGINNING, patient},
    late::LateGateway,
    mirror::Mirror,
    model::Model,
    operations::{Draw, Operation, Passage, Reply, visitors},
};

const STEPS: usize = 1_000;

/// Says where a run failed.
struct Trace {
    seed: u64,
    step: usize,
    operations: Vec<String>,
}

impl Drop for Trace {
    fn drop(&mut self) {
        if thread::panicking() {
            let from = self.operations.len().saturating_sub(5);
            let latest = self.operations[from..].join("\n");
            eprintln!("CONFORMANCE_SEED={} fails at step {}. The latest operations:\n{latest}", self.seed, self.step);
        }
    }
}

/// What the runs have met, so that a draw that misses something shows.
#[derive(Debug, Default)]
struct Seen {
    admitted: u64,
    straight_in: u64,
    returned: u64,
    away: u64,
    expired: u64,
    kept: u64,
    no_shows: u64,
    not_claimed: u64,
    withheld: u64,
    full: u64,
    /// Deals that found or made a draw complete.
    dealt: u64,
    /// Fresh places in the priority lane, and admissions from it.
    invited: u64,
    invited_in: u64,
    /// Steps and joins while those who come back are awaited.
    awaiting: u64,
}

struct Run<'e> {
    engines: &'e [&'e dyn QueueEngine],
    queue: QueueName,
    model: Model,
    mirror: Mirror,
    trace: Trace,
    /// Those that were given out.
    tokens: Vec<ActiveTokenId>,
    late: Option<LateGateway>,
}

impl Run<'_> {
    fn reference(&self) -> &dyn QueueEngine {
        self.engines[0]
    }

    /// One operation on every engine; the model predicts the reply.
    async fn operate(&mut self, operation: Operation, before: &Stats, met: &mut Seen) -> Stats {
        let mut replies = Vec::new();
        for engine in self.engines {
            replies.push(operation.clone().run(*engine, &self.queue).await);
        }
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:#?}");
        let stats = self.reference().stats(&self.queue).await.unwrap();
        for engine in &self.engines[1..] {
            assert_eq!(engine.stats(&self.queue).await.unwrap(), stats);
        }
        let page = self.reference().tail(&self.queue, stats.epoch, before.log_head, usize::MAX).await.unwrap().page;
        let LogPage::Entries(entries) = page else { panic!("a gap") };
        self.predict(operation, &replies[0], &entries, &stats, met);
        self.mirror.follow(&entries, &stats);
        for entry in &entries {
            match entry {
                LineChange::Invited { .. } => met.invited += 1,
                LineChange::Admitted { seq, admission, .. } => {
                    met.invited_in += u64::from(seq.is_invited());
                    met.admitted += 1;
                    self.tokens.push(admission.token);
                }
                LineChange::Returned { .. } => met.returned += 1,
                LineChange::Away { .. } => met.away += 1,
                LineChange::Expired { kept, .. } => {
                    met.expired += 1;
                    met.kept += kept.len() as u64;
                }
                _ => {}
            }
        }
        stats
    }

    fn predict(&mut self, operation: Operation, reply: &Reply, entries: &[LineChange], stats: &Stats, met: &mut Seen) {
        let predicted = match operation {
            Operation::Join(requests) => {
                let mut predicted = Vec::new();
                for (request, reply) in requests.into_iter().zip(&reply.joins) {
                    let admits = matches!(reply, Ok(Joined { standing: Standing::Admitted { .. }, fresh: true, .. }));
                    let reply = self.model.join(request, admits);
                    self.model.check_windows();
                    met.straight_in += u64::from(admits);
                    met.full += u64::from(reply.is_err());
                    predicted.push(reply);
                }
                format!("{:?}", Ok::<_, ()>(predicted))
            }
            Operation::Leave(visitor) => format!("{:?}", Ok::<_, ()>(self.model.leave(visitor))),
            Operation::Arrive(token) => format!("{:?}", Ok::<_, ()>(self.model.arrive(token))),
            Operation::Claim(token, holder, old) => {
                format!("{:?}", Ok::<_, ()>(self.model.claim(token, holder, old)))
            }
            Operation::Revoke(token) => format!("{:?}", Ok::<_, ()>(self.model.revoke(token))),
            Operation::Release(token) => format!("{:?}", Ok::<_, ()>(self.model.release(token))),
            Operation::Step(report) => {
                self.model.step(&report, reply.step.as_ref().unwrap(), entries);
                return;
            }
            Operation::Deal(deal) => {
                let dealt = self.model.deal(&deal);
                self.mirror.deal(dealt);
                met.dealt += u64::from(self.model.is_drawn());
                format!("{:?}", Ok::<_, ()>(dealt))
            }
            Operation::Configure(_) | Operation::Control(_) => {
                self.model.governed_by(&stats.control);
                return;
            }
            Operation::Changes(_) | Operation::Tail(..) | Operation::Line(..) | Operation::Front(..) => return,
        };
        assert_eq!(reply.text, predicted, "as the model has it");
    }

    /// One page a step, by whoever starts while all goes on.
    async fn read_as_a_late_gateway(&mut self, stats: &Stats) {
        let engine = self.engines[self.engines.len() - 1];
        let mut late = self.late.take().unwrap_or_else(|| LateGateway::begin(stats.clone()));
        if late.read_on(engine, &self.queue).await {
            let (line, front) = late.catch_up(engine, &self.queue, &self.mirror).await;
            let expected = self.mirror.as_drawn(&self.mirror.line);
            assert_eq!((&line, &front), (&expected, &self.mirror.front), "as a late gateway has it");
        } else {
            self.late = Some(late);
        }
    }

    /// Where everybody stands, and the pages of the line.
    async fn check(&self, stats: &Stats, active_before: u64, readmission: bool, met: &mut Seen) {
        let everywhere = self.trace.step.is_multiple_of(16);
        for engine in self.engines.iter().take(if everywhere { self.engines.len() } else { 1 }) {
            for visitor in visitors() {
                let standing = engine.status(&self.queue, visitor).await.unwrap();
                assert_eq!(standing, self.model.standing(visitor), "{visitor:?}");
                match standing {
                    Standing::Absent { lost: Some(Lost::NoShow) } => met.no_shows += 1,
                    Standing::Absent { lost: Some(Lost::NotClaimed) } => met.not_claimed += 1,
                    _ => {}
                }
            }
            let line = engine.line(&self.queue, None, usize::MAX).await.unwrap().places;
            assert!(line.iter().eq(&self.mirror.line), "{line:?}, by the log {:?}", self.mirror.line);
            let front = engine.front(&self.queue, None, usize::MAX).await.unwrap().places;
            assert!(front.iter().eq(&self.mirror.front), "{front:?}, by the log {:?}", self.mirror.front);
        }
        assert_eq!(self.mirror.slots, self.model.slots(), "as the log has them");
        assert_eq!(stats.control.draw, *self.model.draw());
        let returning_until = stats.control.returning_until.map(Timestamp::as_microsecond);
        assert_eq!(returning_until, self.model.returning_until());
        let slots = (self.model.live_slots(), self.model.unclaimed_slots(), self.model.ready());
        assert_eq!((stats.active, stats.unclaimed, stats.ready), slots);
        let within = stats.active <= stats.control.limits().cap.max(active_before);
        assert!(within || readmission, "{} active", stats.active);
    }
}

async fn compare(seed: u64, engines: &[&dyn QueueEngine], clock: &TestClock, met: &mut Seen) {
    let queue: QueueName = format!("comparison-{seed}").parse().unwrap();
    let mut draw = Draw::from_seed(seed, clock.now());
    let baseline = draw.first_baseline();
    let mut before = engines[0].configure(&queue, baseline.clone(), BEGINNING).await.unwrap();
    for engine in &engines[1..] {
        assert_eq!(engine.configure(&queue, baseline.clone(), BEGINNING).await.unwrap(), before);
    }
    let trace = Trace { seed, step: 0, operations: Vec::new() };
    let mut run = Run {
        engines,
        queue,
        model: Model::begin(&before),
        mirror: Mirror::begin(),
        trace,
        tokens: Vec::new(),
        late: None,
    };
    for step in 0..STEPS {
        match draw.passage() {
            Passage::Forward(by) => clock.advance(by),
            Passage::Back(by) => clock.step_back(by),
        }
        before.now = clock.now();
        run.model.at(clock.now());
        let operation = draw.operation(&before, &run.model);
        run.trace.step = step;
        run.trace.operations.push(format!("{} {operation:?}", clock.now()));
        let active_before = run.model.live_slots();
        let readmission = matches!(operation, Operation::Claim(_, _, Some(_)));
        let stats = run.operate(operation, &before, met).await;
        run.check(&stats, active_before, readmission, met).await;
        draw.tokens.append(&mut run.tokens);
        run.read_as_a_late_gateway(&stats).await;
        met.withheld += stats.held_back;
        met.awaiting += u64::from(stats.control.awaits_returns(stats.now));
        before = stats;
    }
}

/// The seeds to run: one that is given, or `fixed` ones and fresh ones.
pub(crate) fn seeds(fixed: std::ops::Range<u64>, fresh: usize) -> Vec<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("CONFORMANCE_SEED") {
        return vec![seed];
    }
    let fresh = number("CONFORMANCE_RUNS").map_or(fresh, |runs| usize::try_from(runs).unwrap());
    let mut rng = StdRng::from_os_rng();
    fixed.chain((0..fresh).map(|_| rng.random_range(1_000..1_000_000_000))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_engine_does_what_the_model_says() {
    let mut met = Seen::default();
    let seeds = seeds(0..20, 20);
    eprintln!("seeds: {seeds:?}");
    for seed in &seeds {
        let clock = Arc::new(TestClock::start());
        let embedded = EmbeddedEngine::new(clock.clone());
        compare(*seed, &[&embedded], &clock, &mut met).await;
    }
    eprintln!("{met:?}");
    if seeds.len() > 1 {
        let Seen {
            admitted, straight_in, returned, away, expired, kept, no_shows, not_claimed, withheld, full, ..
        } = met;
        assert!(met.dealt > 3 && met.invited > 20 && met.invited_in > 20 && met.awaiting > 20, "{met:?}");
        let each = [admitted, straight_in, returned, away, expired, kept, no_shows, not_claimed, withheld, full];
        assert!(each.iter().all(|count| *count > 20), "{met:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_give_the_same_replies_to_the_same_operations() {
    let seeds = seeds(0..3, 3);
    eprintln!("seeds: {seeds:?}");
    for seed in seeds {
        let clock = Arc::new(TestClock::start());
        let embedded = EmbeddedEngine::new(clock.clone());
        let url = Redis::shared().await.url();
        let redis = RedisEngine::connect(&patient(&url)).await.unwrap().with_test_clock(clock.clone());
        compare(seed, &[&embedded, &redis], &clock, &mut Seen::default()).await;
    }
}
