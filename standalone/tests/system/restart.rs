//! What a kill -9 must not take away.

use std::time::Duration;

use serde_json::json;
use testkit::eventually;

use crate::{
    buyer::{Buyer, created},
    process::System,
};

const TOKENS: &str = "/v1/queues/demo/tokens";

async fn join(system: &System) -> String {
    let document = created(&system.waiting_room().post(TOKENS).json(&json!({})).send().await);
    document["waiting_token"].as_str().unwrap().to_owned()
}

async fn position(system: &System, waiting_token: &str) -> Option<u64> {
    let poll = system.waiting_room().get("/v1/queues/demo/tokens/current").bearer(waiting_token);
    poll.send().await.json()["position"].as_u64()
}

/// Waits until the visitor is told this position.
async fn settles_at(system: &System, waiting_token: &str, expected: u64) {
    eventually(&format!("they are told {expected}"), async || position(system, waiting_token).await == Some(expected))
        .await;
}

/// Lets the operator set the rate, and waits until `waiting_token` is admitted.
async fn admit(system: &System, waiting_token: &str) -> String {
    let operator = system.secret("operator_key");
    let rate = system.waiting_room_internal().patch("/v1/admin/queues/demo").bearer(&operator);
    assert_eq!(rate.json(&json!({"rate_per_second": 50.0})).send().await.status, 200);
    loop {
        let poll = system.waiting_room().get("/v1/queues/demo/tokens/current").bearer(waiting_token);
        if let Some(token) = poll.send().await.json()["active_token"].as_str() {
            let rate = system.waiting_room_internal().patch("/v1/admin/queues/demo").bearer(&operator);
            assert_eq!(rate.json(&json!({"rate_per_second": null})).send().await.status, 200);
            return token.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn those_who_wait_come_back_to_their_places() {
    let mut system = System::start(0.0).await;
    let mut visitors = Vec::new();
    for expected in 1..=5 {
        visitors.push(join(&system).await);
        assert_eq!(position(&system, visitors.last().unwrap()).await, Some(expected));
    }

    system.kill_and_start_again().await;

    let newcomer = join(&system).await;
    // In the worst order: whoever was last comes back first.
    for visitor in visitors.iter().rev() {
        assert_eq!(position(&system, visitor).await, Some(1), "they precede whoever came back after those behind them");
    }
    // The places are exact once a tick has told the gateway of those who came back.
    visitors.push(newcomer);
    for (expected, visitor) in (1..).zip(&visitors) {
        settles_at(&system, visitor, expected).await;
    }
}

#[tokio::test]
async fn nobody_overtakes_those_who_come_back_after_a_restart() {
    let mut system = System::start(0.001).await;
    let (first, last) = (join(&system).await, join(&system).await);
    assert_eq!(position(&system, &last).await, Some(2));

    system.kill_and_start_again().await;
    system.change_settings(|text| text.replace("rate_per_second = 0.001", "rate_per_second = 50.0"));

    assert_eq!(position(&system, &last).await, Some(1), "nobody else has come back yet");
    let state = async || system.waiting_room().get("/v1/queues/demo").send().await.json();
    eventually("the rest of the line is awaited", async || state().await["state"] == "rejoining").await;
    eventually("the new rate is in force", async || state().await["rate_per_second"] == 50.0).await;
    let page = system.waiting_room().get("/waiting-room/demo").send().await;
    let identity = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let join_with_it = system.waiting_room().post(TOKENS).header("cookie", &identity).json(&json!({}));
    let newcomer = created(&join_with_it.send().await);
    assert_eq!(newcomer["state"], "waiting", "{newcomer}");
    settles_at(&system, &first, 1).await;
    settles_at(&system, &last, 2).await;

    system.change_settings(|text| text.replace("[queue_gateway]", "[queue_gateway]\ntokens.come_back_within = '0s'"));
    eventually("the line moves on", async || state().await["active"] == 3).await;
}

#[tokio::test]
async fn reservations_and_payments_stay() {
    let mut system = System::start(0.0).await;
    let visitor = join(&system).await;
    let active_token = admit(&system, &visitor).await;
    let buyer = Buyer::with_money(&system, "keeper", 1_000_000).await;
    let performance = buyer.performance().await;
    let paid_for = buyer.reserve(&performance, &active_token, 7).await;

    system.kill_and_start_again().await;

    // The admitted visitor goes on with their signed token, although the gateway has forgotten them.
    let payment = created(&buyer.pay(&paid_for, &active_token).await);
    assert_eq!(payment["state"], "completed");

    system.kill_and_start_again().await;

    let reservation = buyer.get(&format!("/v1/reservations/{}", paid_for["id"].as_str().unwrap())).await;
    assert_eq!(reservation["state"], "confirmed");
    let again = created(&buyer.pay(&paid_for, &active_token).await);
    assert_eq!(again["id"], payment["id"], "the same key gives the same payment");
    let payments = buyer.get("/v1/payments").await;
    assert_eq!(payments["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_admitted_visitor_who_claims_only_after_a_restart_is_taken_in() {
    let mut system = System::start(0.0).await;
    let visitor = join(&system).await;
    let active_token = admit(&system, &visitor).await;

    system.kill_and_start_again().await;

    let buyer = Buyer::with_money(&system, "latecomer", 1_000_000).await;
    let performance = buyer.performance().await;
    let reservation = buyer.reserve(&performance, &active_token, 8).await;
    created(&buyer.pay(&reservation, &active_token).await);
}
