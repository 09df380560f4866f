//! `/v1/admin/concerts`: new concerts, by administrators.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use contract::ids::QueueName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::problem::{Json, Problem};

use super::{Api, bearer::Admin, error, keyed::Keyed};
use crate::{
    booking::{
        concert::{Concert, ConcertId, NewConcert, NewPerformance, PerformanceId},
        money::{Currency, Money},
        seat::{SeatBlock, SeatNumber, SeatPlan},
    },
    store::Once,
};

/// Seats that one call may create: its transaction must not keep others waiting for long.
const MAX_SEATS: u64 = 200_000;

/// A concert to be created.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConcertRequest {
    title: String,
    place: String,
    category: String,
    /// The queue whose active tokens open its sale.
    queue: QueueName,
    performances: Vec<PerformanceRequest>,
}

/// One of its evenings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PerformanceRequest {
    starts_at: Timestamp,
    sale_opens_at: Timestamp,
    sale_closes_at: Timestamp,
    seats: Vec<BlockRequest>,
}

/// A run of like seats.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BlockRequest {
    /// The lowest number.
    from: SeatNumber,
    /// The highest number, itself included.
    to: SeatNumber,
    grade: String,
    section: String,
    /// Of one seat, in minor units of the currency that members pay with.
    price: i64,
}

/// Creates a concert with its performances and their seats.
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    Admin(admin): Admin,
    request: Keyed<ConcertRequest>,
) -> Result<(StatusCode, Json<Concert>), Problem> {
    let key = request.key(admin);
    let concert = request.body.into_new(&api);
    let mut broken: Vec<String> = concert.broken_rules().iter().map(ToString::to_string).collect();
    // Counted only where the numbers make sense.
    let seats = || -> u64 { concert.performances.iter().map(|performance| u64::from(performance.seats.seats())).sum() };
    if broken.is_empty() && seats() > MAX_SEATS {
        broken.push(format!("one call creates at most {MAX_SEATS} seats"));
    }
    if !broken.is_empty() {
        return Err(error::rules_broken("invalid_concert", "The concert breaks a rule", &broken));
    }
    let outcome = match key {
        Some(key) => api.store.create_concert_once(concert, &key).await?,
        None => Once::Done(api.store.create_concert(concert).await?),
    };
    if let Once::Done(concert) = &outcome {
        tracing::info!(concert.id = %concert.id, member.id = %admin, "an administrator created a concert");
    }
    let concert = error::once(outcome)?;
    Ok((StatusCode::CREATED, Json(concert)))
}

impl ConcertRequest {
    fn into_new(self, api: &Api) -> NewConcert {
        let block = |block: BlockRequest| block.into_block(api.wallet.currency);
        let performance = |performance: PerformanceRequest| NewPerformance {
            id: PerformanceId::generate(&*api.clock),
            starts_at: performance.starts_at,
            sale_opens_at: performance.sale_opens_at,
            sale_closes_at: performance.sale_closes_at,
            seats: SeatPlan(performance.seats.into_iter().map(block).collect()),
        };
        NewConcert {
            id: ConcertId::generate(&*api.clock),
            title: self.title,
            place: self.place,
            category: self.category,
            queue: self.queue,
            performances: self.performances.into_iter().map(performance).collect(),
            now: api.clock.now(),
        }
    }
}

impl BlockRequest {
    fn into_block(self, currency: Currency) -> SeatBlock {
        let Self { from, to, grade, section, price } = self;
        SeatBlock { first: from, last: to, grade, section, price: Money::new(price, currency) }
    }
}
