//! The one loop of each queue: promote, bring the mirror up to date, tell the streams.
//!
//! Every gateway runs it; the engine's own step makes sure that more loops never mean more admissions.

use std::{sync::Arc, time::Duration};

use contract::{
    clock::SharedClock,
    ids::{ActiveTokenId, VisitorId},
};
use futures_util::{StreamExt, stream};
use service::outage::Outage;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{EngineError, QueueEngine},
    line::{Promotion, Stats},
    metrics::QueueMetrics,
    mirror::{Mirror, Progress},
    streams::Streams,
};

/// Candidates beyond what the last tick's numbers call for: those who came since.
const SPARE_CANDIDATES: u64 = 16;
/// Most admissions of one step: at a tick of 100 ms still 40,000 a second.
const MOST_CANDIDATES: u64 = 4_096;
/// Visitors whose standing is asked at the same time.
const ASKED_AT_ONCE: usize = 32;
/// The longest pause between two attempts while the store is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The loop of one queue.
#[derive(Debug)]
pub struct Promoter {
    /// The line.
    pub engine: Arc<dyn QueueEngine>,
    /// This gateway's copy of it, which only this loop writes.
    pub mirror: Arc<Mirror>,
    /// Those who listen.
    pub streams: Arc<Streams>,
    /// What it counts.
    pub metrics: Arc<QueueMetrics>,
    /// For the ids of new slots.
    pub clock: SharedClock,
    /// Time between two steps.
    pub period: Duration,
}

impl Promoter {
    /// Runs until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.repeat()).await;
    }

    async fn repeat(&self) {
        let mut ticks = tokio::time::interval(self.period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let outage = Outage::new(
            "promotion stopped: the queue store cannot be used",
            "promotion goes on: the queue store is back",
        )
        .of(self.mirror.queue());
        let mut pause = self.period;
        loop {
            ticks.tick().await;
            let tick = self.tick().await;
            outage.note(&tick);
            if tick.is_ok() {
                pause = self.period;
            } else {
                self.mirror.set_current(false);
                pause = (pause * 2).min(LONGEST_PAUSE);
                tokio::time::sleep(pause).await;
            }
        }
    }

    async fn tick(&self) -> Result<(), EngineError> {
        let promotion = self.promote().await?;
        let progress = self.mirror.follow(&*self.engine, promotion.stats).await?;
        if let Some(stats) = self.mirror.stats() {
            self.metrics.show(&stats);
        }
        let lost = self.streams.tick(self.mirror.queue(), &progress).await;
        self.mirror.set_current(!matches!(progress, Progress::Unsettled));
        self.settle(lost).await
    }

    async fn promote(&self) -> Result<Promotion, EngineError> {
        let queue = self.mirror.queue();
        let candidates = self.candidates();
        let began = Instant::now();
        let promotion = self.engine.promote(queue, &candidates).await?;
        self.metrics.promote_seconds.observe(began.elapsed().as_secs_f64());
        self.metrics.admitted.inc_by(promotion.admitted);
        Ok(promotion)
    }

    /// Ids for as many slots as this step can fill by the last tick's numbers, and some more. What a step lacks for is
    /// admitted by the next, since credit stays while the line is not empty.
    fn candidates(&self) -> Vec<ActiveTokenId> {
        let wanted = self.mirror.stats().map_or(SPARE_CANDIDATES, |stats| wanted(&stats));
        (0..wanted).map(|_| ActiveTokenId::generate(&*self.clock)).collect()
    }

    /// Asks the engine about visitors whom the log does not explain, and tells their streams.
    async fn settle(&self, lost: Vec<VisitorId>) -> Result<(), EngineError> {
        let queue = self.mirror.queue();
        let mut standings = stream::iter(lost)
            .map(|visitor| async move { (visitor, self.engine.status(queue, visitor).await) })
            .buffer_unordered(ASKED_AT_ONCE);
        while let Some((visitor, standing)) = standings.next().await {
            self.streams.settle(queue, visitor, standing?);
        }
        Ok(())
    }
}

/// How many admissions may be due by these numbers.
fn wanted(stats: &Stats) -> u64 {
    let limits = stats.control.limits();
    let free = limits.cap.saturating_sub(stats.active);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a burst is finite and at least one")]
    let burst = limits.burst().ceil() as u64;
    (stats.waiting.min(free) + SPARE_CANDIDATES).min(burst).min(MOST_CANDIDATES)
}
