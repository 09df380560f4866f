//! `/v1/reservations`: from a hold to something to be paid, and one's own list.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use service::problem::{Json, Path, Problem};

use super::{
    Api,
    admitted::Passed,
    bearer::LoggedIn,
    error,
    keyed::Keyed,
    paging::{PageDocument, Paging},
};
use crate::booking::{
    hold::HoldId,
    reservation::{Reservation, ReservationId},
};

/// Which hold.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReservationRequest {
    hold_id: HoldId,
}

/// Turns a hold into a reservation awaiting payment.
pub(super) async fn reserve(
    State(api): State<Arc<Api>>,
    Passed(admitted): Passed,
    request: Keyed<ReservationRequest>,
) -> Result<(StatusCode, Json<Reservation>), Problem> {
    let key = request.key(admitted.member());
    let outcome = api.sales.reserve(&admitted, request.body.hold_id, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(error::reserved(error::once(outcome)?)?)))
}

/// The member's own, newest first.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    LoggedIn(member): LoggedIn,
    Paging(page): Paging,
) -> Result<Json<PageDocument<Reservation>>, Problem> {
    Ok(Json(PageDocument::new(api.store.reservations(member, page, api.clock.now()).await?, page)))
}

/// One of the member's own, with its tickets once it is paid.
pub(super) async fn detail(
    State(api): State<Arc<Api>>,
    LoggedIn(member): LoggedIn,
    Path(id): Path<ReservationId>,
) -> Result<Json<Reservation>, Problem> {
    match api.store.reservation(id, api.clock.now()).await? {
        Some(reservation) if reservation.member == member => Ok(Json(reservation)),
        Some(_) => Err(error::reservation_of_another()),
        None => Err(error::reservation_not_found()),
    }
}
