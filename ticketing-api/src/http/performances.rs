//! `/v1/performances`: one evening, and its seats.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use service::problem::{Json, Path, Problem};

use super::{Api, error};
use crate::{
    booking::{
        concert::{Performance, PerformanceId, SaleState},
        seat::SeatView,
    },
    gateway::WaitingRoom,
};

/// A performance as it is sent.
#[derive(Debug, Serialize)]
pub(super) struct PerformanceDocument {
    #[serde(flatten)]
    performance: Performance,
    /// `not_open`, `open` or `closed`.
    sale: &'static str,
    /// Where a browser waits for its sale.
    #[serde(flatten)]
    waiting_room: WaitingRoom,
    /// Most of its seats that a member may have: held, reserved and bought together.
    max_seats_per_member: u32,
}

/// The seats of a performance.
#[derive(Debug, Serialize)]
pub(super) struct Seats {
    items: Vec<SeatView>,
}

impl PerformanceDocument {
    /// The performance as it stands now.
    pub(super) fn new(performance: Performance, api: &Api) -> Self {
        let sale = match performance.sale_at(api.clock.now()) {
            SaleState::NotOpen => "not_open",
            SaleState::Open => "open",
            SaleState::Closed => "closed",
        };
        let waiting_room = api.gateway.waiting_room(&performance.queue);
        Self { performance, sale, waiting_room, max_seats_per_member: api.sales.max_seats_per_member() }
    }
}

/// One performance.
pub(super) async fn detail(
    State(api): State<Arc<Api>>,
    Path(id): Path<PerformanceId>,
) -> Result<Json<PerformanceDocument>, Problem> {
    let performance = api.store.performance(id).await?.ok_or_else(error::performance_not_found)?;
    Ok(Json(PerformanceDocument::new(performance, &api)))
}

/// Its seats with their states, never from a cache.
pub(super) async fn seats(State(api): State<Arc<Api>>, Path(id): Path<PerformanceId>) -> Result<Json<Seats>, Problem> {
    let items = api.store.seats(id, api.clock.now()).await?.ok_or_else(error::performance_not_found)?;
    Ok(Json(Seats { items }))
}
