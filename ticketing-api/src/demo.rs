//! A sale to try the system with: a concert of one evening with 100 seats behind the queue `demo`, on sale from the
//! first start on.

use std::time::Duration;

use contract::{clock::Clock, ids::QueueName};
use uuid::Uuid;

use crate::{
    booking::{
        concert::{ConcertId, NewConcert, NewPerformance, PerformanceId},
        money::{Currency, Money},
        seat::{SeatBlock, SeatNumber, SeatPlan},
    },
    store::{StoreError, TicketStore},
};

/// The demo concert, the same in every installation.
pub const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001));
/// Its performance.
pub const PERFORMANCE: PerformanceId = PerformanceId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0002));
/// The queue that guards it.
pub const QUEUE: &str = "demo";

const DAY: Duration = Duration::from_hours(24);

/// Creates the demo sale unless it is there already.
pub async fn ensure(store: &dyn TicketStore, clock: &dyn Clock, currency: Currency) -> Result<(), StoreError> {
    if store.concert(CONCERT).await?.is_some() {
        return Ok(());
    }
    let Ok(queue) = QUEUE.parse::<QueueName>() else { return Ok(()) };
    match store.create_concert(concert(queue, clock, currency)).await {
        Ok(_) => Ok(()),
        // Another instance that starts at the same time may have been faster.
        Err(error) => match store.concert(CONCERT).await? {
            Some(_) => Ok(()),
            None => Err(error),
        },
    }
}

fn concert(queue: QueueName, clock: &dyn Clock, currency: Currency) -> NewConcert {
    let now = clock.now();
    let block = |first: u32, last: u32, grade: &str, section: &str, price: i64| SeatBlock {
        first: SeatNumber(first),
        last: SeatNumber(last),
        grade: grade.to_owned(),
        section: section.to_owned(),
        price: Money::new(price, currency),
    };
    NewConcert {
        id: CONCERT,
        title: "Spring Night".to_owned(),
        place: "Harbour Hall".to_owned(),
        category: "Concert".to_owned(),
        queue,
        performances: vec![NewPerformance {
            id: PERFORMANCE,
            // Far enough for the demo to stay on sale however long the system is tried.
            starts_at: now + DAY * 366,
            sale_opens_at: now,
            sale_closes_at: now + DAY * 365,
            seats: SeatPlan(vec![
                block(1, 20, "VIP", "A", 150_000),
                block(21, 60, "R", "B", 110_000),
                block(61, 100, "S", "C", 80_000),
            ]),
        }],
        now,
    }
}

#[cfg(test)]
mod tests {
    use contract::clock::ManualClock;

    use super::*;

    #[test]
    fn the_demo_keeps_the_rules() {
        let concert = concert(QUEUE.parse().unwrap(), &ManualClock::at_second(1_800_000_000), Currency::KRW);
        assert_eq!(concert.broken_rules(), []);
        assert_eq!(concert.performances[0].seats.seats(), 100);
    }
}
