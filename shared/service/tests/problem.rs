//! What callers see when something is refused.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::DefaultBodyLimit,
    http::{Request, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::problem::{Json, Path, Problem, Query, guarded, with_fallbacks};
use tower::ServiceExt;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Order {
    quantity: u32,
}

#[derive(Deserialize)]
struct Page {
    page: u32,
}

fn shop() -> Router {
    let router = Router::new()
        .route("/orders", post(|Json(order): Json<Order>| async move { Json(order) }))
        .route("/orders/{id}", get(|Path(id): Path<uuid::Uuid>| async move { id.to_string() }))
        .route("/pages", get(|Query(page): Query<Page>| async move { page.page.to_string() }))
        .route("/broken", get(async || -> &'static str { panic!("the password of the database is 1234") }))
        .route("/mistaken", get(|Path((_, _)): Path<(u8, u8)>| async {}))
        .layer(DefaultBodyLimit::max(64));
    with_fallbacks(router)
}

async fn send(request: Request<Body>) -> (StatusCode, Value) {
    let response = guarded(async { shop().oneshot(request).await.unwrap() }).await;
    let status = response.status();
    if !status.is_success() {
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn order(content_type: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    send(Request::post("/orders").header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap()).await
}

async fn fetch(path: &str) -> (StatusCode, Value) {
    send(Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_problem_is_a_document_with_every_member_and_header() {
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Slow down")
        .detail("three a second at most")
        .retry_after(Duration::from_millis(1001))
        .member("limit", 3)
        .member("status", "forged");
    let response = problem.into_response();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        json!({
            "type": "urn:problem:too_many_requests", "title": "Slow down", "status": 429,
            "code": "too_many_requests", "detail": "three a second at most", "limit": 3,
        })
    );
}

#[tokio::test]
async fn a_good_body_passes_in_both_directions() {
    assert_eq!(order("application/json", r#"{"quantity":2}"#).await, (StatusCode::OK, json!({"quantity": 2})));
}

#[tokio::test]
async fn every_bad_body_has_its_own_code() {
    for (content_type, body, status, code) in [
        ("application/json", r#"{"quantity":"#, 400, "malformed_json"),
        ("application/json", "", 400, "malformed_json"),
        ("application/json", r#"{"quantity":2,"price":0}"#, 400, "invalid_body"),
        ("application/json", r#"{"quantity":"two"}"#, 400, "invalid_body"),
        ("application/json", r#"{"quantity":-2}"#, 400, "invalid_body"),
        ("application/json", "{}", 400, "invalid_body"),
        // Not an order of two spelt by position.
        ("application/json", "[2]", 400, "invalid_body"),
        ("application/json", "null", 400, "invalid_body"),
        ("text/plain", r#"{"quantity":2}"#, 415, "unsupported_media_type"),
    ] {
        let (actual, problem) = order(content_type, body).await;
        assert_eq!((actual.as_u16(), &problem["code"]), (status, &json!(code)), "{body}");
    }
    let (status, problem) = order("application/json", " ".repeat(65)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (413, &json!("body_too_large")));
}

#[tokio::test]
async fn an_unknown_field_is_named() {
    let (_, problem) = order("application/json", r#"{"quantity":2,"price":0}"#).await;
    assert!(problem["detail"].as_str().unwrap().contains("unknown field `price`"), "{problem}");
}

#[tokio::test]
async fn addresses_and_queries_that_cannot_be_read_are_refused() {
    for path in ["/orders/seven", "/orders/%ff"] {
        let (status, problem) = fetch(path).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("invalid_path")), "{path}");
    }
    for path in ["/pages", "/pages?page=-1", "/pages?page=x"] {
        let (status, problem) = fetch(path).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("invalid_query")), "{path}");
    }
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let (status, problem) = fetch("/nowhere").await;
    assert_eq!((status.as_u16(), &problem["code"]), (404, &json!("not_found")));
    let (status, problem) = send(Request::delete("/orders").body(Body::empty()).unwrap()).await;
    assert_eq!((status.as_u16(), &problem["code"]), (405, &json!("method_not_allowed")));
}

#[tokio::test]
async fn what_breaks_inside_stays_inside() {
    for path in ["/broken", "/mistaken"] {
        let (status, problem) = fetch(path).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(problem, Problem::internal().to_json(), "{path}");
    }
}
