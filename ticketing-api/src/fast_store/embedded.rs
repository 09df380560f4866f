//! Seat marks in this process: for one instance.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use async_trait::async_trait;
use contract::clock::SharedClock;
use jiff::Timestamp;
use parking_lot::Mutex;

use super::{FastStore, FastStoreUnavailable, Mark};
use crate::booking::{concert::PerformanceId, hold::HoldId, seat::SeatNumber};

/// The fast store of a single process. All marks are under one lock, which is never held for longer than the few seats
/// of one hold (or, when it is full, one pass over it).
#[derive(Debug)]
pub struct EmbeddedFastStore {
    clock: SharedClock,
    capacity: usize,
    marks: Mutex<HashMap<(PerformanceId, SeatNumber), SeatMark>>,
}

#[derive(Clone, Copy, Debug)]
struct SeatMark {
    hold: HoldId,
    expires_at: Timestamp,
}

impl EmbeddedFastStore {
    /// Marks kept at most. Beyond it the store answers as unavailable, and holds go to the database alone.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    /// An empty store that takes at most `capacity` marks.
    pub fn new(clock: SharedClock, capacity: usize) -> Self {
        Self { clock, capacity, marks: Mutex::new(HashMap::new()) }
    }
}

#[async_trait]
impl FastStore for EmbeddedFastStore {
    async fn mark(
        &self,
        performance: PerformanceId,
        seats: &[SeatNumber],
        hold: HoldId,
        ttl: Duration,
    ) -> Result<Mark, FastStoreUnavailable> {
        let now = self.clock.now();
        let expires_at = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
        let mut marks = self.marks.lock();
        let live = |mark: &SeatMark| mark.expires_at > now;
        let taken: Vec<_> = seats
            .iter()
            .copied()
            .filter(|&seat| marks.get(&(performance, seat)).is_some_and(|mark| live(mark) && mark.hold != hold))
            .collect();
        if !taken.is_empty() {
            return Ok(Mark::Taken(taken));
        }
        if marks.len() + seats.len() > self.capacity {
            // Expired marks are otherwise only removed when their seat is asked for again.
            marks.retain(|_, mark| live(mark));
            if marks.len() + seats.len() > self.capacity {
                return Err(FastStoreUnavailable(format!("{} seats are marked, no more fit", marks.len())));
            }
        }
        for &seat in seats {
            // A mark of the same hold that is still live keeps its own end.
            let renewed = SeatMark { hold, expires_at };
            let mark = marks.entry((performance, seat)).or_insert(renewed);
            if !live(mark) {
                *mark = renewed;
            }
        }
        Ok(Mark::Marked)
    }

    async fn unmark(
        &self,
        performance: PerformanceId,
        seats: &[SeatNumber],
        hold: HoldId,
    ) -> Result<(), FastStoreUnavailable> {
        let mut marks = self.marks.lock();
        for &seat in seats {
            if let Entry::Occupied(mark) = marks.entry((performance, seat))
                && mark.get().hold == hold
            {
                mark.remove();
            }
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), FastStoreUnavailable> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::clock::{Clock, ManualClock};

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_full_store_steps_aside_until_marks_expire() {
        let clock = Arc::new(ManualClock::at_second(1_800_000_000));
        let store = EmbeddedFastStore::new(Arc::<ManualClock>::clone(&clock), 2);
        let performance = PerformanceId::generate(&*clock);
        let mut seats = (1..=3).map(SeatNumber);
        let mut mark_next = async || {
            let hold = HoldId::generate(&*clock as &dyn Clock);
            store.mark(performance, &[seats.next().unwrap()], hold, MINUTE).await
        };
        assert_eq!(mark_next().await.unwrap(), Mark::Marked);
        assert_eq!(mark_next().await.unwrap(), Mark::Marked);
        assert!(mark_next().await.is_err(), "the third of two marks must not fit");

        clock.advance(MINUTE);
        assert_eq!(
            store.mark(performance, &[SeatNumber(3)], HoldId::generate(&*clock), MINUTE).await.unwrap(),
            Mark::Marked
        );
    }
}
