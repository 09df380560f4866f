//! Creating concerts.

use std::time::Duration;

use contract::clock::Clock;
use serde_json::{Value, json};
use testkit::Reply;

use crate::fixture::{ADMIN, Buyer, Shop, assert_problem, created};

fn concert(shop: &Shop) -> Value {
    let after = |hours| (shop.clock.now() + Duration::from_hours(hours)).to_string();
    json!({
        "title": "Autumn Night", "place": "Hall", "category": "Concert", "queue": "demo",
        "performances": [{
            "starts_at": after(48), "sale_opens_at": after(1), "sale_closes_at": after(24),
            "seats": [
                {"from": 1, "to": 10, "grade": "R", "section": "A", "price": 5000},
                {"from": 11, "to": 50, "grade": "S", "section": "B", "price": 3000},
            ],
        }],
    })
}

async fn create(shop: &Shop, session: &str, concert: &Value) -> Reply {
    shop.api.post("/v1/admin/concerts").bearer(session).json(concert).send().await
}

#[tokio::test]
async fn an_administrator_creates_a_concert_whose_seats_are_sold_once_it_opens() {
    let shop = Shop::open().await;
    let admin = shop.log_in(ADMIN).await;
    let concert = created(&create(&shop, &admin.session, &concert(&shop)).await);
    let performance = concert["performances"][0]["id"].as_str().unwrap().to_owned();

    // The soonest first: before the demo.
    let list = shop.api.get("/v1/concerts?size=1").send().await.json();
    assert_eq!((&list["total"], &list["items"][0]["id"]), (&json!(3), &concert["id"]));
    let detail = shop.api.get(&format!("/v1/concerts/{}", concert["id"].as_str().unwrap())).send().await.json();
    assert_eq!(detail["waiting_room_url"], "http://wait.test/waiting-room/demo");
    let path = format!("/v1/performances/{performance}");
    let shown = shop.api.get(&path).send().await.json();
    assert_eq!(
        (&shown["sale"], &shown["seats"], &shown["title"]),
        (&json!("not_open"), &json!(50), &json!("Autumn Night"))
    );
    assert_eq!(shown["max_seats_per_member"], 4, "the page goes by it");
    let seats = shop.api.get(&format!("{path}/seats")).send().await.json();
    let expected = json!({"number": 11, "grade": "S", "section": "B", "price": {"amount": 3000, "currency": "KRW"}, "state": "available"});
    assert_eq!(seats["items"][10], expected);

    let buyer = shop.buyer().await;
    let hold = async |buyer: &Buyer| {
        buyer.sends(shop.api.post(&format!("{path}/holds"))).json(&json!({"seats": [50]})).send().await
    };
    assert_problem(&hold(&buyer).await, 409, "sale_not_open");
    shop.clock.advance(Duration::from_mins(59));
    let buyer = shop.buyer().await;
    // A token that has been used outlives the minute.
    shop.held(&buyer, &[1]).await;
    shop.clock.advance(Duration::from_mins(1));
    assert_eq!(shop.api.get(&path).send().await.json()["sale"], "open");
    created(&hold(&buyer).await);
    shop.clock.advance(Duration::from_hours(23));
    assert_problem(&hold(&shop.buyer().await).await, 409, "sale_closed");
}

#[tokio::test]
async fn a_creation_that_is_repeated_under_its_key_creates_one_concert() {
    let shop = Shop::open().await;
    let admin = shop.log_in(ADMIN).await;
    let mut wanted = concert(&shop);
    let create = async |concert: &Value| {
        let request = shop.api.post("/v1/admin/concerts").bearer(&admin.session).header("idempotency-key", "autumn");
        request.json(concert).send().await
    };
    let first = created(&create(&wanted).await);
    assert_eq!(created(&create(&wanted).await), first);
    wanted["title"] = json!("Winter Night");
    assert_problem(&create(&wanted).await, 422, "idempotency_key_reused");
    assert_eq!(shop.api.get("/v1/concerts").send().await.json()["total"], 3, "the two of the demo and this one");
}

#[tokio::test]
async fn only_administrators_create_concerts() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    assert_problem(&create(&shop, &member.session, &concert(&shop)).await, 403, "admin_required");
    let nobody = shop.api.post("/v1/admin/concerts").json(&concert(&shop)).send().await;
    assert_problem(&nobody, 401, "session_required");
}

#[tokio::test]
async fn a_concert_that_breaks_rules_is_refused() {
    let shop = Shop::open().await;
    let admin = shop.log_in(ADMIN).await;
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut concert = concert(&shop);
        change(&mut concert);
        concert
    };
    for (concert, status, code) in [
        (broken(&|c| c["title"] = json!("")), 422, "invalid_concert"),
        (broken(&|c| c["performances"] = json!([])), 422, "invalid_concert"),
        (broken(&|c| c["performances"][0]["seats"][0]["to"] = json!(11)), 422, "invalid_concert"),
        (broken(&|c| c["performances"][0]["seats"][0]["price"] = json!(-1)), 422, "invalid_concert"),
        (broken(&|c| c["performances"][0]["seats"][1]["to"] = json!(4_000_000_000_u32)), 422, "invalid_concert"),
        (broken(&|c| c["performances"][0]["seats"][1]["to"] = json!(u32::MAX)), 422, "invalid_concert"),
        (broken(&|c| c["title"] = json!("a\0b")), 422, "invalid_concert"),
        (broken(&|c| c["place"] = json!("a\u{1b}[31m")), 422, "invalid_concert"),
        (broken(&|c| c["performances"][0]["seats"][0]["grade"] = json!("\0")), 422, "invalid_concert"),
        (broken(&|c| c["performances"][0]["seats"][0]["price"] = json!(i64::MAX)), 422, "invalid_concert"),
        (broken(&|c| c["queue"] = json!("Not A Queue")), 400, "invalid_body"),
        (broken(&|c| c["performances"][0]["starts_at"] = json!("tomorrow")), 400, "invalid_body"),
        (broken(&|c| c["colour"] = json!("red")), 400, "invalid_body"),
    ] {
        let reply = create(&shop, &admin.session, &concert).await;
        assert_eq!(reply.json()["code"], code, "{concert}");
        assert_problem(&reply, status, code);
    }
    let mut large = concert(&shop);
    large["performances"][0]["seats"] = json!([{"from": 1, "to": 100_000, "grade": "R", "section": "A", "price": 1}]);
    large["performances"] = json!([large["performances"][0], large["performances"][0], large["performances"][0]]);
    assert_problem(&create(&shop, &admin.session, &large).await, 422, "invalid_concert");
}
