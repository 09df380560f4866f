//! `GET /.well-known/jwks.json`: the keys that verify active tokens.

use std::sync::Arc;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::Gateway;

/// The key set. Readers may keep it for five minutes; one that meets an unknown `kid` asks again at once.
pub(super) async fn jwks(State(gateway): State<Arc<Gateway>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, gateway.jwks.clone()).into_response()
}
