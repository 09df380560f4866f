//! Giving a turn back through the shop.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::{Postgres, Reply, Request, eventually};

use crate::fixture::{ADMIN, Buyer, Shop, assert_problem, holds_path, key, payments_path};

async fn leave(shop: &Shop, buyer: &Buyer) -> Reply {
    buyer.sends(shop.api.delete("/v1/active-token")).send().await
}

/// The three ways to go on buying.
fn going_on(shop: &Shop, hold: &Value, reservation: &Value) -> [(&'static str, Request); 3] {
    [
        ("hold", shop.api.post(&holds_path()).json(&json!({"seats": [3]}))),
        ("reserve", shop.api.post("/v1/reservations").json(&json!({"hold_id": hold["id"]}))),
        ("pay", shop.api.post(&payments_path(reservation)).header("idempotency-key", &key())),
    ]
}

#[track_caller]
fn assert_left(reply: &Reply) {
    assert_problem(reply, 410, "active_token_gone");
    assert_eq!(reply.json()["reason"], "left");
}

#[tokio::test]
async fn whoever_left_does_not_buy_on_and_their_seats_are_free_at_once() {
    let shop = Shop::open().await;
    let (buyer, other) = (shop.buyer().await, shop.buyer().await);
    let (hold, reservation) = (shop.held(&buyer, &[1]).await, shop.reserved(&buyer, &[2]).await);
    shop.held(&other, &[4]).await;
    assert_eq!(shop.gateway.active(), 2);

    assert_eq!(leave(&shop, &buyer).await.status, 204);
    for (what, request) in going_on(&shop, &hold, &reservation) {
        let reply = buyer.sends(request).send().await;
        assert_eq!(reply.status, 410, "{what}: {}", reply.text());
        assert_left(&reply);
    }
    assert_eq!(leave(&shop, &buyer).await.status, 204, "twice is the same as once");
    eventually("the slot is free, and only this one", async || shop.gateway.active() == 1).await;

    // Neither the fast store nor the database keeps the seats from others.
    shop.held(&other, &[1, 2]).await;
    let path = format!("/v1/reservations/{}", reservation["id"].as_str().unwrap());
    assert_eq!(shop.api.get(&path).bearer(&buyer.session).send().await.json()["state"], "cancelled");
    assert!(shop.metrics().await.contains("ticketing_leavings_total{outcome=\"left\"} 2"));
}

/// The second instance believes a claim for some seconds without looking; its transactions look.
#[tokio::test]
async fn whoever_left_at_one_instance_does_not_buy_on_at_another_that_remembers_their_claim() {
    let database = Postgres::start().await;
    let (one, other) = Shop::two_on_database(&database.url()).await;
    let buyer = one.buyer().await;
    let (hold, reservation) = (other.held(&buyer, &[1]).await, other.reserved(&buyer, &[2]).await);

    assert_eq!(leave(&one, &buyer).await.status, 204);
    for (what, request) in going_on(&other, &hold, &reservation) {
        let reply = buyer.sends(request).send().await;
        assert_eq!(reply.status, 410, "{what}: {}", reply.text());
        assert_left(&reply);
    }
    let wallet = other.api.get("/v1/wallet").bearer(&buyer.session).send().await.json();
    assert_eq!(wallet["balance"]["amount"], 1_000_000);
    assert_eq!((other.seat_state(1).await, other.seat_state(2).await), ("available".into(), "available".into()));
}

#[tokio::test]
async fn a_turn_that_nobody_has_claimed_is_given_back_without_an_account() {
    let shop = Shop::open().await;
    let mut buyer = shop.buyer().await;
    let token = buyer.active_token.clone();
    assert_eq!(shop.gateway.active(), 1);
    let reply = shop.api.delete("/v1/active-token").header("active-token", &token).send().await;
    assert_eq!(reply.status, 204, "{}", reply.text());
    eventually("the slot is free", async || shop.gateway.active() == 0).await;
    assert_left(&shop.hold(&buyer, &[1]).await);

    buyer.active_token = shop.active_token("demo");
    shop.held(&buyer, &[1]).await;
}

#[tokio::test]
async fn nobody_but_its_holder_gives_a_claimed_turn_back() {
    let shop = Shop::open().await;
    let (buyer, stranger) = (shop.buyer().await, shop.buyer().await);
    shop.held(&buyer, &[1]).await;
    let leave_with = async |session: Option<&str>, token: Option<&str>| {
        let request = shop.api.delete("/v1/active-token");
        let request = match session {
            Some(session) => request.bearer(session),
            None => request,
        };
        match token {
            Some(token) => request.header("active-token", token).send().await,
            None => request.send().await,
        }
    };
    let token = Some(&*buyer.active_token);
    assert_problem(&leave_with(None, token).await, 401, "session_required");
    assert_problem(&leave_with(Some("nonsense"), token).await, 401, "session_invalid");
    assert_problem(&leave_with(Some(&stranger.session), token).await, 403, "active_token_held_by_another");
    assert_problem(&leave_with(Some(&buyer.session), None).await, 401, "active_token_required");
    assert_problem(&leave_with(Some(&buyer.session), Some("garbage")).await, 401, "active_token_invalid");
    let forged = shop.gateway.forged();
    assert_problem(&leave_with(Some(&buyer.session), Some(&forged)).await, 401, "active_token_invalid");
    assert_eq!(shop.seat_state(1).await, "held");

    assert_eq!(leave_with(Some(&buyer.session), token).await.status, 204);
    assert_eq!(shop.seat_state(1).await, "available");
    shop.clock.advance(Duration::from_mins(10));
    let session = shop.member().await.session;
    assert_problem(&leave_with(Some(&session), token).await, 410, "active_token_expired");
}

#[tokio::test]
async fn an_administrator_ends_a_members_turn_as_if_they_had_left() {
    let shop = Shop::open().await;
    let (admin, buyer, waiting) = (shop.log_in(ADMIN).await, shop.buyer().await, shop.buyer().await);
    let (hold, reservation) = (shop.held(&buyer, &[1]).await, shop.reserved(&buyer, &[2]).await);
    let revoke = async |session: &str, token: &str| {
        let path = format!("/v1/admin/active-tokens/{}/revoke", id_of(token));
        shop.api.post(&path).bearer(session).send().await
    };
    assert_problem(&revoke(&buyer.session, &buyer.active_token).await, 403, "admin_required");
    assert_problem(&revoke(&admin.session, &waiting.active_token).await, 404, "active_token_not_claimed");
    for _ in 0..2 {
        assert_eq!(revoke(&admin.session, &buyer.active_token).await.status, 204);
    }
    for (what, request) in going_on(&shop, &hold, &reservation) {
        let reply = buyer.sends(request).send().await;
        assert_eq!(reply.status, 410, "{what}: {}", reply.text());
    }
    assert_eq!((shop.seat_state(1).await, shop.seat_state(2).await), ("available".into(), "available".into()));
    eventually("the slot is free", async || shop.gateway.active() == 1).await;
}

/// The id that the token carries.
fn id_of(token: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["jti"].as_str().unwrap().to_owned()
}
