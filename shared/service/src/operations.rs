//! The routes of an operations port: metrics and health. They have no access control of their own:
//! listen on a private address.

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus::Registry;

use crate::{
    problem::{Problem, with_fallbacks},
    telemetry,
};

/// The three routes: `/metrics`, `/healthz` (the process answers) and `/readyz` (it can serve).
///
/// `ready` says why the process cannot serve, or what is worth knowing although it can, as text for operators. It is
/// asked on every call, so it should not wait for long for a store that hangs.
pub fn router<Ready, Answer>(registry: Registry, ready: Ready) -> Router
where
    Ready: Fn() -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Result<Vec<String>, String>> + Send + 'static,
{
    let metrics = move || {
        let text = telemetry::render(&registry);
        async move { ([(header::CONTENT_TYPE, telemetry::METRICS_MEDIA_TYPE)], text) }
    };
    let readiness = move || {
        let answer = ready();
        async move {
            match answer.await {
                Ok(remarks) => {
                    (remarks.iter().fold("ready\n".to_owned(), |text, remark| text + remark + "\n")).into_response()
                }
                Err(reason) => not_ready(reason).into_response(),
            }
        }
    };
    with_fallbacks(
        Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(readiness)),
    )
}

fn not_ready(reason: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "This instance cannot serve at the moment")
        .detail(reason)
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request, response::Response};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn get_from(router: Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response: Response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_process_that_cannot_serve_says_why_but_is_alive() {
        let router = router(Registry::new(), || async { Err("the store does not answer".to_owned()) });
        let (status, body) = get_from(router.clone(), "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("the store does not answer"), "{body}");
        assert_eq!(get_from(router, "/healthz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_ready_process_says_so_and_shows_its_metrics() {
        let router = router(telemetry::metrics_registry(), || async { Ok(Vec::new()) });
        assert_eq!(get_from(router.clone(), "/readyz").await, (StatusCode::OK, "ready\n".to_owned()));
        assert!(get_from(router, "/metrics").await.1.contains("process_"));
    }

    #[tokio::test]
    async fn a_ready_process_may_have_something_to_say() {
        let router = router(Registry::new(), || async { Ok(vec!["the store forgets".to_owned()]) });
        assert_eq!(get_from(router, "/readyz").await, (StatusCode::OK, "ready\nthe store forgets\n".to_owned()));
    }
}
