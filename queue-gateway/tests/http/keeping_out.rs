//! What an operator keeps out, and takes back.

use std::{sync::Arc, time::Duration};

use contract::clock::ManualClock;
use serde_json::json;
use tempfile::TempDir;
use testkit::{Reply, SseClient, eventually};

use crate::{
    browser::Browser,
    fixture::{CURRENT, Gateway, ONE_PER_SECOND, OPERATOR_KEY, TOKENS, assert_problem, settings_text},
};

const SOON: Duration = Duration::from_secs(30);
const BLOCKED: &str = "203.0.113.7";

/// Behind a proxy of ours, with these lists.
fn with_lists(lists: &str) -> String {
    settings_text(ONE_PER_SECOND, lists).replace("trusted_proxies = []", "trusted_proxies = ['127.0.0.1']")
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_second(1_800_000_000))
}

async fn operates(gateway: &Gateway, call: &str) -> Reply {
    gateway.internal.post(call).bearer(OPERATOR_KEY).send().await
}

#[tokio::test]
async fn whoever_is_blocked_gets_nothing_and_whoever_is_allowed_meets_no_limit() {
    let lists = "access = { blocked = ['203.0.113.0/24'], allowed = ['203.0.113.9/32'] }
        rate_limits.join = { per_second = 1, burst = 1 }";
    let gateway = Gateway::start(&with_lists(lists), clock(), None).await;
    let join = async |from: &str| gateway.visitors.post(TOKENS).header("x-forwarded-for", from).send().await;
    let page = gateway.visitors.get("/waiting-room/demo").header("x-forwarded-for", BLOCKED).send().await;
    for refused in [join(BLOCKED).await, page] {
        assert_problem(&refused, 403, "network_blocked");
    }
    for _ in 0..3 {
        assert_eq!(join("203.0.113.9").await.status, 201);
    }
    assert_eq!(join("198.51.100.1").await.status, 201);
    assert_problem(&join("198.51.100.1").await, 429, "rate_limited");
}

#[tokio::test]
async fn a_network_that_is_blocked_later_loses_its_streams_and_no_turn_goes_there() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, with_lists("")).unwrap();
    let gateway = Gateway::start(&with_lists(""), clock(), Some(&file)).await;
    let browser = Browser::at(&gateway, BLOCKED).visit().await;
    assert_eq!(browser.join().await.status, 201);
    let cookies = browser.cookies();
    let headers = [("x-forwarded-for", BLOCKED), ("cookie", cookies.as_str())];
    let mut stream = SseClient::connect(gateway.address, "/v1/queues/demo/stream", &headers).await.unwrap();
    stream.next_named("position", SOON).await.unwrap();

    std::fs::write(&file, with_lists(&format!("access.blocked = ['{BLOCKED}/32']"))).unwrap();
    let ended = async { while stream.next_event(SOON).await.is_ok() {} };
    tokio::time::timeout(SOON, ended).await.expect("the stream ends");
    assert_problem(&browser.poll().await, 403, "network_blocked");
    eventually("nobody is present", async || gateway.public_state().await["present"] == 0).await;
    gateway.pass(3).await;
    assert_eq!(gateway.public_state().await["active"], 0);
}

#[tokio::test]
async fn all_queues_stand_still_by_one_call() {
    let gateway = Gateway::open().await;
    let states = async || {
        let mut states = Vec::new();
        for queue in ["demo", "other"] {
            let state = gateway.visitors.get(&format!("/v1/queues/{queue}")).send().await.json();
            states.push(state["state"].as_str().unwrap().to_owned());
        }
        states
    };
    assert_problem(&gateway.internal.post("/v1/admin/freeze").send().await, 401, "operator_key_required");
    for (call, state) in [("freeze", "paused"), ("unfreeze", "open")] {
        assert_eq!(operates(&gateway, &format!("/v1/admin/{call}")).await.status, 204);
        eventually(state, async || states().await == [state, state]).await;
    }
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_and_its_visitor_is_told() {
    let gateway = Gateway::open().await;
    let (visitor, document) = gateway.admitted_visitor().await;
    let revoke = format!("/v1/admin/active-tokens/{}/revoke", gateway.slot(&document));
    assert_problem(&gateway.internal.post(&revoke).send().await, 401, "operator_key_required");
    assert_eq!(operates(&gateway, &revoke).await.status, 204);
    let token = document["active_token"].as_str().unwrap();
    let verify = gateway.visitors.get("/v1/verify?queue=demo").header("active-token", token).send().await;
    assert_problem(&verify, 401, "active_token_required");
    let place = gateway.visitors.get(CURRENT).bearer(&visitor).send().await.json();
    assert_eq!((&place["state"], &place["reason"]), (&json!("left"), &json!("revoked")));
    assert_problem(&operates(&gateway, &revoke).await, 404, "token_not_found");
}

#[tokio::test]
async fn a_claimed_token_is_the_sites_to_revoke() {
    let gateway = Gateway::open().await;
    let (visitor, document) = gateway.admitted_visitor().await;
    gateway.claim(&document).await;
    let revoke = format!("/v1/admin/active-tokens/{}/revoke", gateway.slot(&document));
    assert_problem(&operates(&gateway, &revoke).await, 409, "slot_claimed");
    assert_eq!(gateway.poll(&visitor).await["state"], "admitted");
}
