//! Calls that are repeated under their idempotency key.

use serde_json::{Value, json};
use testkit::Reply;

use crate::fixture::{Buyer, Shop, assert_problem, created, holds_path, key, payments_path};

async fn hold(shop: &Shop, buyer: &Buyer, key: &str, seats: &Value) -> Reply {
    let request = buyer.sends(shop.api.post(&holds_path())).header("idempotency-key", key);
    request.json(&json!({"seats": seats})).send().await
}

#[tokio::test]
async fn a_repeated_hold_is_the_same_hold() {
    let shop = Shop::open().await;
    let (buyer, other) = (shop.buyer().await, shop.buyer().await);
    let key = key();
    let first = created(&hold(&shop, &buyer, &key, &json!([5, 6])).await);
    assert_eq!(created(&hold(&shop, &buyer, &key, &json!([5, 6])).await), first);
    assert_problem(&hold(&shop, &buyer, &key, &json!([7])).await, 422, "idempotency_key_reused");
    // Keys of different members never meet, and the repeated call has not let go of the seats.
    assert_eq!(hold(&shop, &other, &key, &json!([7])).await.status, 201);
    assert_problem(&shop.hold(&other, &[5]).await, 409, "seats_taken");
}

#[tokio::test]
async fn a_repeated_reservation_is_the_same_reservation() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let hold = shop.held(&buyer, &[1]).await;
    let key = key();
    let mut replies = vec![];
    for _ in 0..2 {
        let request = buyer.sends(shop.api.post("/v1/reservations")).header("idempotency-key", &key);
        replies.push(created(&request.json(&json!({"hold_id": hold["id"]})).send().await));
    }
    assert_eq!(replies[0], replies[1]);
}

#[tokio::test]
async fn a_repeated_payment_moves_money_once_although_it_used_up_the_token() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let reservation = shop.reserved(&buyer, &[1]).await;
    let key = key();
    let pay = async |reservation: &Value| {
        buyer.sends(shop.api.post(&payments_path(reservation))).header("idempotency-key", &key).send().await
    };
    let first = created(&pay(&reservation).await);
    assert_eq!(created(&pay(&reservation).await), first);
    assert_eq!(shop.api.get("/v1/wallet").bearer(&buyer.session).send().await.json()["balance"]["amount"], 850_000);

    // Under a new key it is a new payment, and there is nothing left to pay.
    assert_problem(&shop.pay(&buyer, &reservation).await, 409, "already_paid");
}

#[tokio::test]
async fn a_repeated_charge_adds_once_however_it_is_spelt() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    let key = key();
    let charge = async |body: &'static str| {
        let request = shop.api.post("/v1/wallet/charges").bearer(&member.session).header("idempotency-key", &key);
        request.body("application/json", body).send().await
    };
    let first = created(&charge(r#"{"amount":500}"#).await);
    assert_eq!(first["balance"], json!({"amount": 500, "currency": "KRW"}));
    assert_eq!(created(&charge(r#"{ "amount" : 500 }"#).await), first);
    assert_problem(&charge(r#"{"amount":501}"#).await, 422, "idempotency_key_reused");
    assert_eq!(shop.api.get("/v1/wallet").bearer(&member.session).send().await.json()["balance"]["amount"], 500);
}

#[tokio::test]
async fn calls_that_move_money_need_a_key() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let reservation = shop.reserved(&buyer, &[1]).await;
    let pay = buyer.sends(shop.api.post(&payments_path(&reservation)));
    assert_problem(&pay.send().await, 400, "idempotency_key_required");
    let charge = shop.api.post("/v1/wallet/charges").bearer(&buyer.session).json(&json!({"amount": 1}));
    assert_problem(&charge.send().await, 400, "idempotency_key_required");
    for bad in ["", "two words", &"x".repeat(256)] {
        let charge = shop.api.post("/v1/wallet/charges").bearer(&buyer.session).header("idempotency-key", bad);
        assert_problem(&charge.json(&json!({"amount": 1})).send().await, 400, "idempotency_key_invalid");
    }
}
