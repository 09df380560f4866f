//! Ends holds and reservations whose deadline has passed, so that their seats are free again also where nobody looks.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contract::clock::SharedClock;
use jiff::Timestamp;

use super::Job;
use crate::{
    booking::seat::SeatNumber,
    metrics::JobMetrics,
    sales::SeatMarks,
    store::{StoreError, Swept, TicketStore},
};

/// Holds and reservations ended in one transaction: few enough that it never holds locks for long.
const BATCH: u32 = 500;

/// The sweeper.
#[derive(Debug)]
pub struct ExpirySweeper {
    /// Where the deadlines are.
    pub store: Arc<dyn TicketStore>,
    /// Where the seats are marked.
    pub marks: Arc<SeatMarks>,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: JobMetrics,
}

#[async_trait]
impl Job for ExpirySweeper {
    const NAME: &str = "expiry";
    type Error = StoreError;

    async fn run(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Swept { holds, reservations } = self.store.sweep(now, BATCH).await?;
        let full = holds.len().max(reservations.len()) >= BATCH as usize;
        for hold in holds {
            self.metrics.swept("hold", lag(hold.expires_at, now));
            self.marks.unmark(hold.performance, &hold.seats, hold.id).await;
        }
        for reservation in reservations {
            self.metrics.swept("reservation", lag(reservation.expires_at, now));
            let seats: Vec<SeatNumber> = reservation.seats.iter().map(|seat| seat.number).collect();
            self.marks.unmark(reservation.performance, &seats, reservation.hold).await;
        }
        Ok(full)
    }
}

fn lag(deadline: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(deadline).try_into().unwrap_or_default()
}
