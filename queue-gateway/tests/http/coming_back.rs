//! A gateway that is started again has lost its line: those who come back with their tokens are awaited.

use std::{sync::Arc, time::Duration};

use contract::clock::ManualClock;
use serde_json::json;

use crate::{
    browser::Browser,
    fixture::{Gateway, ONE_PER_SECOND, settings_text},
};

#[tokio::test]
async fn whoever_comes_back_late_after_a_restart_goes_in_before_whoever_was_sooner() {
    let text = settings_text(ONE_PER_SECOND, "tokens.come_back_within = '10s'");
    let clock = Arc::new(ManualClock::at_second(1_800_000_000));
    let gateway = Gateway::start(&text, clock.clone(), None).await;
    let mut line = Vec::new();
    for _ in 0..3 {
        line.push(gateway.waiting_visitor().await.0);
    }
    drop(gateway);
    clock.advance(Duration::from_secs(5));
    let gateway = Gateway::start(&text, clock, None).await;
    gateway.pass(1).await;

    assert_eq!(gateway.poll(&line[2]).await["state"], "waiting");
    gateway.step().await;
    assert_eq!(gateway.public_state().await["state"], "rejoining");
    let (newcomer, document) = gateway.waiting_visitor().await;
    assert_eq!((&document["position"], &document["wait_seconds"]), (&json!(2), &json!(null)));
    gateway.poll(&line[1]).await;
    gateway.pass(9).await;
    gateway.poll(&line[0]).await;
    for (position, token) in (1..).zip(line.iter().chain([&newcomer])) {
        gateway.until_poll(token, "the old order", |place| place["position"] == position).await;
    }
    gateway.pass(1).await;
    assert_eq!(gateway.public_state().await["state"], "open");
    for token in line.iter().chain([&newcomer]) {
        assert_eq!(gateway.poll(token).await["state"], "waiting");
        gateway.pass(1).await;
        gateway.until_poll(token, "one a second, in the old order", |place| place["state"] == "admitted").await;
    }
}

#[tokio::test]
async fn whoever_comes_first_to_a_queue_that_is_new_waits_for_nobody() {
    let gateway = Gateway::open().await;
    gateway.pass(1).await;
    assert_eq!(Browser::new(&gateway).visit().await.join().await.json()["state"], "admitted");
    assert_eq!(gateway.public_state().await["state"], "open");
}
