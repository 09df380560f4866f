//! One level: so many buyers at once, warmed up and then measured.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    buyers::{Buyers, Errand, Failure},
    sweep::{Level, is_steady},
};

/// Half of a warm-up.
const HALF: Duration = Duration::from_secs(1);
/// Most halves: a database that never gets steady is measured as it is.
const MOST_HALVES: u32 = 12;
/// Purchases per second for which seats are provided; more than a database with durable commits gives.
const MOST_PURCHASES: u64 = 5_000;

/// What all buyers of a level see and count.
#[derive(Debug, Default)]
struct Shared {
    done: AtomicU64,
    failed: AtomicU64,
    measuring: AtomicBool,
    over: AtomicBool,
}

/// Runs a level to its end.
pub(super) async fn run(buyers: &Arc<Buyers>, concurrency: u32, measured: Duration) -> anyhow::Result<Level> {
    let longest = HALF * MOST_HALVES + measured;
    buyers.provide(longest.as_secs() * MOST_PURCHASES.min(400 * u64::from(concurrency))).await?;
    let shared = Arc::new(Shared::default());
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency {
        tasks.spawn(buy(Arc::clone(buyers), Arc::clone(&shared)));
    }
    warm_up(&shared).await;

    let (done, failed) = shared.counts();
    let start = Instant::now();
    shared.measuring.store(true, Ordering::Relaxed);
    sleep(measured).await;
    shared.measuring.store(false, Ordering::Relaxed);
    let elapsed = start.elapsed();
    let (done, failed) = (shared.counts().0 - done, shared.counts().1 - failed);
    shared.over.store(true, Ordering::Relaxed);

    let mut latencies = latencies()?;
    while let Some(own) = tasks.join_next().await {
        latencies.add(own.context("a buyer broke down")??)?;
    }
    let tried = (done + failed).max(1);
    Ok(Level {
        concurrency,
        tps: as_f64(done) / elapsed.as_secs_f64(),
        p50: Duration::from_micros(latencies.value_at_quantile(0.50)),
        p95: Duration::from_micros(latencies.value_at_quantile(0.95)),
        errors: as_f64(failed) / as_f64(tried),
    })
}

/// Waits until two halves agree.
async fn warm_up(shared: &Shared) {
    let mut earlier = None;
    for _ in 0..MOST_HALVES {
        let (before, _) = shared.counts();
        sleep(HALF).await;
        let later = as_f64(shared.counts().0 - before);
        if earlier.is_some_and(|earlier| is_steady(earlier, later)) {
            return;
        }
        earlier = Some(later);
    }
}

/// Buys without a pause until the level is over; gives the latencies, in microseconds, of what was measured.
async fn buy(buyers: Arc<Buyers>, shared: Arc<Shared>) -> anyhow::Result<Histogram<u64>> {
    let mut latencies = latencies()?;
    while !shared.over.load(Ordering::Relaxed) {
        let errand = buyers.errand().context("the seats ran out: the database is faster than this trial can tell")?;
        if let Err(failure) = purchase(&buyers, &errand, &shared, &mut latencies).await {
            tracing::debug!(error = %failure, "a transaction of the trial failed");
            shared.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(latencies)
}

async fn purchase(
    buyers: &Buyers,
    errand: &Errand,
    shared: &Shared,
    latencies: &mut Histogram<u64>,
) -> Result<(), Failure> {
    buyers.come_too_late(errand).await?;
    let hold = shared.time(latencies, buyers.hold(errand)).await?;
    let reservation = shared.time(latencies, buyers.reserve(errand, hold)).await?;
    shared.time(latencies, buyers.pay(errand, reservation)).await
}

impl Shared {
    fn counts(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    async fn time<T>(
        &self,
        latencies: &mut Histogram<u64>,
        transaction: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let outcome = transaction.await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        if self.measuring.load(Ordering::Relaxed) {
            latencies.saturating_record(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        Ok(outcome)
    }
}

/// Microseconds, up to the longest that a statement may be allowed, to three digits.
fn latencies() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_max(60_000_000, 3)?)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a trial are far below 2^52")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_was_done_while_measuring_is_timed() {
        let (shared, mut latencies) = (Shared::default(), latencies().unwrap());
        let transaction = async |succeeds: bool| {
            sleep(Duration::from_millis(5)).await;
            if succeeds { Ok(()) } else { Err(Failure::Refused("no".to_owned())) }
        };
        shared.time(&mut latencies, transaction(true)).await.unwrap();
        assert_eq!((shared.counts(), latencies.len()), ((1, 0), 0));
        shared.measuring.store(true, Ordering::Relaxed);
        shared.time(&mut latencies, transaction(true)).await.unwrap();
        shared.time(&mut latencies, transaction(false)).await.unwrap_err();
        assert_eq!((shared.counts(), latencies.len()), ((2, 0), 1));
        assert!((5_000..5_100).contains(&latencies.value_at_quantile(0.5)));
    }
}
