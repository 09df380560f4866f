//! Networks from which nobody arrives.

use std::{sync::Arc, time::Duration};

use contract::clock::ManualClock;
use serde_json::{Value, json};
use testkit::{SseClient, eventually};

use crate::{
    browser::Browser,
    fixture::{Gateway, OPERATOR_KEY, settings_text},
};

const PLENTY: &str = r#"{ mode = "fixed", rate_per_second = 100, active_cap = 1000 }"#;
const SOON: Duration = Duration::from_secs(30);
const SCRIPTS: &str = "203.0.113.7";
const PEOPLE: &str = "198.51.100.1";

/// Behind a proxy of ours, or one that nobody told us of.
async fn gateway(trusted: &str) -> Gateway {
    let text = settings_text(PLENTY, "tokens.arrive_within = '20s'").replace("trusted_proxies = []", trusted);
    Gateway::start(&text, Arc::new(ManualClock::at_second(1_800_000_000)), None).await
}

/// Somebody joins from there, with a second's credit at hand.
async fn join_from<'a>(gateway: &'a Gateway, address: &str) -> (Browser<'a>, Value) {
    gateway.pass(1).await;
    let browser = Browser::at(gateway, address).visit().await;
    let document = browser.join().await.json();
    (browser, document)
}

async fn held_back(gateway: &Gateway) -> Value {
    let shown = gateway.internal.get("/v1/admin/queues/demo").bearer(OPERATOR_KEY).send().await.json();
    shown["networks_held_back"].clone()
}

#[tokio::test]
async fn a_network_from_which_nobody_arrives_is_let_in_one_at_a_time_and_told_why() {
    let gateway = gateway("trusted_proxies = ['127.0.0.1']").await;
    for _ in 0..8 {
        assert_eq!(join_from(&gateway, SCRIPTS).await.1["state"], "admitted");
    }
    assert_eq!(held_back(&gateway).await, 1);
    let (ninth, waiting) = join_from(&gateway, SCRIPTS).await;
    assert_eq!((&waiting["state"], waiting.get("reason")), (&json!("waiting"), None), "nobody has gone before yet");
    let bearer = format!("Bearer {}", ninth.waiting_token());
    let path = "/v1/queues/demo/stream";
    let headers = [("authorization", bearer.as_str()), ("x-forwarded-for", SCRIPTS)];
    let mut stream = SseClient::connect(gateway.address, path, &headers).await.unwrap();

    assert_eq!(join_from(&gateway, PEOPLE).await.1["state"], "admitted", "nobody else is limited");
    let told = loop {
        let event = stream.next_named("position", SOON).await.unwrap();
        let document: Value = serde_json::from_str(&event.data).unwrap();
        if document["state"] == "parked" {
            break document;
        }
    };
    assert_eq!(told["reason"], "network_held_back");
    let place = ninth.place().await;
    assert_eq!((&place["state"], &place["reason"]), (&json!("parked"), &json!("network_held_back")), "{place}");
    // A stream that is opened now says so from the first.
    let mut late = SseClient::connect(gateway.address, path, &headers).await.unwrap();
    let first: Value = serde_json::from_str(&late.next_event(SOON).await.unwrap().data).unwrap();
    assert_eq!((&first["state"], &first["reason"]), (&json!("parked"), &json!("network_held_back")), "{first}");

    // The eight have not come: their slots are free again, and the ninth's turn has come.
    gateway.pass(20).await;
    let wanted = |place: Value| place["state"] == "admitted";
    eventually("the ninth is admitted", async || wanted(ninth.place().await)).await;
    drop((stream, late));
}

#[tokio::test]
async fn a_proxy_that_nobody_told_us_of_suspends_the_rule_and_raises_the_alarm() {
    let gateway = gateway("trusted_proxies = []").await;
    let alarm = "queue_gateway_untrusted_proxy_requests_total";
    assert_eq!(gateway.metric(alarm).await, 0);
    for _ in 0..12 {
        assert_eq!(join_from(&gateway, SCRIPTS).await.1["state"], "admitted");
    }
    assert_eq!(held_back(&gateway).await, 0);
    assert!(gateway.metric(alarm).await >= 12);
}

#[tokio::test]
async fn a_network_whose_visitors_arrive_is_never_held_back() {
    let gateway = gateway("trusted_proxies = ['127.0.0.1']").await;
    for _ in 0..20 {
        let (browser, document) = join_from(&gateway, PEOPLE).await;
        assert_eq!(document["state"], "admitted");
        assert_eq!(browser.enter().await.status, 303);
    }
    assert_eq!(held_back(&gateway).await, 0);
}
