use std::{sync::Arc, time::Duration};

use contract::{
    clock::{Clock, ManualClock},
    tokens::{ActiveVerifier, JwkSet},
};
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    fixture::{CURRENT, Gateway, ONE_PER_SECOND, TOKENS, active_token, assert_problem, settings_text, waiting_token},
};

#[tokio::test]
async fn a_join_gives_a_browser_a_place_and_a_cookie() {
    let gateway = Gateway::open().await;
    gateway.waiting_visitor().await;
    gateway.step().await;
    let reply = Browser::new(&gateway).visit().await.join().await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));

    let document = reply.json();
    let pause = document["poll_after_seconds"].as_u64().unwrap();
    assert!((2..=3).contains(&pause), "{pause}");
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("waiting_token.demo=ey"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"), "{cookie}");
    assert_eq!(
        document,
        json!({
            "queue": "demo", "state": "waiting", "position": 2, "behind": 0,
            "wait_seconds": {"p50": 2, "p90": 3},
            "redirect_to": "https://shop.test/seats", "poll_after_seconds": pause, "message": null,
        }),
        "no script of the page can read the token"
    );
}

#[tokio::test]
async fn a_client_that_keeps_its_token_itself_is_given_it_once() {
    let gateway = Gateway::open().await;
    let first = gateway.visitors.post(TOKENS).send().await;
    let token = first.json()["waiting_token"].as_str().unwrap().to_owned();
    assert_eq!(first.cookie("waiting_token.demo"), Some(token.as_str()), "it may be one that keeps cookies");
    let again = gateway.visitors.post(TOKENS).bearer(&token).send().await;
    assert!(again.json()["waiting_token"].is_string());
    assert_eq!(again.cookie("waiting_token.demo"), None);
}

#[tokio::test]
async fn joining_again_gives_the_same_place_by_cookie_and_by_header() {
    let gateway = Gateway::open().await;
    let (token, first) = gateway.waiting_visitor().await;
    gateway.waiting_visitor().await;
    let by_header = gateway.visitors.post(TOKENS).bearer(&token).send().await;
    let by_cookie =
        gateway.visitors.post(TOKENS).header("cookie", &format!("a=b; waiting_token.demo={token}")).send().await;
    for reply in [by_header, by_cookie] {
        assert_eq!(reply.status, 200);
        let again = reply.json();
        assert_eq!((&again["state"], &again["position"]), (&first["state"], &first["position"]));
    }
}

#[tokio::test]
async fn with_room_and_nobody_waiting_whoever_comes_by_the_page_is_admitted_at_once() {
    let gateway = Gateway::open().await;
    let (_, document) = gateway.admitted_visitor().await;
    assert_eq!(document["position"], Value::Null);
    assert_eq!(document["redirect_to"], "https://shop.test/seats");
    let instant = |key: &str| document[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let now = gateway.clock.now();
    // The time for a claim begins with the arrival: this is the latest of both.
    assert_eq!(instant("arrive_before"), now + Duration::from_secs(30));
    assert_eq!(instant("claim_before"), now + Duration::from_secs(210));
    assert_eq!(instant("expires_at"), now + Duration::from_mins(10));

    let keys = gateway.visitors.get("/.well-known/jwks.json").send().await.json_as::<JwkSet>();
    let verifier = ActiveVerifier::from_jwks(&keys, "queue-gateway", "ticketing");
    let claims = verifier.verify(document["active_token"].as_str().unwrap(), now).unwrap();
    assert_eq!(claims.queue.as_str(), "demo");
}

#[tokio::test]
async fn whoever_sends_nothing_but_joins_is_never_admitted() {
    let gateway = Gateway::open().await;
    gateway.pass(2).await;
    for _ in 0..3 {
        let reply = gateway.visitors.post(TOKENS).send().await;
        assert_eq!((reply.status.as_u16(), &reply.json()["state"]), (201, &"waiting".into()));
    }
    gateway.pass(5).await;
    assert_eq!(gateway.public_state().await["active"], 0);
    let (_, document) = gateway.admitted_visitor().await;
    assert_eq!(document["state"], "admitted", "they make nobody else wait");
}

#[tokio::test]
async fn a_line_that_is_full_says_when_to_come_back() {
    let text = settings_text(ONE_PER_SECOND, "").replace("admission =", "max_places = 2, admission =");
    let gateway = Gateway::start(&text, Arc::new(ManualClock::at_second(1_800_000_000)), None).await;
    let (first, _) = gateway.waiting_visitor().await;
    gateway.waiting_visitor().await;
    let third = Browser::new(&gateway).visit().await;
    let refused = third.join().await;
    assert_problem(&refused, 503, "line_full");
    let pause: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((30..=90).contains(&pause), "{pause}");
    assert_eq!(gateway.visitors.post(TOKENS).bearer(&first).send().await.status, 200, "those inside stay");

    assert_eq!(gateway.visitors.delete(CURRENT).bearer(&first).send().await.status, 204);
    assert_eq!(third.join().await.status, 201, "there is room again");
}

#[tokio::test]
async fn a_useless_token_is_no_obstacle_to_a_new_place() {
    let gateway = Gateway::open().await;
    gateway.waiting_visitor().await;
    let expired = waiting_token(&gateway, |claims| claims.expires_at = claims.issued_at);
    let other_queue = waiting_token(&gateway, |claims| claims.queue = "other".parse().unwrap());
    let other_kind = active_token(&gateway, |_| {});
    for (position, token) in (2..).zip(["rubbish", &expired, &other_queue, &other_kind]) {
        let reply = gateway.visitors.post(TOKENS).header("cookie", &format!("waiting_token.demo={token}")).send().await;
        assert_eq!(reply.status, 201, "{token}");
        assert_eq!(reply.json()["position"], position, "{token}");
    }
}

#[tokio::test]
async fn whoever_left_gets_a_new_place_at_the_end() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    gateway.waiting_visitor().await;
    gateway.visitors.delete(CURRENT).bearer(&token).send().await;
    let reply = gateway.visitors.post(TOKENS).bearer(&token).send().await;
    assert_eq!(reply.status, 201);
    assert_ne!(reply.json()["waiting_token"], token.as_str());
    gateway.until_poll(reply.json()["waiting_token"].as_str().unwrap(), "second", |place| place["position"] == 2).await;
}

#[tokio::test]
async fn the_body_may_be_empty_and_nothing_else_than_an_empty_object() {
    let gateway = Gateway::open().await;
    let post = || gateway.visitors.post(TOKENS);
    assert_eq!(post().body("application/json", "{}").send().await.status, 201);
    assert_problem(&post().body("application/json", r#"{"vip": true}"#).send().await, 400, "invalid_body");
    assert_problem(&post().body("application/json", "7").send().await, 400, "invalid_body");
    assert_problem(&post().body("application/json", "{\"a").send().await, 400, "malformed_json");
    assert_problem(&post().body("text/plain", "{}").send().await, 415, "unsupported_media_type");
    assert_problem(&post().body("application/json", vec![b' '; 20_000]).send().await, 413, "body_too_large");
}

#[tokio::test]
async fn what_is_no_queue_cannot_be_joined() {
    let gateway = Gateway::open().await;
    for name in ["", "nowhere", "DEMO", "%2e%2e", "demo%00", "a%20b", "%F0%9F%8E%AB"] {
        let reply = gateway.visitors.post(&format!("/v1/queues/{name}/tokens")).send().await;
        assert_problem(&reply, 404, "queue_not_found");
    }
}
