//! Seat marks in the fast store, with what to do when it is down and when a caller goes away.

use std::{mem, sync::Arc, time::Duration};

use parking_lot::Mutex;
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
    clean_up: TaskTracker,
    metrics: SalesMetrics,
}

impl SeatMarks {
    /// Marks in a store. The tracker runs the clean-up for callers who went away; wait for it before the process ends.
    pub fn new(store: Arc<dyn FastStore>, clean_up: TaskTracker, metrics: SalesMetrics) -> Arc<Self> {
        Arc::new(Self { store, resting_until: Mutex::new(None), clean_up, metrics })
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

    /// Notes whether the store answered. An outage is logged at its beginning and at its end.
    fn watched<T>(&self, reply: Result<T, FastStoreUnavailable>) -> Option<T> {
        self.metrics.fast_store(reply.is_ok());
        let rest = reply.is_err().then(|| Instant::now() + REST);
        let before = mem::replace(&mut *self.resting_until.lock(), rest);
        match (&reply, before) {
            (Err(error), None) => tracing::warn!(%error, "holding seats by the database alone until it is back"),
            (Ok(_), Some(_)) => tracing::info!("the fast store is back"),
            _ => {}
        }
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
