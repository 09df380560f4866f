//! Why somebody's turn was lost: they are told.

use serde_json::Value;
use testkit::eventually;

use crate::{
    browser::Browser,
    fixture::{Gateway, TOKENS},
};

/// Everything is over within seconds.
const SHORT: &str = "
tokens.arrive_within = '1s'
tokens.claim_within = '2s'
tokens.claim_at_most = '3s'
tokens.active_lifetime = '6s'
tokens.grace = '2s'
";

/// Somebody whose turn has come at once.
async fn admitted(gateway: &Gateway) -> (Browser<'_>, Value) {
    let browser = Browser::new(gateway).visit().await;
    gateway.pass(1).await;
    let document = browser.join().await.json();
    assert_eq!(document["state"], "admitted", "{document}");
    (browser, document)
}

async fn assert_lost(browser: &Browser<'_>, reason: &str) {
    let place = browser.place().await;
    assert_eq!((&place["state"], &place["reason"]), (&"left".into(), &reason.into()), "{place}");
    assert_eq!((&place["position"], place.get("active_token")), (&Value::Null, None));
}

#[tokio::test]
async fn whoever_leaves_is_told_so() {
    let gateway = Gateway::open().await;
    let browser = Browser::new(&gateway).visit().await;
    browser.join().await;
    let token = browser.waiting_token();
    browser.leave().await;
    let place = gateway.poll(&token).await;
    assert_eq!((&place["state"], &place["reason"]), (&"left".into(), &"left".into()));
}

#[tokio::test]
async fn whoever_does_not_come_twice_is_told_so() {
    let gateway = Gateway::with(SHORT).await;
    let (browser, _) = admitted(&gateway).await;
    gateway.pass(2).await;
    // Joining is a sign of life, and asks for nothing more within some seconds.
    assert_eq!(browser.join().await.json()["state"], "waiting");
    gateway.pass(1).await;
    eventually("the second turn", async || gateway.public_state().await["active"] == 1).await;
    gateway.pass(6).await;
    assert_lost(&browser, "no_show").await;
}

#[tokio::test]
async fn whoever_comes_and_claims_nothing_is_told_so() {
    let gateway = Gateway::with(SHORT).await;
    let (browser, _) = admitted(&gateway).await;
    browser.enter().await;
    gateway.pass(3).await;
    assert_lost(&browser, "not_claimed").await;
}

#[tokio::test]
async fn whoever_was_passed_and_stayed_away_is_told_so() {
    let gateway = Gateway::with(SHORT).await;
    let ghost = gateway.visitors.post(TOKENS).send().await.json()["waiting_token"].as_str().unwrap().to_owned();
    // Only somebody of whom the gateway knows that they are not there is passed at once.
    gateway.pass(1).await;
    admitted(&gateway).await;
    gateway.pass(4).await;
    let place = gateway.poll(&ghost).await;
    assert_eq!((&place["state"], &place["reason"]), (&"left".into(), &"passed".into()));
}

#[tokio::test]
async fn whose_token_is_over_is_told_so() {
    let gateway = Gateway::with(SHORT).await;
    let (browser, document) = admitted(&gateway).await;
    gateway.claim(&document).await;
    gateway.pass(6).await;
    assert_lost(&browser, "ended").await;
}

#[tokio::test]
async fn whose_site_has_ended_the_token_is_told_so() {
    let gateway = Gateway::with(SHORT).await;
    let (browser, document) = admitted(&gateway).await;
    gateway.claim(&document).await;
    gateway.release(&document).await;
    assert_lost(&browser, "released").await;
}

#[tokio::test]
async fn a_new_place_has_no_reason_of_the_old_one() {
    let gateway = Gateway::open().await;
    let browser = Browser::new(&gateway).visit().await;
    browser.join().await;
    browser.leave().await;
    assert_eq!(browser.join().await.status, 201);
    let place = browser.place().await;
    assert_eq!((&place["state"], place.get("reason")), (&"waiting".into(), None));
}
