//! Seat marks in the fast store, with what to do when it is down and when a caller goes away.

use std::{mem, sync::Arc, time::Duration};

use parking_lot::Mutex;
use service::outage::Outage;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::{
    booking::{concert::PerformanceId, hold::HoldId, seat::SeatNumber},
    fast_store::{FastStore, FastStoreUnavailable, Mark},
    metrics::SalesMetrics,
};

/// After a failure the fast store is left alone for so long: a store that hangs must not slow every hold down.
const REST: Duration = Duration::from_secs(1);

/// The fast store as sales use it: it may be down, and then everything goes on without it.
#[derive(Debug)]
pub struct SeatMarks {
    store: Arc<dyn FastStore>,
    resting_until: Mutex<Option<Instant>>,
    outage: Outage,
    clean_up: TaskTracker,
    metrics: SalesMetrics,
}

impl SeatMarks {
    /// Marks in a store. The tracker runs the clean-up for callers who went away; wait for it before the process ends.
    pub fn new(store: Arc<dyn FastStore>, clean_up: TaskTracker, metrics: SalesMetrics) -> Arc<Self> {
        let outage = Outage::new(
            "the fast store cannot be used: holding seats by the database alone until it is back",
            "the fast store is back",
        );
        Arc::new(Self { store, resting_until: Mutex::new(None), outage, clean_up, metrics })
    }

    /// Marks the seats for a hold, or names those that belong to another. Without a fast store nothing is refused here.
    pub async fn mark(
        self: &Arc<Self>,
        performance: PerformanceId,
        seats: &[SeatNumber],
        hold: HoldId,
        ttl: Duration,
    ) -> Result<SeatMark, Vec<SeatNumber>> {
        // Made before the attempt: a caller who goes away in the middle of it must not leave marks either.
        let mark = SeatMark { marks: Arc::clone(self), performance, seats: seats.to_vec(), hold };
        if self.is_resting() {
            return Ok(mark);
        }
        match self.watched(self.store.mark(performance, seats, hold, ttl).await) {
            Some(Mark::Taken(taken)) => {
                mark.keep();
                Err(taken)
            }
            Some(Mark::Marked) | None => Ok(mark),
        }
    }

    /// Removes a hold's marks, if the fast store can be asked; otherwise they expire by themselves.
    pub async fn unmark(&self, performance: PerformanceId, seats: &[SeatNumber], hold: HoldId) {
        if !seats.is_empty() && !self.is_resting() {
            self.watched(self.store.unmark(performance, seats, hold).await);
        }
    }

    fn is_resting(&self) -> bool {
        self.resting_until.lock().is_some_and(|until| Instant::now() < until)
    }

    /// Notes whether the store answered.
    fn watched<T>(&self, reply: Result<T, FastStoreUnavailable>) -> Option<T> {
        self.metrics.fast_store(reply.is_ok());
        self.outage.note(&reply);
        *self.resting_until.lock() = reply.is_err().then(|| Instant::now() + REST);
        reply.ok()
    }
}

/// Marks that are removed when this is dropped, whatever the reason: a refusal, an error, a caller who went away.
#[derive(Debug)]
#[must_use]
pub struct SeatMark {
    marks: Arc<SeatMarks>,
    performance: PerformanceId,
    seats: Vec<SeatNumber>,
    hold: HoldId,
}

impl SeatMark {
    /// The seats are held: the marks stay until they expire.
    pub fn keep(mut self) {
        self.seats.clear();
    }
}

impl Drop for SeatMark {
    fn drop(&mut self) {
        if self.seats.is_empty() {
            return;
        }
        let (marks, performance, hold) = (Arc::clone(&self.marks), self.performance, self.hold);
        let seats = mem::take(&mut self.seats);
        self.marks.clean_up.spawn(async move { marks.unmark(performance, &seats, hold).await });
    }
}

#[cfg(test)]
mod tests {
    use contract::clock::ManualClock;
    use prometheus::Registry;

    use super::*;
    use crate::{fast_store::embedded::EmbeddedFastStore, metrics::Metrics};

    const MINUTE: Duration = Duration::from_mins(1);

    struct Fixture {
        marks: Arc<SeatMarks>,
        clean_up: TaskTracker,
        clock: ManualClock,
        performance: PerformanceId,
    }

    impl Fixture {
        fn new(store: Arc<dyn FastStore>) -> Self {
            let metrics = Metrics::register(&Registry::new()).unwrap();
            let (clean_up, clock) = (TaskTracker::new(), ManualClock::at_second(1_800_000_000));
            let marks = SeatMarks::new(store, clean_up.clone(), metrics.sales);
            let performance = PerformanceId::generate(&clock);
            Self { marks, clean_up, clock, performance }
        }

        async fn mark(&self) -> Result<SeatMark, Vec<SeatNumber>> {
            self.marks.mark(self.performance, &[SeatNumber(1)], HoldId::generate(&self.clock), MINUTE).await
        }

        async fn cleaned_up(&self) {
            self.clean_up.close();
            self.clean_up.wait().await;
        }
    }

    fn embedded() -> Arc<dyn FastStore> {
        Arc::new(EmbeddedFastStore::new(Arc::new(ManualClock::at_second(1_800_000_000)), 100))
    }

    #[tokio::test]
    async fn marks_that_nobody_keeps_are_taken_back() {
        let fixture = Fixture::new(embedded());
        drop(fixture.mark().await.unwrap());
        fixture.cleaned_up().await;
        fixture.mark().await.unwrap().keep();
        fixture.cleaned_up().await;
        assert_eq!(fixture.mark().await.unwrap_err(), [SeatNumber(1)]);
    }

    #[tokio::test]
    async fn a_refused_mark_takes_nothing_from_the_owner() {
        let fixture = Fixture::new(embedded());
        fixture.mark().await.unwrap().keep();
        for _ in 0..2 {
            assert_eq!(fixture.mark().await.unwrap_err(), [SeatNumber(1)]);
            fixture.cleaned_up().await;
        }
    }

    /// Marks everything and never answers.
    #[derive(Debug)]
    struct Hanging(Arc<dyn FastStore>);

    #[async_trait::async_trait]
    impl FastStore for Hanging {
        async fn mark(
            &self,
            performance: PerformanceId,
            seats: &[SeatNumber],
            hold: HoldId,
            ttl: Duration,
        ) -> Result<Mark, FastStoreUnavailable> {
            let _marked = self.0.mark(performance, seats, hold, ttl).await?;
            std::future::pending().await
        }

        async fn unmark(
            &self,
            performance: PerformanceId,
            seats: &[SeatNumber],
            hold: HoldId,
        ) -> Result<(), FastStoreUnavailable> {
            self.0.unmark(performance, seats, hold).await
        }

        async fn ping(&self) -> Result<(), FastStoreUnavailable> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_goes_away_while_marking_leaves_no_marks() {
        let inner = embedded();
        let fixture = Fixture::new(Arc::new(Hanging(Arc::clone(&inner))));
        tokio::time::timeout(Duration::from_millis(1), fixture.mark()).await.unwrap_err();
        fixture.cleaned_up().await;
        let other = HoldId::generate(&fixture.clock);
        assert_eq!(inner.mark(fixture.performance, &[SeatNumber(1)], other, MINUTE).await.unwrap(), Mark::Marked);
    }

    /// Counts calls and answers none.
    #[derive(Debug, Default)]
    struct Down(std::sync::atomic::AtomicU32);

    #[async_trait::async_trait]
    impl FastStore for Down {
        async fn mark(
            &self,
            _: PerformanceId,
            _: &[SeatNumber],
            _: HoldId,
            _: Duration,
        ) -> Result<Mark, FastStoreUnavailable> {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Err(FastStoreUnavailable("down".to_owned()))
        }

        async fn unmark(&self, _: PerformanceId, _: &[SeatNumber], _: HoldId) -> Result<(), FastStoreUnavailable> {
            Err(FastStoreUnavailable("down".to_owned()))
        }

        async fn ping(&self) -> Result<(), FastStoreUnavailable> {
            Err(FastStoreUnavailable("down".to_owned()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_down_refuses_nobody_and_is_asked_once_a_second() {
        let store = Arc::new(Down::default());
        let fixture = Fixture::new(Arc::<Down>::clone(&store));
        for _ in 0..10 {
            fixture.mark().await.unwrap().keep();
        }
        assert_eq!(store.0.load(std::sync::atomic::Ordering::Relaxed), 1);
        tokio::time::advance(REST).await;
        fixture.mark().await.unwrap().keep();
        assert_eq!(store.0.load(std::sync::atomic::Ordering::Relaxed), 2);
    }
}
