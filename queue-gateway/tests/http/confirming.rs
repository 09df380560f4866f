//! What was confirmed in the last moment before the store lost it.

use std::sync::Arc;

use contract::clock::{Clock, ManualClock, SystemClock};
use serde_json::json;
use testkit::{Redis, eventually};

use crate::fixture::{CURRENT, Gateway, OPERATOR_KEY, SERVICE_KEY, assert_problem, settings_text};

const FAST: &str = r#"{ mode = "fixed", rate_per_second = 1000, active_cap = 10 }"#;
/// Where a copy of everything is kept.
const KEPT: &str = "1";

async fn gateway_on(redis: &Redis, clock: &Arc<ManualClock>) -> Gateway {
    let store = format!("engine = 'redis'\nredis.url = '{}'\nredis.command_timeout = '500ms'", redis.url());
    // Of what happens between two steps they have told nobody.
    let text = settings_text(FAST, &store).replace("tick = \"10ms\"", "tick = \"1s\"");
    Gateway::start(&text, clock.clone(), None).await
}

/// What is confirmed between a copy of the store and its loss is as it was, after it was lost in this way.
async fn holds_after(loss: &[&str]) {
    let redis = Redis::start().await;
    let clock = Arc::new(ManualClock::at_second(SystemClock.now().as_second()));
    let (one, other) = (gateway_on(&redis, &clock).await, gateway_on(&redis, &clock).await);
    let (buyer, bought) = one.admitted_visitor().await;
    let (done, used) = one.admitted_visitor().await;
    let (gone, _) = one.admitted_visitor().await;
    one.claim(&used).await;
    let order = async |text: &str| {
        let body = json!({"message": text, "rate_per_second": 0});
        let reply = one.internal.patch("/v1/admin/queues/demo").bearer(OPERATOR_KEY).json(&body).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    order("Before").await;
    let (waiting, _) = one.waiting_visitor().await;
    let (left, _) = one.waiting_visitor().await;
    other.step().await;
    one.step().await;
    let copy = "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[1]) end";
    redis.call(&["EVAL", copy, "0", KEPT]).await;

    one.claim(&bought).await;
    one.release(&used).await;
    for token in [&gone, &left] {
        assert_eq!(one.visitors.delete(CURRENT).bearer(token).send().await.status, 204);
    }
    order("Since").await;
    redis.call(loss).await;

    // Each wait for what gateways remember ends with another history.
    let is_given_back =
        async || redis.call(&["HGET", "wr:{demo}:meta", "history"]).await.text().is_some_and(|history| history != "0");
    eventually("the line is given back", is_given_back).await;
    for gateway in [&one, &other] {
        eventually("the line is whole", async || gateway.public_state().await["state"] == "open").await;
        assert_eq!(gateway.poll(&waiting).await["position"], 1);
        let state = gateway.public_state().await;
        assert_eq!((&state["waiting"], &state["active"], &state["message"]), (&json!(1), &json!(1), &json!("Since")));
        for token in [&done, &gone, &left] {
            assert_eq!(gateway.poll(token).await["state"], "left");
        }
        assert_eq!(gateway.poll(&buyer).await["state"], "admitted");
        let path = format!("/v1/active-tokens/{}/claim", gateway.slot(&bought));
        let another = json!({"holder": uuid::Uuid::from_u128(7), "active_token": bought["active_token"]});
        let another = gateway.internal.post(&path).bearer(SERVICE_KEY).json(&another).send().await;
        assert_problem(&another, 409, "token_held_by_another");
    }
}

#[tokio::test]
async fn what_was_confirmed_holds_after_a_total_loss() {
    holds_after(&["FLUSHDB"]).await;
}

#[tokio::test]
async fn what_was_confirmed_holds_after_the_store_was_set_back() {
    holds_after(&["SWAPDB", "0", KEPT]).await;
}
