//! `/v1/queues/{queue}/join-tokens`: our word for a member to a waiting room of members; and the key that proves it.

use std::sync::Arc;

use axum::{
    Json as Plain,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::ids::QueueName;
use serde::Serialize;
use service::{
    problem::{Json, Path, Problem},
    rate_limit::Within,
};

use super::{Api, bearer::LoggedIn, rate_limits::JoinTokenCall};

/// To be shown to the gateway within two minutes.
#[derive(Serialize)]
pub(super) struct JoinTokenDocument {
    join_token: String,
}

/// Signs a join token for the member. Which queues there are is the gateway's to know.
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    _within: Within<JoinTokenCall>,
    LoggedIn(member): LoggedIn,
    Path(queue): Path<QueueName>,
) -> Result<(StatusCode, Json<JoinTokenDocument>), Problem> {
    Ok((StatusCode::CREATED, Json(JoinTokenDocument { join_token: api.join_tokens.mint(queue, member) })))
}

/// The key set. Readers may keep it for five minutes; one that meets an unknown `kid` asks again at once.
pub(super) async fn jwks(State(api): State<Arc<Api>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, Plain(api.join_tokens.jwks())).into_response()
}
