//! Background work. Every instance does all of it; leases and row locks in the database keep them apart.

mod claims;
mod expiry;
mod health;
mod housekeeping;
mod outbox;

use std::{fmt::Display, time::Duration};

use contract::clock::SharedClock;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::Deserialize;
use service::{
    outage::Outage,
    settings::{Faults, Validate},
};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use self::{
    claims::ClaimRepeater,
    expiry::ExpirySweeper,
    health::{DatabaseHealth, Health},
    housekeeping::Housekeeping,
    outbox::{Backoff, OutboxDispatcher},
};
use crate::metrics::JobMetrics;

/// When background work is done.
#[derive(Clone, Debug, Deserialize)]
pub struct JobSettings {
    /// Between two sweeps for bookings past their deadline.
    #[serde(with = "duration")]
    pub sweep_every: Duration,
    /// Between two looks into the outbox.
    #[serde(with = "duration")]
    pub outbox_every: Duration,
    /// Before the first retry of a delivery; doubled from try to try.
    #[serde(with = "duration")]
    pub outbox_retry_first: Duration,
    /// Between two tries at the longest.
    #[serde(with = "duration")]
    pub outbox_retry_longest: Duration,
    /// Between two looks for claims that the gateway is to be told again.
    #[serde(with = "duration")]
    pub claims_every: Duration,
    /// How long after a claim, and after each time that it was told again, the gateway is told once more.
    #[serde(with = "duration")]
    pub repeat_claims_after: Duration,
    /// Between two rounds of dropping what ended long ago.
    #[serde(with = "duration")]
    pub housekeeping_every: Duration,
    /// How long that is kept.
    #[serde(with = "duration")]
    pub keep_for: Duration,
    /// Between two health checks of the database.
    #[serde(with = "duration")]
    pub health_every: Duration,
}

impl Validate for JobSettings {
    fn validate(&self, at: &mut Faults) {
        for (key, value) in [
            ("sweep_every", self.sweep_every),
            ("outbox_every", self.outbox_every),
            ("outbox_retry_first", self.outbox_retry_first),
            ("claims_every", self.claims_every),
            ("repeat_claims_after", self.repeat_claims_after),
            ("housekeeping_every", self.housekeeping_every),
            ("health_every", self.health_every),
        ] {
            at.positive_duration(key, value);
        }
        at.require(
            "outbox_retry_longest",
            self.outbox_retry_longest >= self.outbox_retry_first,
            "must not be shorter than outbox_retry_first",
        );
        // A client may well repeat a call whose reply was lost for as long as its active token lives.
        at.require("keep_for", self.keep_for >= Duration::from_hours(1), "must be at least 1h");
    }
}

/// A run that takes longer is given up and begun anew. A database that vanished without a word, as behind a broken
/// switch, answers a statement under way never: without an end no seat would be freed again when another takes over.
const LONGEST_RUN: Duration = Duration::from_mins(1);

/// One kind of background work. A run that is dropped half-way must leave nothing that the next one does not finish.
#[async_trait::async_trait]
pub trait Job: Send + Sync {
    /// Names it in the log and in metrics.
    const NAME: &str;
    /// What its runs fail with.
    type Error: Display;

    /// Does what there is to do now, up to a bound. `true` when more is waiting.
    async fn run(&self) -> Result<bool, Self::Error>;
}

/// Runs a job again and again until `shutdown`. A run in hand is finished; a failure is logged once an outage.
pub async fn every<J: Job>(
    interval: Duration,
    job: J,
    clock: SharedClock,
    metrics: JobMetrics,
    shutdown: CancellationToken,
) {
    let mut ticks = tokio::time::interval(interval);
    // After a stall one run is enough: it sees everything that came due meanwhile.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let outage = Outage::new("a job cannot do its work: trying on", "the job works again").of(J::NAME);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        loop {
            let run = match tokio::time::timeout(LONGEST_RUN, job.run()).await {
                Ok(run) => run.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no end within {LONGEST_RUN:?}")),
            };
            outage.note(&run);
            let Ok(more) = run else {
                metrics.failed(J::NAME);
                break;
            };
            metrics.succeeded(J::NAME, clock.now());
            if !more || shutdown.is_cancelled() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use contract::clock::ManualClock;
    use prometheus::Registry;

    use super::*;
    use crate::metrics::Metrics;

    /// Waits for an answer that never comes.
    struct Stuck(Arc<AtomicU32>);

    #[async_trait::async_trait]
    impl Job for Stuck {
        const NAME: &str = "stuck";
        type Error = String;

        async fn run(&self) -> Result<bool, String> {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_without_an_end_is_given_up_and_begun_anew() {
        let (runs, stop) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        let metrics = Metrics::register(&Registry::new()).unwrap().jobs;
        let clock = Arc::new(ManualClock::at_second(0));
        let work = tokio::spawn(every(Duration::from_secs(1), Stuck(Arc::clone(&runs)), clock, metrics, stop.clone()));
        tokio::time::sleep(3 * LONGEST_RUN).await;
        assert!(runs.load(Ordering::Relaxed) >= 2);
        stop.cancel();
        work.await.unwrap();
    }
}
