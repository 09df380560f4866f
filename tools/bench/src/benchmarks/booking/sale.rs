//! A sale that nobody has bought anything of yet: one for each measurement.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use contract::{
    clock::{Clock, SystemClock},
    ids::{MemberId, QueueName},
};
use sqlx::PgConnection;
use ticketing_api::{
    booking::{
        concert::{ConcertId, NewConcert, NewPerformance, PerformanceId},
        money::{Currency, Money},
        seat::{SeatBlock, SeatNumber, SeatPlan},
    },
    store::TicketStore,
};
use uuid::Uuid;

/// Seats of a sale, and as many members; nobody buys twice.
pub(super) const SEATS: u32 = 50_000;

/// Above the accounts of the house, whose ids are small numbers.
const FIRST_MEMBER: u64 = 1_000_000;

/// One performance and its buyers.
#[derive(Clone, Debug)]
pub(super) struct Sale {
    /// What is sold.
    pub(super) performance: PerformanceId,
    /// The queue that guards it.
    pub(super) queue: QueueName,
    /// The number of the first member. Their seat is 1, the next one's 2, and a member's number is also their id.
    pub(super) first: u64,
}

impl Sale {
    /// Opens the sale after so many others, and brings the database into the condition in which every measurement
    /// starts: statistics known, nothing to vacuum, everything written back.
    pub(super) async fn open(
        store: &Arc<dyn TicketStore>,
        connection: &mut PgConnection,
        others: u64,
    ) -> anyhow::Result<Self> {
        let queue = QueueName::try_from("bench".to_owned())?;
        let concert = store.create_concert(concert(&queue)).await.context("the concert cannot be opened")?;
        let performance = concert.performances.first().context("a concert without a performance")?.id;
        let first = FIRST_MEMBER + others * u64::from(SEATS);
        // With so much money that nobody's runs out. The bookings ask for the wallet alone.
        sqlx::query(
            "INSERT INTO accounts (id, currency, balance, version)
             SELECT lpad(to_hex(n), 32, '0')::uuid, 'KRW', 1000000000, 0 FROM generate_series($1, $1 + $2 - 1) AS n",
        )
        .bind(i64::try_from(first)?)
        .bind(i64::from(SEATS))
        .execute(&mut *connection)
        .await
        .context("the wallets cannot be filled")?;
        sqlx::query("VACUUM (ANALYZE)").execute(&mut *connection).await?;
        sqlx::query("CHECKPOINT").execute(&mut *connection).await?;
        Ok(Self { performance, queue, first })
    }

    /// Who buys the seat with this index.
    pub(super) fn member(&self, index: u32) -> MemberId {
        MemberId(Uuid::from_u128((self.first + u64::from(index)).into()))
    }

    /// Seats that have an owner, by the database's own word.
    pub(super) async fn sold(&self, connection: &mut PgConnection) -> anyhow::Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM tickets WHERE performance = $1 AND state = 'live'")
            .bind(self.performance.0)
            .fetch_one(connection)
            .await?;
        Ok(count.try_into()?)
    }
}

fn concert(queue: &QueueName) -> NewConcert {
    let now = SystemClock.now();
    let day = Duration::from_hours(24);
    let seats = SeatBlock {
        first: SeatNumber(1),
        last: SeatNumber(SEATS),
        grade: "R".to_owned(),
        section: "A".to_owned(),
        price: Money::new(100, Currency::KRW),
    };
    NewConcert {
        id: ConcertId::generate(&SystemClock),
        title: "Benchmark".to_owned(),
        place: "Hall".to_owned(),
        category: "bench".to_owned(),
        queue: queue.clone(),
        performances: vec![NewPerformance {
            id: PerformanceId::generate(&SystemClock),
            starts_at: now + 2 * day,
            sale_opens_at: now - day,
            sale_closes_at: now + day,
            seats: SeatPlan(vec![seats]),
        }],
        now,
    }
}
