//! Problem documents for what no handler answers: unknown addresses, wrong methods, panics.

use std::any::Any;

use axum::{
    Router,
    body::Body,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::Problem;

/// A tower layer that answers for a handler that panicked.
pub type PanicLayer = CatchPanicLayer<PanicHandler>;
type PanicHandler = fn(Box<dyn Any + Send>) -> Response<Body>;

/// Adds the two fallbacks and, around everything, the guard against panics.
/// Call it last: routes that are added later are not guarded.
pub fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.method_not_allowed_fallback(method_not_allowed).fallback(not_found).layer(catch_panics())
}

/// Answers addresses that no route has.
pub async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here")
        .detail(format!("no such address: {}", uri.path()))
}

/// Answers methods that the route does not have.
pub async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not take this method")
        .detail(format!("not allowed here: {method}"))
}

/// A layer that turns a panic into a 500 and logs it. One broken request must not cost the connection,
/// and the caller must not learn from it.
pub fn catch_panics() -> PanicLayer {
    CatchPanicLayer::custom(after_panic as PanicHandler)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the payload over")]
fn after_panic(payload: Box<dyn Any + Send>) -> Response<Body> {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(panic.message = message, "a request handler panicked");
    Problem::internal().into_response()
}
