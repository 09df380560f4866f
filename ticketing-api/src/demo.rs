//! Sales to try the system with: two concerts of one evening with 100 seats each, on sale from the first start on. One
//! is for everybody, behind the queue `demo`, one for members, behind the queue `presale`.

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

/// A concert of the demo, the same in every installation.
#[derive(Clone, Copy, Debug)]
pub struct DemoConcert {
    /// Of the concert itself.
    pub concert: ConcertId,
    /// Of its only evening.
    pub performance: PerformanceId,
    /// The queue that guards it.
    pub queue: &'static str,
    title: &'static str,
    place: &'static str,
}

/// For everybody.
pub const FOR_EVERYBODY: DemoConcert = DemoConcert {
    concert: ConcertId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001)),
    performance: PerformanceId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0002)),
    queue: "demo",
    title: "Spring Night",
    place: "Harbour Hall",
};

/// For members.
pub const FOR_MEMBERS: DemoConcert = DemoConcert {
    concert: ConcertId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0003)),
    performance: PerformanceId(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0004)),
    queue: "presale",
    title: "Summer Night: members' presale",
    place: "Lakeside Stage",
};

const DAY: Duration = Duration::from_hours(24);

/// Creates the demo sales unless they are there already.
pub async fn ensure(store: &dyn TicketStore, clock: &dyn Clock, currency: Currency) -> Result<(), StoreError> {
    for demo in [FOR_EVERYBODY, FOR_MEMBERS] {
        let Ok(queue) = demo.queue.parse::<QueueName>() else { continue };
        if store.concert(demo.concert).await?.is_some() {
            continue;
        }
        if let Err(error) = store.create_concert(concert(demo, queue, clock, currency)).await {
            // Another instance that starts at the same time may have been faster.
            store.concert(demo.concert).await?.ok_or(error)?;
        }
    }
    Ok(())
}

fn concert(demo: DemoConcert, queue: QueueName, clock: &dyn Clock, currency: Currency) -> NewConcert {
    let now = clock.now();
    let block = |first: u32, last: u32, grade: &str, section: &str, price: i64| SeatBlock {
        first: SeatNumber(first),
        last: SeatNumber(last),
        grade: grade.to_owned(),
        section: section.to_owned(),
        price: Money::new(price, currency),
    };
    NewConcert {
        id: demo.concert,
        title: demo.title.to_owned(),
        place: demo.place.to_owned(),
        category: "Concert".to_owned(),
        queue,
        performances: vec![NewPerformance {
            id: demo.performance,
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
        for demo in [FOR_EVERYBODY, FOR_MEMBERS] {
            let queue = demo.queue.parse().unwrap();
            let concert = concert(demo, queue, &ManualClock::at_second(1_800_000_000), Currency::KRW);
            assert_eq!(concert.broken_rules(), []);
            assert_eq!(concert.performances[0].seats.seats(), 100);
        }
    }
}
