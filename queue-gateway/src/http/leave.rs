//! `DELETE /v1/queues/{queue}/tokens/current`: gives the place up, or the slot.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use service::problem::Problem;

use super::{
    Gateway,
    request::{AskedQueue, HeldPlace},
};

/// Answers 204, also to somebody who has left before.
pub(super) async fn leave(
    State(gateway): State<Arc<Gateway>>,
    queue: AskedQueue,
    held: HeldPlace,
) -> Result<Response, Problem> {
    gateway.engine.leave(&queue.name, held.visitor).await?;
    let forget = gateway.cookie.clear(&queue.name);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, forget)]).into_response())
}
