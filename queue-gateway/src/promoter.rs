//! The one loop of each queue: tell the store who is here, admit, take in what is new, tell those who listen.
//!
//! Every gateway runs it; the engine's own step makes sure that more loops never mean more admissions. It rests while
//! nobody is here, nobody asks and nobody is at the site.

use std::{sync::Arc, time::Duration};

use contract::{
    clock::SharedClock,
    ids::{ActiveTokenId, uuid_at},
};
use service::outage::Outage;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{EngineError, LONGEST_STEP, MOST_DEALT},
    follower::Follower,
    line::{Deal, Draw, GatewayId, LogIndex, Opening, Phase, Report, Sequence, Stats, Step, presence::Changes},
    metrics::QueueMetrics,
    mirror::{Bookmark, LOG_PAGE, News},
};

mod giving_back;
mod resting;

use self::giving_back::give_back;

/// Candidates beyond what the last step's numbers call for: those who came since.
const SPARE_CANDIDATES: u64 = 16;
/// Most admissions of one step: at a tick of 100 ms still 40,000 a second.
const MOST_CANDIDATES: u64 = 4_096;
/// The longest pause between two attempts while the store is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A gateway that has not reached the store for so long sends its streams to others, who may.
const ALONE_TOO_LONG: Duration = Duration::from_secs(30);
/// After so many replies in a row that it could not follow a gateway withdraws.
const MOST_UNFOLLOWED: u32 = 2;

/// The loop of one queue.
#[derive(Debug)]
pub struct Promoter {
    /// Whose line it steps.
    pub follower: Arc<Follower>,
    /// What it counts.
    pub metrics: Arc<QueueMetrics>,
    /// For the ids of new slots.
    pub clock: SharedClock,
    /// Time between two steps.
    pub period: Duration,
    /// The loop rests when nobody was interested for so long.
    pub idle_after: Duration,
    /// How many queues this gateway has: those at rest are looked at by turns.
    pub queues: u32,
}

/// What this gateway and the store know of one another.
#[derive(Debug)]
struct Acquaintance {
    gateway: GatewayId,
    /// How many there have been.
    reports: u64,
    phase: Phase,
    horizon: Sequence,
    withheld: u64,
    stepped_at: Instant,
    /// The last step told of other gateways.
    has_others: bool,
    /// The number of the last report that the store has answered.
    acknowledged: u64,
    /// The store has lost what it had answered, and the line has not been read anew since.
    set_back: bool,
    /// Replies in a row that could not be followed.
    unfollowed: u32,
    /// The newest entry of the log of which a snapshot was left.
    published: LogIndex,
    /// The most gateways that were ever there at a time.
    most_gateways: u32,
}

impl Promoter {
    /// Runs until `stop`, then tells the store that nobody is here any more.
    pub async fn run(self, stop: CancellationToken) {
        let mut known = self.begin();
        let repeated = async {
            self.await_turn(known.gateway).await;
            self.repeat(&mut known).await;
        };
        stop.run_until_cancelled(Box::pin(repeated)).await;
        // A store that is away learns it by our silence.
        let _ = self.take_leave(&mut known).await;
    }

    async fn repeat(&self, known: &mut Acquaintance) {
        let mut ticks = tokio::time::interval(self.period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let outage = Outage::new(
            "promotion stopped: the queue store cannot be used",
            "promotion goes on: the queue store is back",
        )
        .of(self.follower.queue());
        // The queue stays closed as long, and somebody has to notice.
        let beacon = Outage::new("the queue has opened, and its draw waits for the beacon", "the draw has its beacon")
            .of(self.follower.queue());
        let mut pause = self.period;
        // Nobody has been, before the first.
        let mut interested_at = None;
        loop {
            ticks.tick().await;
            let tick = self.tick(known).await;
            outage.note(&tick);
            self.follower.interest.satisfy();
            if tick.is_ok() {
                beacon.note(&self.beacon_is_known());
                pause = self.period;
                if self.is_idle(&mut interested_at) && self.follower.interest.begin_rest() {
                    self.rest(known).await;
                    ticks.reset_immediately();
                }
            } else {
                self.follower.mirror.set_current(false);
                if known.has_others && known.stepped_at.elapsed() > ALONE_TOO_LONG {
                    self.follower.streams.send_some_elsewhere();
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Whether the draw has the beacon that it waits for, if it does.
    fn beacon_is_known(&self) -> Result<(), &'static str> {
        let awaits = |draw: &Draw| draw.is_pending() && draw.numbers.is_some() && draw.beacon.is_none();
        let is_awaited = self.follower.mirror.stats().is_some_and(|stats| awaits(&stats.control.draw));
        if is_awaited { Err("an operator has to say it") } else { Ok(()) }
    }

    async fn tick(&self, known: &mut Acquaintance) -> Result<(), EngineError> {
        if self.follower.take_anew() {
            *known = self.anew(known);
        }
        let Follower { mirror, streams, .. } = &*self.follower;
        let news = self.step(known).await?;
        self.follower.tell(&news);
        if let Some(stats) = mirror.stats() {
            self.metrics.show(&stats, mirror.census());
        }
        let lost = streams.tick().await;
        mirror.set_current(!matches!(news, News::Unsettled | News::Rejoining));
        // A line that is being given back says nothing of anybody.
        if matches!(news, News::Rejoining) {
            return Ok(());
        }
        self.deal().await?;
        self.publish(known).await;
        self.follower.settle(lost).await
    }

    /// Leaves a snapshot of the line for gateways that come late, now and then.
    async fn publish(&self, known: &mut Acquaintance) {
        let Follower { engine, mirror, .. } = &*self.follower;
        let queue = self.follower.queue();
        let Some(snapshot) = mirror.snapshot_after(known.published) else { return };
        // Whether or not it is kept: nothing here is worth a try in every tick, nor worth a step.
        known.published = snapshot.log_head;
        match engine.publish(queue, &snapshot).await {
            Ok(kept) => known.published = kept.max(snapshot.log_head),
            Err(error) => tracing::warn!(%queue, %error, "no snapshot of the line was left for late gateways"),
        }
    }

    /// Deals the places of a draw that is decided. All gateways do, each where another has stopped.
    async fn deal(&self) -> Result<(), EngineError> {
        let Follower { engine, mirror, .. } = &*self.follower;
        let pending = mirror.stats().filter(|stats| stats.control.draw.is_pending());
        let lots = pending.as_ref().and_then(|stats| stats.control.draw.lots());
        let (Some(stats), Some(lots), Some(drawn)) = (pending, lots, mirror.drawn()) else { return Ok(()) };
        let epoch = stats.epoch;
        let deal = async |first, places| {
            let deal = Deal { epoch, lots: lots.clone(), first, places };
            engine.deal(self.follower.queue(), &deal).await
        };
        let mut dealt = deal(1, Vec::new()).await?;
        let began = Instant::now();
        loop {
            let numbers = dealt + 1..=drawn.len().min(dealt + MOST_DEALT as u64);
            let places: Vec<Sequence> =
                numbers.map(|number| drawn.place_in_line(Sequence::of_number(number))).collect();
            let before = dealt;
            if !places.is_empty() {
                dealt = deal(before + 1, places).await?;
            }
            // All are dealt, or the store is another.
            if dealt <= before {
                return Ok(());
            }
            // The next step is to come in time: it is the heartbeat.
            if began.elapsed() > self.period / 2 {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    async fn step(&self, known: &mut Acquaintance) -> Result<News, EngineError> {
        let Follower { engine, mirror, presence, .. } = &*self.follower;
        let bookmark = mirror.bookmark();
        let is_in_order = mirror.stats().is_some_and(|stats| stats.control.draw.settled == Some(Opening::Fifo));
        if let Some(drawn) = mirror.dealt() {
            presence.lock().draw(&drawn);
        } else if is_in_order {
            presence.lock().forget_numbers();
        }
        // What it knows of the line grows old, and nobody is admitted beyond that: the others must not wait for it.
        let withdraws = known.unfollowed >= MOST_UNFOLLOWED;
        let changes = if withdraws {
            known.phase = Phase::Ends;
            Changes::nobody()
        } else {
            let (horizon, wanted) = (self.horizon(known), self.ready_wanted());
            presence.lock().changes(horizon, bookmark.newest, wanted)
        };
        let report = self.report(known, changes.clone(), bookmark);
        let began = Instant::now();
        let step = match engine.step(self.follower.queue(), &report).await {
            Ok(step) => step,
            Err(error) => {
                presence.lock().take_back(changes);
                known.unfollowed += u32::from(matches!(error, EngineError::Corrupt(_)));
                return Err(error);
            }
        };
        self.metrics.step_seconds.observe(began.elapsed().as_secs_f64());
        self.metrics.admitted.inc_by(step.admitted);
        let Step { tail, stats, present, .. } = self.take_note(known, step);
        if tail.rejoining {
            mirror.note_rejoining(&stats);
        }
        let is_missed = mirror.is_missed_by(&tail);
        let is_over = mirror.lapses_by(&tail);
        known.set_back |= !is_missed
            && !is_over
            && (mirror.went_back(bookmark, &tail) || mirror.knows_newer_orders(bookmark, &stats));
        if (is_missed || known.set_back) && give_back(&self.follower, known.gateway).await? {
            known.set_back = false;
            return Ok(News::Rejoining);
        }
        let news = mirror.follow_step(&**engine, bookmark, tail, stats, present, known.set_back).await;
        known.set_back &= !matches!(news, Ok(News::SetBack | News::NewEpoch));
        known.unfollowed = if news.is_err() { known.unfollowed + 1 } else { 0 };
        if withdraws && news.is_ok() {
            *known = self.anew(known);
            presence.lock().begin_anew();
        }
        news
    }

    /// Goes by what the store has said of us and of those who are here.
    fn take_note(&self, known: &mut Acquaintance, step: Step) -> Step {
        let lost = step.previous.is_some_and(|previous| previous < known.acknowledged);
        let set_back = known.set_back || lost;
        let mut presence = self.follower.presence.lock();
        // Time that nobody could use makes nobody absent: the store counts it in the same way.
        presence.advance(known.stepped_at.elapsed().min(LONGEST_STEP));
        presence.hold_back(step.held_back.iter().copied());
        if step.known {
            known.phase = Phase::GoesOn;
            known.acknowledged = known.reports;
        } else {
            *known = self.anew(known);
            presence.begin_anew();
        }
        if known.withheld != step.withheld {
            presence.tell_all_again();
        }
        known.withheld = step.withheld;
        known.horizon = step.horizon;
        known.stepped_at = Instant::now();
        known.set_back = set_back;
        known.has_others = step.present.len() > 1;
        known.most_gateways = known.most_gateways.max(u32::try_from(step.present.len()).unwrap_or(u32::MAX));
        step
    }

    fn begin(&self) -> Acquaintance {
        Acquaintance {
            gateway: GatewayId(uuid_at(self.clock.now())),
            reports: 0,
            phase: Phase::Begins,
            horizon: Sequence::LAST,
            withheld: 0,
            stepped_at: Instant::now(),
            has_others: false,
            acknowledged: 0,
            set_back: false,
            unfollowed: 0,
            published: LogIndex(0),
            most_gateways: 1,
        }
    }

    /// The store is told everything again. It is the same gateway, which others may have named.
    fn anew(&self, known: &Acquaintance) -> Acquaintance {
        let Acquaintance { gateway, reports, most_gateways, .. } = *known;
        Acquaintance { gateway, reports, most_gateways, ..self.begin() }
    }

    fn report(&self, known: &mut Acquaintance, changes: Changes, bookmark: Bookmark) -> Report {
        known.reports += 1;
        let Changes { ready, gone, covers, newest, reach } = changes;
        let candidates = self.candidates(ready.len(), known.stepped_at.elapsed());
        let wanted = self.ready_wanted();
        let histogram = self.follower.presence.lock().histogram();
        Report {
            gateway: known.gateway,
            number: known.reports,
            phase: known.phase,
            ready,
            gone,
            covers,
            newest,
            reach,
            wanted,
            histogram,
            candidates,
            epoch: bookmark.epoch,
            after: bookmark.after,
            limit: LOG_PAGE,
        }
    }

    /// Up to where visitors are reported. Whoever was passed and is here is reported however far the horizon is: their
    /// time to come back runs until the store knows.
    fn horizon(&self, known: &Acquaintance) -> Sequence {
        let watermark = self.follower.mirror.stats().map_or(Sequence::FIRST, |stats| stats.watermark);
        known.horizon.max(watermark)
    }

    fn ready_wanted(&self) -> u64 {
        self.follower.mirror.stats().map_or(u64::from(u8::MAX), |stats| stats.control.limits().ready_wanted())
    }

    /// Ids for as many slots as this step can fill by the last step's numbers, and some more. What a step lacks for is
    /// admitted by the next, since credit stays while somebody is ready.
    fn candidates(&self, reported: usize, since_last: Duration) -> Vec<ActiveTokenId> {
        let stats = self.follower.mirror.stats();
        let time = since_last + self.period;
        let count = stats.map_or(SPARE_CANDIDATES, |stats| wanted(&stats, reported as u64, time));
        (0..count).map(|_| ActiveTokenId::generate(&*self.clock)).collect()
    }
}

/// How many admissions may be due by these numbers after so much time.
fn wanted(stats: &Stats, reported: u64, time: Duration) -> u64 {
    let limits = stats.control.limits();
    let free = limits.cap.saturating_sub(stats.active);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a burst is finite and at least one")]
    let due = (limits.burst().min(limits.rate_per_second * time.as_secs_f64()).ceil()) as u64 + SPARE_CANDIDATES;
    ((stats.ready + reported).min(free) + SPARE_CANDIDATES).min(due).min(MOST_CANDIDATES)
}
