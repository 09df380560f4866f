//! What goes on when something is down: the gateway, the database, the fast store.

use std::time::Duration;

use serde_json::json;
use testkit::{Postgres, Redis, eventually};

use crate::{
    fixture::{Shop, assert_problem, created, holds_path},
    gateway::CLAIM_WITHIN,
};

#[tokio::test]
async fn without_the_gateway_the_admitted_go_on_and_newcomers_are_told_to_come_back() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let hold = shop.held(&buyer, &[1]).await;
    let newcomer = shop.buyer().await;

    shop.gateway.network.refuse().await;
    assert_problem(&shop.hold(&newcomer, &[2]).await, 503, "gateway_unavailable");
    let reservation = created(&shop.reserve(&buyer, &hold).await);
    created(&shop.pay(&buyer, &reservation).await);

    shop.gateway.network.heal().await;
    created(&shop.hold(&newcomer, &[2]).await);
}

/// Whoever buys is heard of by nobody while they type: their slot would be lost.
#[tokio::test]
async fn a_gateway_that_has_forgotten_who_buys_is_told_again() {
    let shop = Shop::with("jobs.repeat_claims_after = \"20s\"").await;
    let (buyer, other) = (shop.buyer().await, shop.buyer().await);
    let reservation = shop.reserved(&buyer, &[1]).await;
    let left = shop.reserved(&other, &[2]).await;
    created(&shop.pay(&other, &left).await);
    eventually("one has paid and gone", async || shop.gateway.active() == 1).await;

    shop.gateway.forget_claims();
    assert_eq!(shop.gateway.claimed(), 0);
    shop.clock.advance(Duration::from_secs(20));
    eventually("who buys has the slot", async || shop.gateway.claimed() == 1).await;
    shop.clock.advance(CLAIM_WITHIN);
    assert_eq!(shop.gateway.active(), 1, "it does not lapse");
    eventually("it is counted", async || {
        shop.metrics().await.contains("ticketing_repeated_claims_total{outcome=\"granted\"} 2")
    })
    .await;
    created(&shop.pay(&buyer, &reservation).await);
    eventually("the slot is free", async || shop.gateway.active() == 0).await;
}

/// It knows the slots no more, and takes the signed tokens for it.
#[tokio::test]
async fn a_gateway_that_has_lost_everything_hears_of_those_who_buy() {
    let shop = Shop::with("jobs.repeat_claims_after = \"20s\"").await;
    let buyer = shop.buyer().await;
    let reservation = shop.reserved(&buyer, &[1]).await;
    shop.gateway.lose_everything();
    shop.clock.advance(Duration::from_secs(20));
    eventually("who buys has the slot", async || shop.gateway.claimed() == 1).await;
    created(&shop.pay(&buyer, &reservation).await);
    eventually("the slot is free", async || shop.gateway.active() == 0).await;
}

#[tokio::test]
async fn a_claim_that_comes_after_its_release_takes_no_slot() {
    let shop = Shop::with("jobs.repeat_claims_after = \"20s\"").await;
    let buyer = shop.buyer().await;
    let reservation = shop.reserved(&buyer, &[1]).await;
    shop.gateway.lose_everything();
    let held_up = shop.gateway.hold_claims_up().await;
    let asked = shop.gateway.claims_asked();
    shop.clock.advance(Duration::from_secs(20));
    eventually("the claim is on its way", async || shop.gateway.claims_asked() > asked).await;
    created(&shop.pay(&buyer, &reservation).await);
    eventually("it is told of the end", async || {
        shop.metrics().await.contains("ticketing_outbox_deliveries_total{outcome=\"delivered\"} 1")
    })
    .await;
    drop(held_up);
    eventually("the claim has been made", async || {
        shop.metrics().await.contains("ticketing_repeated_claims_total{outcome=\"granted\"} 1")
    })
    .await;
    assert_eq!(shop.gateway.active(), 0);
}

#[tokio::test]
async fn a_gateway_that_hangs_is_given_up_in_time() {
    let shop = Shop::open().await;
    let newcomer = shop.buyer().await;
    shop.gateway.network.black_hole();
    assert_problem(&shop.hold(&newcomer, &[1]).await, 503, "gateway_unavailable");
}

#[tokio::test]
async fn a_paid_slot_is_released_however_long_the_gateway_is_away() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let reservation = shop.reserved(&buyer, &[1]).await;
    assert_eq!(shop.gateway.active(), 1);

    shop.gateway.network.refuse().await;
    created(&shop.pay(&buyer, &reservation).await);
    // Time passes with every look, so that one retry after the other comes due.
    eventually("three deliveries have failed", async || {
        shop.clock.advance(Duration::from_millis(100));
        let metrics = shop.metrics().await;
        let failed = metrics.lines().find(|line| line.contains("outbox_deliveries_total{outcome=\"failed\"}"));
        failed.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).is_some_and(|count| count >= 3)
    })
    .await;
    assert_eq!(shop.gateway.active(), 1);

    shop.gateway.network.heal().await;
    eventually("the slot is free", async || {
        shop.clock.advance(Duration::from_secs(1));
        shop.gateway.active() == 0
    })
    .await;
    eventually("the delivery is counted", async || {
        shop.metrics().await.contains("ticketing_outbox_deliveries_total{outcome=\"delivered\"} 1")
    })
    .await;
}

#[tokio::test]
async fn without_the_database_everybody_is_told_to_come_back() {
    let database = Postgres::start().await;
    let shop = Shop::on_database(&database.url()).await;
    let buyer = shop.buyer().await;
    let hold = shop.held(&buyer, &[1]).await;

    database.kill();
    for request in [
        shop.api.get("/v1/concerts"),
        buyer.sends(shop.api.post(&holds_path())).json(&json!({"seats": [2]})),
        buyer.sends(shop.api.post("/v1/reservations")).json(&json!({"hold_id": hold["id"]})),
        shop.api.post("/v1/sessions").json(&json!({"email": "a@b.cd", "password": "secret1!"})),
    ] {
        let reply = request.send().await;
        let code = reply.json()["code"].as_str().unwrap().to_owned();
        assert!(["database_unavailable", "outcome_unknown"].contains(&code.as_str()), "{}", reply.text());
        assert_problem(&reply, 503, &code);
    }
    eventually("the probe notices", async || shop.operations.get("/readyz").send().await.status == 503).await;
    assert_eq!(shop.operations.get("/healthz").send().await.status, 200);

    database.restart().await;
    shop.until_ready().await;
    created(&shop.reserve(&buyer, &hold).await);
    // The hold that failed has left no mark behind.
    created(&shop.hold(&buyer, &[2]).await);
}

#[tokio::test]
async fn a_database_that_hangs_keeps_nobody_waiting_without_end() {
    let database = Postgres::start().await;
    let shop = Shop::on_database(&database.url()).await;
    let buyer = shop.buyer().await;
    shop.held(&buyer, &[1]).await;

    database.stop();
    for request in
        [shop.api.get("/v1/concerts"), buyer.sends(shop.api.post(&holds_path())).json(&json!({"seats": [2]}))]
    {
        let reply = request.timeout(Duration::from_secs(10)).send().await;
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(reply.header("retry-after").is_some());
    }
    eventually("the probe notices", async || shop.operations.get("/readyz").send().await.status == 503).await;

    database.cont();
    shop.until_ready().await;
    eventually("seats are sold again", async || shop.hold(&buyer, &[2]).await.status == 201).await;
}

#[tokio::test]
async fn without_the_fast_store_holds_go_on_with_the_database_alone() {
    let server = Redis::start().await;
    let shop = Shop::with(&format!("fast_store = {{ engine = \"redis\", redis.url = \"{}\" }}", server.url())).await;
    let (first, second) = (shop.buyer().await, shop.buyer().await);
    eventually("Redis is in use", async || {
        let hold = shop.held(&first, &[1]).await;
        let path = format!("/v1/holds/{}", hold["id"].as_str().unwrap());
        assert_eq!(first.sends(shop.api.delete(&path)).send().await.status, 204);
        shop.metrics().await.contains("ticketing_fast_store_up 1")
    })
    .await;
    shop.held(&first, &[1]).await;

    server.kill();
    assert_problem(&shop.hold(&second, &[1]).await, 409, "seats_taken");
    let reservation = shop.reserved(&second, &[2]).await;
    created(&shop.pay(&second, &reservation).await);
    let metrics = shop.metrics().await;
    assert!(metrics.contains("ticketing_fast_store_up 0"), "{metrics}");
    assert!(metrics.contains("ticketing_seats_taken_total{layer=\"database\"} 1"), "{metrics}");

    server.restart().await;
    let third = shop.buyer().await;
    eventually("Redis is in use again", async || {
        assert_problem(&shop.hold(&third, &[1]).await, 409, "seats_taken");
        shop.metrics().await.contains("ticketing_fast_store_up 1")
    })
    .await;
}
