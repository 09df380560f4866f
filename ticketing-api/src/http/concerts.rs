//! `/v1/concerts`: what is on.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use service::problem::{Json, Path, Problem};

use super::{
    Api, error,
    paging::{PageDocument, Paging},
    performances::PerformanceDocument,
};
use crate::{
    booking::concert::{Concert, ConcertId, ConcertSummary},
    gateway::WaitingRoom,
};

/// A concert as it is sent.
#[derive(Debug, Serialize)]
pub(super) struct ConcertDocument {
    #[serde(flatten)]
    concert: Concert,
    /// Where a browser waits for its sale.
    #[serde(flatten)]
    waiting_room: WaitingRoom,
}

/// The performances of a concert.
#[derive(Debug, Serialize)]
pub(super) struct Performances {
    items: Vec<PerformanceDocument>,
}

/// Concerts, the soonest first.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Paging(page): Paging,
) -> Result<Json<PageDocument<ConcertSummary>>, Problem> {
    Ok(Json(PageDocument::new(api.store.concerts(page).await?, page)))
}

/// One concert.
pub(super) async fn detail(
    State(api): State<Arc<Api>>,
    Path(id): Path<ConcertId>,
) -> Result<Json<ConcertDocument>, Problem> {
    let concert = api.store.concert(id).await?.ok_or_else(error::concert_not_found)?;
    let waiting_room = api.gateway.waiting_room(&concert.queue);
    Ok(Json(ConcertDocument { concert, waiting_room }))
}

/// Its performances.
pub(super) async fn performances(
    State(api): State<Arc<Api>>,
    Path(id): Path<ConcertId>,
) -> Result<Json<Performances>, Problem> {
    let concert = api.store.concert(id).await?.ok_or_else(error::concert_not_found)?;
    let items = concert.performances.into_iter().map(|performance| PerformanceDocument::new(performance, &api));
    Ok(Json(Performances { items: items.collect() }))
}
