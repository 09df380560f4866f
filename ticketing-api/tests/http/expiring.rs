//! Deadlines: exact on read, and swept.

use std::time::Duration;

use testkit::eventually;

use crate::fixture::{Shop, assert_problem};

#[tokio::test]
async fn a_hold_ends_at_its_deadline_and_its_seats_are_free() {
    let shop = Shop::open().await;
    let (first, second) = (shop.buyer().await, shop.buyer().await);
    let hold = shop.held(&first, &[1]).await;
    shop.clock.advance(Duration::from_mins(5));
    assert_eq!(shop.seat_state(1).await, "available");
    assert_problem(&shop.reserve(&first, &hold).await, 410, "hold_expired");
    shop.held(&second.with_token(&shop.active_token("demo")), &[1]).await;
}

#[tokio::test]
async fn a_reservation_that_is_not_paid_in_time_is_over() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let reservation = shop.reserved(&buyer, &[1]).await;
    shop.clock.advance(Duration::from_mins(5));
    assert_problem(&shop.pay(&buyer, &reservation).await, 410, "reservation_expired");
    let path = format!("/v1/reservations/{}", reservation["id"].as_str().unwrap());
    assert_eq!(shop.api.get(&path).bearer(&buyer.session).send().await.json()["state"], "expired");
    assert_eq!(shop.seat_state(1).await, "available");
}

#[tokio::test]
async fn what_is_past_its_deadline_is_swept() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    shop.held(&buyer, &[1]).await;
    shop.reserved(&buyer, &[2]).await;
    shop.clock.advance(Duration::from_mins(5));
    eventually("both are swept", async || {
        let metrics = shop.metrics().await;
        metrics.contains("ticketing_swept_total{kind=\"hold\"} 1")
            && metrics.contains("ticketing_swept_total{kind=\"reservation\"} 1")
    })
    .await;
}
