//! The way from the waiting room to the site.

use serde_json::Value;
use testkit::{Reply, eventually};

use crate::{
    browser::{Browser, ENTER},
    fixture::{Gateway, OPERATOR_KEY, assert_problem},
};

const WAITING_ROOM: &str = "http://wait.test/waiting-room/demo";

fn assert_sent_to(reply: &Reply, address: &str) {
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert_eq!(reply.header("location"), Some(address));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
}

async fn totals(gateway: &Gateway) -> Value {
    gateway.internal.get("/v1/admin/queues/demo").bearer(OPERATOR_KEY).send().await.json()
}

#[tokio::test]
async fn whoever_is_admitted_has_arrived_and_takes_the_token_along_where_no_server_sees_it() {
    let gateway = Gateway::with("tokens.arrive_within = '2s'").await;
    let browser = Browser::new(&gateway).visit().await;
    gateway.pass(1).await;
    let document = browser.join().await.json();
    assert_eq!(document["state"], "admitted");
    let there = format!("https://shop.test/seats#active_token={}", document["active_token"].as_str().unwrap());
    assert_sent_to(&browser.enter().await, &there);
    assert_eq!(totals(&gateway).await["arrived_total"], 1);

    gateway.pass(5).await;
    assert_eq!(totals(&gateway).await["no_shows_total"], 0);
    assert_sent_to(&browser.enter().await, &there);
    assert_eq!(totals(&gateway).await["arrived_total"], 1, "coming back is no second arrival");
    let place = browser.place().await;
    assert_eq!((&place["state"], place.get("arrive_before")), (&"admitted".into(), None));
}

#[tokio::test]
async fn a_script_that_asks_whether_the_way_leads_on_is_told_by_a_status() {
    let gateway = Gateway::open().await;
    let (waiting, _) = gateway.waiting_visitor().await;
    let ask = async |token: &str| {
        let request = gateway.visitors.get(ENTER).bearer(token);
        request.header("sec-fetch-mode", "cors").header("sec-fetch-site", "same-origin").send().await
    };
    assert_problem(&ask(&waiting).await, 409, "not_admitted");
    gateway.pass(1).await;
    eventually("admitted", async || gateway.poll(&waiting).await["state"] == "admitted").await;
    assert_eq!(ask(&waiting).await.status, 303);
}

#[tokio::test]
async fn whoever_does_not_arrive_is_parked_and_next_when_they_are_back() {
    let gateway = Gateway::with("tokens.arrive_within = '2s'").await;
    let browser = Browser::new(&gateway).visit().await;
    gateway.pass(1).await;
    assert_eq!(browser.join().await.json()["state"], "admitted");
    gateway.pass(3).await;
    assert_eq!(totals(&gateway).await["no_shows_total"], 1);
    assert_sent_to(&browser.enter().await, WAITING_ROOM);

    gateway.order("pause").await;
    let (other, _) = gateway.waiting_visitor().await;
    let back = browser.join().await;
    assert_eq!((back.status.as_u16(), &back.json()["position"]), (200, &1.into()));
    gateway.step().await;
    gateway.order("resume").await;
    gateway.pass(1).await;
    eventually("next", async || browser.place().await["state"] == "admitted").await;
    assert_eq!(gateway.poll(&other).await["state"], "waiting");
}

#[tokio::test]
async fn whoever_is_not_admitted_waits_in_the_waiting_room() {
    let gateway = Gateway::open().await;
    let stranger = Browser::new(&gateway);
    assert_sent_to(&stranger.enter().await, WAITING_ROOM);
    let waiting = Browser::new(&gateway).visit().await;
    assert_sent_to(&waiting.enter().await, WAITING_ROOM);
    waiting.join().await;
    assert_sent_to(&waiting.enter().await, WAITING_ROOM);
    waiting.leave().await;
    assert_sent_to(&waiting.enter().await, WAITING_ROOM);
    let forged = gateway.visitors.get(ENTER).header("cookie", "waiting_token.demo=forged").send().await;
    assert_sent_to(&forged, WAITING_ROOM);
    assert_eq!(totals(&gateway).await["arrived_total"], 0);
    assert_problem(&gateway.visitors.get("/v1/queues/nowhere/enter").send().await, 404, "queue_not_found");
}

#[tokio::test]
async fn an_address_that_enters_too_often_is_told_when_to_come_back() {
    let gateway = Gateway::with("rate_limits.poll = { per_second = 1, burst = 2 }").await;
    let browser = Browser::new(&gateway).visit().await;
    browser.join().await;
    for _ in 0..2 {
        assert_sent_to(&browser.enter().await, WAITING_ROOM);
    }
    assert_problem(&browser.enter().await, 429, "rate_limited");
}
