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

/// Holds whose marks are removed when the fast store is back; those of more expire by themselves.
const MOST_LATE: usize = 10_000;

/// The fast store as sales use it: it may be down, and then everything goes on without it.
#[derive(Debug)]
pub struct SeatMarks {
    store: Arc<dyn FastStore>,
    resting_until: Mutex<Option<Instant>>,
    /// Given back while the fast store was down: their seats are free, and its marks would refuse everybody.
    late: Mutex<Vec<Marked>>,
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
        let (resting_until, late) = (Mutex::new(None), Mutex::new(Vec::new()));
        Arc::new(Self { store, resting_until, late, outage, clean_up, metrics })
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
        let is_resting = self.is_resting();
        // While the store rests nothing is marked, so nothing is to be taken back.
        let to_take_back = if is_resting { &[] } else { seats };
        let marked = Marked { performance, seats: to_take_back.to_vec(), hold };
        let mark = SeatMark { marks: Arc::clone(self), marked };
        if is_resting {
            return Ok(mark);
        }
        self.remove_late();
        match self.watched(self.store.mark(performance, seats, hold, ttl).await) {
            Some(Mark::Taken(taken)) => {
                mark.keep();
                Err(taken)
            }
            Some(Mark::Marked) | None => Ok(mark),
        }
    }

    /// Removes a hold's marks, now or when the fast store is back, also when the caller goes away meanwhile.
    pub async fn unmark(self: &Arc<Self>, performance: PerformanceId, seats: &[SeatNumber], hold: HoldId) {
        let (marks, marked) = (Arc::clone(self), Marked { performance, seats: seats.to_vec(), hold });
        let removing = self.clean_up.spawn(async move { marks.remove(marked).await });
        // It fails with the process alone.
        let _ = removing.await;
    }

    async fn remove(&self, marked: Marked) {
        let Marked { performance, seats, hold } = &marked;
        if seats.is_empty() {
            return;
        }
        if !self.is_resting() && self.watched(self.store.unmark(*performance, seats, *hold).await).is_some() {
            return;
        }
        let mut late = self.late.lock();
        if late.len() < MOST_LATE {
            late.push(marked);
        }
    }

    /// Removes the marks that could not be removed in time, beside whatever else goes on.
    fn remove_late(self: &Arc<Self>) {
        let late = mem::take(&mut *self.late.lock());
        if late.is_empty() {
            return;
        }
        let marks = Arc::clone(self);
        self.clean_up.spawn(async move {
            for marked in late {
                marks.remove(marked).await;
            }
        });
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

/// The marks of a hold.
#[derive(Debug)]
struct Marked {
    performance: PerformanceId,
    seats: Vec<SeatNumber>,
    hold: HoldId,
}

/// Marks that are removed when this is dropped, whatever the reason: a refusal, an error, a caller who went away.
#[derive(Debug)]
#[must_use]
pub struct SeatMark {
    marks: Arc<SeatMarks>,
    marked: Marked,
}

impl SeatMark {
    /// The seats are held: the marks stay until they expire.
    pub fn keep(mut self) {
        self.marked.seats.clear();
    }
}

impl Drop for SeatMark {
    fn drop(&mut self) {
        let Marked { performance, hold, .. } = self.marked;
        let seats = mem::take(&mut self.marked.seats);
        if !seats.is_empty() {
            let (marks, marked) = (Arc::clone(&self.marks), Marked { performance, seats, hold });
            self.marks.clean_up.spawn(async move { marks.remove(marked).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

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

    /// Answers while it is up.
    #[derive(Debug)]
    struct Switched(Arc<dyn FastStore>, AtomicBool);

    impl Switched {
        fn up(&self) -> Result<(), FastStoreUnavailable> {
            self.1.load(Relaxed).then_some(()).ok_or_else(|| FastStoreUnavailable("down".to_owned()))
        }
    }

    #[async_trait::async_trait]
    impl FastStore for Switched {
        async fn mark(
            &self,
            performance: PerformanceId,
            seats: &[SeatNumber],
            hold: HoldId,
            ttl: Duration,
        ) -> Result<Mark, FastStoreUnavailable> {
            self.up()?;
            self.0.mark(performance, seats, hold, ttl).await
        }

        async fn unmark(
            &self,
            performance: PerformanceId,
            seats: &[SeatNumber],
            hold: HoldId,
        ) -> Result<(), FastStoreUnavailable> {
            self.up()?;
            self.0.unmark(performance, seats, hold).await
        }

        async fn ping(&self) -> Result<(), FastStoreUnavailable> {
            self.up()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn seats_given_back_while_the_store_is_down_are_free_when_it_is_back() {
        let store = Arc::new(Switched(embedded(), AtomicBool::new(true)));
        let fixture = Fixture::new(Arc::<Switched>::clone(&store));
        let given_back = fixture.mark().await.unwrap();
        store.1.store(false, Relaxed);
        drop(given_back);
        tokio::time::sleep(REST / 2).await;
        store.1.store(true, Relaxed);
        tokio::time::sleep(REST).await;
        // Whoever asks first sees to it, and is still refused.
        fixture.mark().await.unwrap_err();
        fixture.cleaned_up().await;
        fixture.mark().await.unwrap().keep();
    }

    /// Counts calls and answers none.
    #[derive(Debug, Default)]
    struct Down(AtomicU32);

    #[async_trait::async_trait]
    impl FastStore for Down {
        async fn mark(
            &self,
            _: PerformanceId,
            _: &[SeatNumber],
            _: HoldId,
            _: Duration,
        ) -> Result<Mark, FastStoreUnavailable> {
            self.0.fetch_add(1, Relaxed);
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
        assert_eq!(store.0.load(Relaxed), 1);
        tokio::time::advance(REST).await;
        fixture.mark().await.unwrap().keep();
        assert_eq!(store.0.load(Relaxed), 2);
    }
}
