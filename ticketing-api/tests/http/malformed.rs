//! Whatever is sent: a problem document with a stable code, never a 500 and never silence.

use std::time::Duration;

use serde_json::json;
use testkit::{Postgres, send_raw};

use crate::fixture::{Shop, assert_problem, holds_path, key};

const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

#[tokio::test]
async fn bodies_that_do_not_fit_are_refused_with_what_is_wrong() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let huge = format!("{{\"seats\":[{}1]}}", "1,".repeat(40_000));
    let deep = format!("{{\"seats\":{}", "[".repeat(10_000));
    let many = json!({"seats": (1..=5000).collect::<Vec<u32>>()}).to_string();
    let cases: [(&str, u16, &str); 23] = [
        ("", 400, "invalid_body"),
        ("{", 400, "malformed_json"),
        ("nonsense", 400, "malformed_json"),
        (&deep, 400, "invalid_body"),
        ("[]", 400, "invalid_body"),
        ("null", 400, "invalid_body"),
        ("{}", 400, "invalid_body"),
        (r#"{"seats":1}"#, 400, "invalid_body"),
        (r#"{"seats":["1"]}"#, 400, "invalid_body"),
        (r#"{"seats":[1.5]}"#, 400, "invalid_body"),
        (r#"{"seats":[-1]}"#, 400, "invalid_body"),
        (r#"{"seats":[4294967296]}"#, 400, "invalid_body"),
        (r#"{"seats":[1e400]}"#, 400, "malformed_json"),
        (r#"{"seats":[1],"price":0}"#, 400, "invalid_body"),
        (r#"{"seats":[1],"seats":[2]}"#, 400, "invalid_body"),
        (r#"{"seats":[]}"#, 422, "no_seats"),
        (r#"{"seats":[1,1]}"#, 422, "duplicate_seats"),
        (r#"{"seats":[0]}"#, 422, "unknown_seats"),
        (r#"{"seats":[1,101]}"#, 422, "unknown_seats"),
        (r#"{"seats":[4294967295]}"#, 422, "unknown_seats"),
        (r#"{"seats":[1,2,3,4,5]}"#, 422, "too_many_seats"),
        (&many, 422, "too_many_seats"),
        (&huge, 413, "body_too_large"),
    ];
    for (body, status, code) in cases {
        let request = buyer.sends(shop.api.post(&holds_path())).body("application/json", body.to_owned());
        let reply = request.send().await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (status, Some(code)), "{shown}");
        assert_problem(&reply, status, code);
    }
    let not_utf8 = buyer.sends(shop.api.post(&holds_path())).body("application/json", &b"{\"seats\":\"\xff\"}"[..]);
    assert_problem(&not_utf8.send().await, 400, "malformed_json");
    let text = buyer.sends(shop.api.post(&holds_path())).body("text/plain", r#"{"seats":[1]}"#);
    assert_problem(&text.send().await, 415, "unsupported_media_type");
    assert_eq!(shop.hold(&buyer, &[1]).await.status, 201, "none of it has taken a seat");
}

#[tokio::test]
async fn amounts_that_are_no_charge_are_refused() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    for (amount, status, code) in [
        ("0", 422, "amount_not_positive"),
        ("-1", 422, "amount_not_positive"),
        ("-9223372036854775808", 422, "amount_not_positive"),
        ("10000001", 422, "charge_too_large"),
        ("9223372036854775807", 422, "charge_too_large"),
        ("9223372036854775808", 400, "invalid_body"),
        ("1.5", 400, "invalid_body"),
        ("\"1\"", 400, "invalid_body"),
        ("null", 400, "invalid_body"),
    ] {
        let request = shop.api.post("/v1/wallet/charges").bearer(&member.session).header("idempotency-key", &key());
        let reply = request.body("application/json", format!("{{\"amount\":{amount}}}")).send().await;
        assert_eq!(reply.json()["code"], code, "{amount}");
        assert_problem(&reply, status, code);
    }
    assert_eq!(shop.api.get("/v1/wallet").bearer(&member.session).send().await.json()["balance"]["amount"], 0);
}

#[tokio::test]
async fn addresses_that_lead_nowhere_say_so() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let cases = [
        ("GET", "/v1/performances/12".to_owned(), 400, "invalid_path"),
        ("GET", format!("/v1/performances/{NOBODY}"), 404, "performance_not_found"),
        ("GET", format!("/v1/performances/{NOBODY}/seats"), 404, "performance_not_found"),
        ("GET", "/v1/concerts/x".to_owned(), 400, "invalid_path"),
        ("GET", format!("/v1/concerts/{NOBODY}"), 404, "concert_not_found"),
        ("GET", format!("/v1/concerts/{NOBODY}/performances"), 404, "concert_not_found"),
        ("GET", "/v1/concerts?size=0".to_owned(), 400, "invalid_query"),
        ("GET", "/v1/concerts?size=101".to_owned(), 400, "invalid_query"),
        ("GET", "/v1/concerts?page=-1".to_owned(), 400, "invalid_query"),
        ("GET", "/v1/concerts?page=4294967295".to_owned(), 400, "invalid_query"),
        ("GET", "/v1/concerts?colour=red".to_owned(), 400, "invalid_query"),
        ("GET", "/v1/reservations/x".to_owned(), 400, "invalid_path"),
        ("GET", format!("/v1/reservations/{NOBODY}"), 404, "reservation_not_found"),
        ("POST", format!("/v1/reservations/{NOBODY}/payments"), 404, "reservation_not_found"),
        ("DELETE", format!("/v1/holds/{NOBODY}"), 404, "hold_not_found"),
        ("DELETE", "/v1/holds/x".to_owned(), 400, "invalid_path"),
        ("GET", "/v1/nothing".to_owned(), 404, "not_found"),
        ("GET", "/assets/nothing.js".to_owned(), 404, "not_found"),
        ("GET", "/assets/%ff".to_owned(), 400, "invalid_path"),
        ("PUT", "/v1/wallet".to_owned(), 405, "method_not_allowed"),
        ("BREW", "/v1/wallet".to_owned(), 405, "method_not_allowed"),
    ];
    for (method, path, status, code) in cases {
        let request = shop.api.request(method.parse().unwrap(), &path).header("idempotency-key", &key());
        let reply = buyer.sends(request).send().await;
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (status, Some(code)), "{method} {path}");
        assert_problem(&reply, status, code);
    }
    let hold = buyer.sends(shop.api.post(&format!("/v1/performances/{NOBODY}/holds"))).json(&json!({"seats": [1]}));
    assert_problem(&hold.send().await, 404, "performance_not_found");
    let reserve = buyer.sends(shop.api.post("/v1/reservations")).json(&json!({"hold_id": NOBODY}));
    assert_problem(&reserve.send().await, 404, "hold_not_found");
}

/// PostgreSQL takes no text with a NUL, and calls it a fault of the statement.
#[tokio::test]
async fn an_email_that_no_database_takes_is_nobodys() {
    let database = Postgres::start().await;
    let shop = Shop::on_database(&database.url()).await;
    for email in ["a\0@example.org", "", "\u{0}"] {
        let log_in = shop.api.post("/v1/sessions").json(&json!({"email": email, "password": "secret1!"}));
        assert_problem(&log_in.send().await, 401, "invalid_credentials");
    }
}

#[tokio::test]
async fn of_two_idempotency_keys_neither_is_chosen() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    let body = r#"{"amount":1}"#;
    let request = format!(
        "POST /v1/wallet/charges HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: a\r\n\
         idempotency-key: b\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        member.session,
        body.len(),
    );
    let reply = send_raw(shop.address, request.as_bytes(), Duration::from_secs(5)).await.unwrap();
    assert_eq!(reply.status(), Some(400));
    assert_eq!(shop.api.get("/v1/wallet").bearer(&member.session).send().await.json()["balance"]["amount"], 0);
}

#[tokio::test]
async fn half_a_request_is_not_waited_for_without_end() {
    let shop = Shop::with("listen.body_read_timeout = \"200ms\"").await;
    let member = shop.member().await;
    let half = format!(
        "POST /v1/wallet/charges HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: k\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"amount\"",
        member.session
    );
    let reply = send_raw(shop.address, half.as_bytes(), Duration::from_secs(5)).await.unwrap();
    assert_eq!(reply.status(), Some(408));
}
