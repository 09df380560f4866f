//! Several instances on one database.

use serde_json::json;
use testkit::Postgres;

use crate::fixture::{Shop, assert_problem, created};

#[tokio::test]
async fn instances_that_start_together_share_one_catalogue_and_sell_each_seat_once() {
    let database = Postgres::start().await;
    let (one, other) = Shop::two_on_database(&database.url()).await;
    for shop in [&one, &other] {
        let concerts = shop.api.get("/v1/concerts").send().await.json();
        assert_eq!(concerts["total"], 2, "{concerts}");
    }

    // Their fast stores know nothing of each other: the database decides.
    let (first, second) = (one.buyer().await, other.buyer().await);
    let reservation = one.reserved(&first, &[1]).await;
    assert_problem(&other.hold(&second, &[1]).await, 409, "seats_taken");
    // A session is good everywhere, and so is what it owns.
    let path = format!("/v1/reservations/{}", reservation["id"].as_str().unwrap());
    let seen = other.api.get(&path).bearer(&first.session).send().await.json();
    assert_eq!(seen["state"], "awaiting_payment");

    created(&one.pay(&first, &reservation).await);
    // Used up at the one, a token is used up at the other.
    let again = first.sends(other.api.post(&crate::fixture::holds_path())).json(&json!({"seats": [2]}));
    assert_problem(&again.send().await, 410, "active_token_consumed");
}
