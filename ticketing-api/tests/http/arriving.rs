//! Signs of life between admission and claim: the page, the sign-up and the log-in tell the gateway that its visitor is
//! here.

use std::time::Duration;

use http::Method;
use serde_json::json;
use testkit::{Reply, eventually};

use crate::{
    fixture::{PASSWORD, Shop, assert_problem, created},
    gateway::CLAIM_WITHIN,
};

async fn arrive(shop: &Shop, token: &str) -> Reply {
    shop.api.request(Method::PUT, "/v1/active-token").header("active-token", token).send().await
}

#[tokio::test]
async fn whoever_loads_the_page_keeps_their_turn() {
    let shop = Shop::open().await;
    let mut buyer = shop.buyer().await;
    buyer.active_token = shop.active_token("demo");
    for _ in 0..3 {
        shop.clock.advance(CLAIM_WITHIN.mul_f64(0.9));
        let reply = arrive(&shop, &buyer.active_token).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let turn = reply.json();
        let deadline: jiff::Timestamp = turn["claim_before"].as_str().unwrap().parse().unwrap();
        assert_eq!(deadline, contract::clock::Clock::now(&*shop.clock) + CLAIM_WITHIN);
        assert_eq!(turn.as_object().unwrap().keys().collect::<Vec<_>>(), ["claim_before", "expires_at"]);
    }
    shop.clock.advance(CLAIM_WITHIN.mul_f64(0.9));
    shop.held(&buyer, &[1]).await;
    assert!(shop.metrics().await.contains("ticketing_gateway_arrivals_total{outcome=\"counted\"} 3"));
}

#[tokio::test]
async fn a_turn_that_is_over_is_named_with_its_reason() {
    let shop = Shop::open().await;
    let without = shop.api.request(Method::PUT, "/v1/active-token").send().await;
    assert_problem(&without, 401, "active_token_required");
    assert_problem(&arrive(&shop, "no.token.at-all").await, 401, "active_token_invalid");
    assert_problem(&arrive(&shop, &shop.gateway.forged()).await, 401, "active_token_invalid");

    let buyer = shop.buyer().await;
    let reservation = shop.reserved(&buyer, &[1]).await;
    created(&shop.pay(&buyer, &reservation).await);
    let leaver = shop.active_token("demo");
    let left = shop.api.delete("/v1/active-token").header("active-token", &leaver).send().await;
    assert_eq!(left.status, 204, "{}", left.text());
    eventually("both slots are released", async || shop.gateway.active() == 0).await;
    assert_problem(&arrive(&shop, &buyer.active_token).await, 410, "active_token_consumed");
    let gone = arrive(&shop, &leaver).await;
    assert_problem(&gone, 410, "active_token_gone");
    assert_eq!(gone.json()["reason"], "left");

    let late = shop.active_token("demo");
    shop.clock.advance(CLAIM_WITHIN);
    let gone = arrive(&shop, &late).await;
    assert_problem(&gone, 410, "active_token_gone");
    assert_eq!(gone.json()["reason"], "not_used_in_time");

    shop.clock.advance(Duration::from_mins(10));
    assert_problem(&arrive(&shop, &late).await, 410, "active_token_expired");
}

#[tokio::test]
async fn an_arrival_that_cannot_be_reported_is_to_be_tried_again() {
    let shop = Shop::open().await;
    let token = shop.active_token("demo");
    assert_eq!(arrive(&shop, &token).await.status, 200);
    shop.gateway.network.refuse().await;
    assert_problem(&arrive(&shop, &token).await, 503, "gateway_unavailable");
}

#[tokio::test]
async fn an_address_that_arrives_too_often_is_told_to_wait() {
    let shop = Shop::with("rate_limits.arrival = { per_second = 1, burst = 1 }").await;
    let token = shop.active_token("demo");
    assert_eq!(arrive(&shop, &token).await.status, 200);
    assert_problem(&arrive(&shop, &token).await, 429, "rate_limited");
}

#[tokio::test]
async fn signing_up_is_a_sign_of_life_and_logging_in_claims_the_turn() {
    let shop = Shop::open().await;
    let token = shop.active_token("demo");
    let sign_up = json!({"email": "ann@example.org", "password": PASSWORD, "nickname": "ann"});
    created(&shop.api.post("/v1/members").json(&sign_up).header("active-token", &token).send().await);
    assert_eq!((shop.gateway.signs_of_life(), shop.gateway.claimed()), (1, 0));

    let log_in = json!({"email": "ann@example.org", "password": PASSWORD});
    let session = created(&shop.api.post("/v1/sessions").json(&log_in).header("active-token", &token).send().await);
    assert_eq!((shop.gateway.signs_of_life(), shop.gateway.claimed()), (1, 1));

    // It is theirs: nobody else can use it, and they need not hurry.
    let mut other = shop.buyer().await;
    other.active_token.clone_from(&token);
    assert_problem(&shop.hold(&other, &[1]).await, 403, "active_token_held_by_another");
    shop.clock.advance(CLAIM_WITHIN * 2);
    other.session = session["access_token"].as_str().unwrap().to_owned();
    shop.held(&other, &[1]).await;
}

#[tokio::test]
async fn whatever_is_wrong_with_a_turn_refuses_no_log_in_and_no_sign_up() {
    let shop = Shop::open().await;
    let owner = shop.buyer().await;
    shop.held(&owner, &[1]).await;
    let member = shop.member().await;
    let log_in = json!({"email": member.email, "password": PASSWORD});
    let log_in = async |token: &str| {
        created(&shop.api.post("/v1/sessions").json(&log_in).header("active-token", token).send().await)
    };
    let plain = log_in("").await;
    for token in ["no.token.at-all", &owner.active_token] {
        let session = log_in(token).await;
        assert_eq!(
            session.as_object().unwrap().keys().collect::<Vec<_>>(),
            plain.as_object().unwrap().keys().collect::<Vec<_>>(),
            "the reply says nothing of the turn"
        );
    }
    let fresh = shop.active_token("demo");
    shop.gateway.network.refuse().await;
    log_in(&fresh).await;
    let sign_up = json!({"email": "eve@example.org", "password": PASSWORD, "nickname": "eve"});
    created(&shop.api.post("/v1/members").json(&sign_up).header("active-token", &fresh).send().await);

    let metrics = shop.metrics().await;
    for counted in [
        "ticketing_log_in_claims_total{outcome=\"claimed\"} 0",
        "ticketing_log_in_claims_total{outcome=\"refused\"} 3",
        "ticketing_log_in_claims_total{outcome=\"unavailable\"} 1",
        "ticketing_gateway_arrivals_total{outcome=\"unavailable\"} 1",
    ] {
        assert!(metrics.contains(counted), "{counted} in:\n{metrics}");
    }
}
