//! Problem documents for what no handler answers: unknown addresses, wrong methods, panics.

use std::{any::Any, panic::AssertUnwindSafe};

use axum::{
    Router,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use super::Problem;

/// Adds the two fallbacks. Call it last: routes that are added later have no fallback for their methods.
pub fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.method_not_allowed_fallback(method_not_allowed).fallback(not_found)
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

/// A response, or a 500 where making it panicked, which is logged. One broken request must not cost the connection, and
/// the caller must not learn from it. The accept loop guards every request.
pub async fn guarded(response: impl Future<Output = Response>) -> Response {
    // What the request alone held is dropped with it; what requests share is behind locks that a panic does not poison.
    AssertUnwindSafe(response).catch_unwind().await.unwrap_or_else(|payload| after_panic(&*payload))
}

fn after_panic(payload: &(dyn Any + Send)) -> Response {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(panic.message = message, "a request handler panicked");
    Problem::internal().into_response()
}
