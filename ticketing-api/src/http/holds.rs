//! Holds: keeping seats, and giving them up.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use service::problem::{Json, Path, Problem};

use super::{Api, admitted::Passed, error, keyed::Keyed};
use crate::booking::{
    concert::PerformanceId,
    hold::{Hold, HoldId},
    seat::{SeatNumber, SeatSelection},
};

/// Which seats.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    seats: Vec<SeatNumber>,
}

/// Keeps all the seats, or none.
pub(super) async fn hold(
    State(api): State<Arc<Api>>,
    Passed(admitted): Passed,
    Path(performance): Path<PerformanceId>,
    request: Keyed<HoldRequest>,
) -> Result<(StatusCode, Json<Hold>), Problem> {
    let key = request.key(admitted.member());
    let seats = SeatSelection::try_from(request.body.seats).map_err(error::selection_refused)?;
    let outcome = api.sales.hold(&admitted, performance, seats, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(error::held(error::once(outcome)?)?)))
}

/// Gives a hold up. Giving it up twice is the same as once.
pub(super) async fn release(
    State(api): State<Arc<Api>>,
    Passed(admitted): Passed,
    Path(hold): Path<HoldId>,
) -> Result<StatusCode, Problem> {
    error::released(api.sales.release(&admitted, hold).await?)?;
    Ok(StatusCode::NO_CONTENT)
}
