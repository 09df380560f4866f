//! The whole road, and who may walk it where.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::fixture::{Shop, assert_problem, created};

#[tokio::test]
async fn a_member_goes_from_sign_up_to_a_ticket() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;

    let hold = shop.held(&buyer, &[12, 13]).await;
    assert_eq!((&hold["seats"], &hold["state"]), (&json!([12, 13]), &json!("held")));
    assert_eq!(shop.seat_state(12).await, "held");

    let reservation = created(&shop.reserve(&buyer, &hold).await);
    assert_eq!(reservation["state"], "awaiting_payment");
    assert_eq!(reservation["expires_at"], hold["expires_at"], "reserving must not extend the deadline");
    assert_eq!(reservation["amount"], json!({"amount": 300_000, "currency": "KRW"}));

    let payment = created(&shop.pay(&buyer, &reservation).await);
    assert_eq!((&payment["state"], &payment["amount"]["amount"]), (&json!("completed"), &json!(300_000)));
    assert_eq!(shop.seat_state(13).await, "sold");

    let path = format!("/v1/reservations/{}", reservation["id"].as_str().unwrap());
    let paid = shop.api.get(&path).bearer(&buyer.session).send().await.json();
    assert_eq!((&paid["state"], paid["tickets"].as_array().unwrap().len()), (&json!("confirmed"), 2));
    let wallet = shop.api.get("/v1/wallet").bearer(&buyer.session).send().await.json();
    assert_eq!(wallet["balance"]["amount"], 700_000);
    for (path, total) in [("/v1/reservations", 1), ("/v1/payments", 1), ("/v1/wallet/entries", 2)] {
        let page = shop.api.get(path).bearer(&buyer.session).send().await.json();
        assert_eq!(page["total"], total, "{path}: {page}");
    }
}

#[tokio::test]
async fn of_many_who_want_a_seat_at_once_exactly_one_gets_it() {
    let shop = Shop::open().await;
    let mut buyers = vec![];
    for _ in 0..8 {
        buyers.push(shop.buyer().await);
    }
    let mut holds = JoinSet::new();
    for buyer in &buyers {
        let request = buyer.sends(shop.api.post(&crate::fixture::holds_path())).json(&json!({"seats": [50]}));
        holds.spawn(request.send());
    }
    let replies = holds.join_all().await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for lost in replies.iter().filter(|reply| reply.status != 201) {
        assert_problem(lost, 409, "seats_taken");
        assert_eq!(lost.json()["seats"], json!([50]));
    }
}

#[tokio::test]
async fn seats_are_held_together_or_not_at_all() {
    let shop = Shop::open().await;
    let (first, second) = (shop.buyer().await, shop.buyer().await);
    shop.held(&first, &[4]).await;
    let refused = shop.hold(&second, &[1, 2, 4]).await;
    assert_problem(&refused, 409, "seats_taken");
    assert_eq!(refused.json()["seats"], json!([4]));
    assert_eq!(shop.seat_state(1).await, "available");
    shop.held(&second, &[1, 2]).await;
}

#[tokio::test]
async fn seats_that_are_given_up_are_free_again_at_once() {
    let shop = Shop::open().await;
    let (first, second) = (shop.buyer().await, shop.buyer().await);
    let hold = shop.held(&first, &[7]).await;
    let path = format!("/v1/holds/{}", hold["id"].as_str().unwrap());
    assert_problem(&second.sends(shop.api.delete(&path)).send().await, 403, "not_your_hold");
    for _ in 0..2 {
        assert_eq!(first.sends(shop.api.delete(&path)).send().await.status, 204);
    }
    shop.held(&second, &[7]).await;
    assert_problem(&shop.reserve(&first, &hold).await, 410, "hold_expired");
}

#[tokio::test]
async fn nobody_uses_what_belongs_to_another() {
    let shop = Shop::open().await;
    let (owner, stranger) = (shop.buyer().await, shop.buyer().await);
    let hold = shop.held(&owner, &[1]).await;
    assert_problem(&shop.reserve(&stranger, &hold).await, 403, "not_your_hold");
    let reservation = created(&shop.reserve(&owner, &hold).await);
    assert_problem(&shop.reserve(&owner, &hold).await, 409, "already_reserved");
    assert_problem(&shop.pay(&stranger, &reservation).await, 403, "not_your_reservation");
    let path = format!("/v1/reservations/{}", reservation["id"].as_str().unwrap());
    assert_problem(&shop.api.get(&path).bearer(&stranger.session).send().await, 403, "not_your_reservation");
    assert_problem(&shop.api.get(&path).send().await, 401, "session_required");
}

#[tokio::test]
async fn too_little_money_is_refused_and_can_be_mended() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    let buyer = crate::fixture::Buyer { session: member.session, active_token: shop.active_token("demo") };
    let reservation = shop.reserved(&buyer, &[61]).await;
    let refused = shop.pay(&buyer, &reservation).await;
    assert_problem(&refused, 402, "insufficient_balance");
    assert_eq!((&refused.json()["amount"], &refused.json()["balance"]), (&json!(80_000), &json!(0)));

    shop.clock.advance(Duration::from_millis(1));
    assert_eq!(shop.charge(&buyer.session, 80_000).await.status, 201);
    created(&shop.pay(&buyer, &reservation).await);
    let payments = shop.api.get("/v1/payments").bearer(&buyer.session).send().await.json();
    assert_eq!(
        (&payments["items"][0]["state"], &payments["items"][1]["state"]),
        (&json!("completed"), &json!("failed"))
    );
}

#[tokio::test]
async fn a_member_has_at_most_four_seats_of_a_performance() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    assert_problem(&shop.hold(&buyer, &[1, 2, 3, 4, 5]).await, 422, "too_many_seats");
    shop.held(&buyer, &[1, 2, 3]).await;
    assert_problem(&shop.hold(&buyer, &[4, 5]).await, 422, "too_many_seats");
    shop.held(&buyer, &[4]).await;
    // What was refused is not kept from others.
    assert_eq!(shop.hold(&shop.buyer().await, &[5]).await.status, 201);
}
