//! Payments of reservations, and one's own list of them.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use service::problem::{Json, Path, Problem};

use super::{
    Api,
    admitted::PassedToPay,
    bearer::LoggedIn,
    error,
    keyed::Keyed,
    paging::{PageDocument, Paging},
};
use crate::booking::{payment::Payment, reservation::ReservationId};

/// Nothing: the price is the reservation's, the money the member's wallet's.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentRequest {}

/// Pays a reservation from the wallet. Needs an idempotency key: money must not move twice.
pub(super) async fn pay(
    State(api): State<Arc<Api>>,
    PassedToPay(admitted): PassedToPay,
    Path(reservation): Path<ReservationId>,
    request: Keyed<PaymentRequest>,
) -> Result<(StatusCode, Json<Payment>), Problem> {
    let key = request.required_key(admitted.member())?;
    let outcome = api.sales.pay(&admitted, reservation, &key).await?;
    Ok((StatusCode::CREATED, Json(error::paid(error::once(outcome)?)?)))
}

/// The member's own, newest first, the failed ones too.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    LoggedIn(member): LoggedIn,
    Paging(page): Paging,
) -> Result<Json<PageDocument<Payment>>, Problem> {
    Ok(Json(PageDocument::new(api.store.payments(member, page).await?, page)))
}
