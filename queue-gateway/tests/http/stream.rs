//! Streams over real sockets, as browsers and proxies meet them.

use std::{sync::Arc, time::Duration};

use contract::clock::ManualClock;
use serde_json::{Value, json};
use testkit::{Event, SseClient, SseError, eventually};

use crate::fixture::{CURRENT, Gateway, ONE_PER_SECOND, OPERATOR_KEY, assert_problem, settings_text, waiting_token};

const OPEN: &str = r#"queue_gateway_streams_open{queue="demo"}"#;
const STREAM: &str = "/v1/queues/demo/stream";
/// Longer than anything but a ping takes.
const SOON: Duration = Duration::from_secs(30);

impl Gateway {
    async fn stream(&self, token: &str) -> SseClient {
        let bearer = format!("Bearer {token}");
        let stream = SseClient::connect(self.address, STREAM, &[("authorization", &bearer)]).await.unwrap();
        assert_eq!(stream.status(), 200);
        stream
    }
}

fn data(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

async fn next(stream: &mut SseClient) -> Event {
    stream.next_event(SOON).await.unwrap()
}

async fn assert_ended(stream: &mut SseClient) {
    assert!(matches!(stream.next_event(SOON).await, Err(SseError::Ended)));
}

/// That the stream says nothing but when to come back.
async fn assert_turned_away(stream: &mut SseClient) {
    let only = next(stream).await;
    assert_eq!((only.data.as_str(), only.id), ("", None));
    assert!((5_000..20_000).contains(&only.retry.unwrap().as_millis()));
    assert_ended(stream).await;
}

#[tokio::test]
async fn a_stream_opens_with_two_frames_that_say_how_things_stand() {
    let gateway = Gateway::open().await;
    let (token, place) = gateway.waiting_visitor().await;
    let mut stream = gateway.stream(&token).await;
    let header = |name: &str| stream.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("content-type"), Some("text/event-stream"));
    assert_eq!(header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(header("x-accel-buffering"), Some("no"));
    assert_eq!(header("content-encoding"), None);
    assert_eq!(header("content-length"), None);
    let cookie = header("set-cookie").unwrap();
    assert!(cookie.starts_with("waiting_token.demo=") && cookie.contains("HttpOnly"), "presence renews: {cookie}");

    let state = next(&mut stream).await;
    assert_eq!(state.event, "position");
    assert!((1_000..5_000).contains(&state.retry.unwrap().as_millis()));
    let (epoch, tick) = state.id.as_deref().unwrap().split_once('-').unwrap();
    assert!(epoch.parse::<i64>().is_ok() && tick.parse::<u64>().is_ok(), "{state:?}");
    let document = data(&state);
    for (key, value) in [("queue", json!("demo")), ("state", json!("waiting")), ("position", place["position"].clone())]
    {
        assert_eq!(document[key], value, "{document}");
    }
    let second = next(&mut stream).await;
    assert_eq!((second.event.as_str(), data(&second)["paused"].clone()), ("resumed", json!(false)));
}

#[tokio::test]
async fn positions_fall_until_the_turn_comes() {
    let gateway = Gateway::open().await;
    let (first, _) = gateway.waiting_visitor().await;
    let (second, _) = gateway.waiting_visitor().await;
    let mut stream = gateway.stream(&second).await;
    assert_eq!(data(&next(&mut stream).await)["position"], 2);
    assert_eq!(gateway.visitors.delete(CURRENT).bearer(&first).send().await.status, 204);
    let moved = stream.next_named("position", SOON).await.unwrap();
    assert_eq!((data(&moved)["position"].clone(), data(&moved)["behind"].clone()), (json!(1), json!(0)));

    gateway.pass(1).await;
    let admitted = stream.next_named("admitted", SOON).await.unwrap();
    let document = data(&admitted);
    assert_eq!((&document["state"], &document["redirect_to"]), (&json!("admitted"), &json!("https://shop.test/seats")));
    assert_eq!(document["active_token"], gateway.poll(&second).await["active_token"], "one admission, one token");
    assert_ended(&mut stream).await;

    let mut again = gateway.stream(&second).await;
    assert_eq!(next(&mut again).await.event, "admitted", "who was cut off has missed nothing");
    assert_eq!(next(&mut again).await.event, "ping");
    assert_ended(&mut again).await;
}

#[tokio::test]
async fn a_visitor_without_a_place_is_told_and_let_go() {
    let gateway = Gateway::open().await;
    let (left, _) = gateway.waiting_visitor().await;
    gateway.visitors.delete(CURRENT).bearer(&left).send().await;
    // A token of the present epoch whose visitor the store does not know: they have left, nobody has lost them.
    for token in [left, waiting_token(&gateway, |_| {})] {
        let mut stream = gateway.stream(&token).await;
        let closed = next(&mut stream).await;
        assert_eq!((closed.event.as_str(), data(&closed)["state"].clone()), ("closed", json!("left")));
        assert!(closed.retry.unwrap() >= Duration::from_secs(5));
        assert_eq!(next(&mut stream).await.event, "ping");
        assert_ended(&mut stream).await;
    }
}

#[tokio::test]
async fn a_place_of_an_older_epoch_is_restored_by_its_stream() {
    let gateway = Gateway::open().await;
    let (_, newcomer) = gateway.waiting_visitor().await;
    assert_eq!(newcomer["position"], 1);
    let old = waiting_token(&gateway, |claims| claims.epoch = 1_700_000_000_000_000);
    let mut stream = gateway.stream(&old).await;
    let document = data(&next(&mut stream).await);
    assert_eq!((&document["state"], &document["position"]), (&json!("waiting"), &json!(1)));
    let (late, _) = gateway.waiting_visitor().await;
    eventually("the newcomer has somebody before them", async || gateway.poll(&late).await["position"] == 3).await;
}

#[tokio::test]
async fn without_a_token_or_a_queue_there_is_no_stream() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    let get = |path: &str| gateway.visitors.get(path);
    assert_problem(&get(STREAM).send().await, 401, "waiting_token_missing");
    assert_problem(&get(STREAM).bearer("forged").send().await, 401, "waiting_token_invalid");
    assert_problem(&get("/v1/queues/none/stream").bearer(&token).send().await, 404, "queue_not_found");
    let other = get("/v1/queues/other/stream").bearer(&token).send().await;
    assert_eq!(other.status, 401, "{}", other.text());
    let head = gateway.visitors.request(http::Method::HEAD, STREAM).bearer(&token).send().await;
    assert_eq!(head.status, 405);
}

#[tokio::test]
async fn a_full_gateway_answers_when_to_come_back() {
    let gateway = Gateway::with("streams.max_streams = 1").await;
    let (token, _) = gateway.waiting_visitor().await;
    let mut stream = gateway.stream(&token).await;
    assert_eq!(next(&mut stream).await.event, "position");
    assert_turned_away(&mut gateway.stream(&token).await).await;
}

#[tokio::test]
async fn an_address_that_opens_too_many_streams_is_answered_when_to_come_back() {
    let gateway = Gateway::with("rate_limits.stream = { per_second = 1, burst = 1 }").await;
    let (token, _) = gateway.waiting_visitor().await;
    let mut stream = gateway.stream(&token).await;
    assert_eq!(next(&mut stream).await.event, "position");
    assert_turned_away(&mut gateway.stream(&token).await).await;
}

#[tokio::test]
async fn a_client_that_vanishes_frees_its_stream() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    let mut stream = gateway.stream(&token).await;
    next(&mut stream).await;
    assert_eq!(gateway.metric(OPEN).await, 1);
    drop(stream);
    eventually("the stream is closed", async || gateway.metric(OPEN).await == 0).await;
}

#[tokio::test]
async fn operators_are_heard_in_every_stream() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    let mut stream = gateway.stream(&token).await;
    next(&mut stream).await;
    assert_eq!(next(&mut stream).await.event, "resumed");
    for (order, event) in [("pause", "paused"), ("resume", "resumed")] {
        gateway.internal.post(&format!("/v1/admin/queues/demo/{order}")).bearer(OPERATOR_KEY).send().await;
        stream.next_named(event, SOON).await.unwrap();
    }
    let words = json!({ "message": "In five minutes" });
    gateway.internal.patch("/v1/admin/queues/demo").bearer(OPERATOR_KEY).json(&words).send().await;
    let message = stream.next_named("message", SOON).await.unwrap();
    assert_eq!(data(&message)["message"], "In five minutes");
}

#[tokio::test]
async fn a_stopping_gateway_still_tells_whose_turn_has_come() {
    let six = r#"{ mode = "fixed", rate_per_second = 6, active_cap = 100 }"#;
    let slowly = settings_text(six, "").replace(r#"drain_deadline = "100ms""#, r#"drain_deadline = "10s""#);
    let clock = Arc::new(ManualClock::at_second(1_800_000_000));
    let gateway = Gateway::start(&slowly, clock.clone(), None).await;
    let (mut admitted, mut streams) = (0, Vec::new());
    for _ in 0..40 {
        let (token, _) = gateway.waiting_visitor().await;
        streams.push(gateway.stream(&token).await);
    }
    gateway.step().await;
    drop(gateway);
    clock.advance(Duration::from_secs(1));
    for stream in &mut streams {
        admitted += u32::from(stream.next_named("admitted", SOON).await.is_ok());
    }
    // One of the six may have been sent elsewhere before, and learns of it there.
    assert!((4..=6).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn a_stopping_gateway_lets_its_streams_go_with_a_longer_retry() {
    let slowly = settings_text(ONE_PER_SECOND, "").replace(r#"drain_deadline = "100ms""#, r#"drain_deadline = "2s""#);
    let clock = Arc::new(ManualClock::at_second(1_800_000_000));
    let gateway = Gateway::start(&slowly, clock, None).await;
    let (token, _) = gateway.waiting_visitor().await;
    let mut stream = gateway.stream(&token).await;
    next(&mut stream).await;
    next(&mut stream).await;
    drop(gateway);
    assert_turned_away(&mut stream).await;
}
