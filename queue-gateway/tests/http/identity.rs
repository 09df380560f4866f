//! A browser is one visitor, from the page on.

use std::{sync::Arc, time::Duration};

use contract::clock::ManualClock;

use crate::{
    browser::{Browser, PAGE},
    fixture::{Gateway, ONE_PER_SECOND, TOKENS, assert_problem, settings_text},
};

/// A gateway whose line has so many places, and which admits nobody.
async fn with_places(number: usize) -> Gateway {
    let admission = &format!("max_places = {number}, admission =");
    let text = settings_text(ONE_PER_SECOND, "").replace("admission =", admission);
    Gateway::start(&text, Arc::new(ManualClock::at_second(1_800_000_000)), None).await
}

async fn join_with(gateway: &Gateway, cookies: &str) -> testkit::Reply {
    gateway.visitors.post(TOKENS).header("cookie", cookies).send().await
}

#[tokio::test]
async fn the_page_gives_an_identity_to_whoever_has_none() {
    let gateway = Gateway::open().await;
    let first = gateway.visitors.get(PAGE).send().await;
    let identity = first.cookie("visitor").unwrap();
    assert_eq!(
        first.header("set-cookie").unwrap(),
        format!("visitor={identity}; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax")
    );
    assert_eq!(first.header("cache-control"), Some("no-store"), "no cache may give it to somebody else");

    let again = gateway.visitors.get(PAGE).header("cookie", &format!("visitor={identity}")).send().await;
    assert_eq!(again.header("set-cookie"), None);
    assert!(again.header("cache-control").unwrap().contains("max-age"));
}

#[tokio::test]
async fn a_join_without_an_identity_gives_one_and_is_the_same_visitors_from_then_on() {
    let gateway = Gateway::open().await;
    let first = gateway.visitors.post(TOKENS).send().await;
    assert_eq!(first.status, 201);
    let identity = first.cookie("visitor").unwrap();
    let again = join_with(&gateway, &format!("visitor={identity}")).await;
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(again.cookie("visitor"), None);
}

#[tokio::test]
async fn a_join_that_failed_gives_an_identity_too() {
    let gateway = with_places(1).await;
    gateway.waiting_visitor().await;
    let refused = gateway.visitors.post(TOKENS).send().await;
    assert_problem(&refused, 503, "line_full");
    assert!(refused.cookie("visitor").is_some(), "{:?}", refused.headers);
}

#[tokio::test]
async fn a_join_whose_reply_was_lost_is_found_again() {
    let gateway = Gateway::open().await;
    let browser = Browser::new(&gateway).visit().await;
    let lost = browser.join().await.json();
    browser.forget("waiting_token.demo");
    gateway.waiting_visitor().await;
    let again = browser.join().await;
    assert_eq!((again.status.as_u16(), &again.json()["position"]), (200, &lost["position"]));
}

#[tokio::test]
async fn two_joins_at_once_with_one_identity_are_one_place() {
    let gateway = Gateway::open().await;
    let browser = Browser::new(&gateway).visit().await;
    let (one, other) = tokio::join!(browser.join(), browser.join());
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    assert_eq!(one.json()["position"], other.json()["position"]);
    let (_, behind) = gateway.waiting_visitor().await;
    assert_eq!(behind["position"], 2);
}

#[tokio::test]
async fn an_identity_that_we_did_not_sign_is_none() {
    let gateway = Gateway::open().await;
    let browser = Browser::new(&gateway).visit().await;
    let waiting = browser.join().await.cookie("waiting_token.demo").unwrap().to_owned();
    let mut altered = browser.cookie("visitor").unwrap();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'Q' } else { 'A' });
    gateway.pass(2).await;
    for forged in ["rubbish", "", &altered, &waiting] {
        let reply = join_with(&gateway, &format!("visitor={forged}")).await;
        assert_eq!(reply.status, 201, "{forged}: {}", reply.text());
        assert!(reply.cookie("visitor").is_some(), "{forged}");
        assert_eq!(reply.json()["state"], "waiting", "{forged} is no sign of an earlier contact");
    }
}

#[tokio::test]
async fn an_identity_that_has_expired_is_replaced() {
    let gateway = Gateway::open().await;
    let browser = Browser::new(&gateway).visit().await;
    let old = browser.cookie("visitor").unwrap();
    gateway.clock.advance(Duration::from_hours(24));
    let browser = browser.visit().await;
    assert_ne!(browser.cookie("visitor").unwrap(), old);
}

#[tokio::test]
async fn of_several_identities_the_first_that_we_signed_counts() {
    let gateway = Gateway::open().await;
    let (ours, other) = (Browser::new(&gateway).visit().await, Browser::new(&gateway).visit().await);
    assert_eq!((ours.join().await.status.as_u16(), other.join().await.status.as_u16()), (201, 201));
    ours.forget("waiting_token.demo");
    let [ours, other] = [ours, other].map(|browser| browser.cookie("visitor").unwrap());
    // A sibling domain can set a cookie of the same name.
    let both = join_with(&gateway, &format!("visitor=forged; visitor={ours}; visitor={other}")).await;
    assert_eq!((both.status.as_u16(), &both.json()["position"]), (200, &1.into()));
}

#[tokio::test]
async fn of_several_waiting_tokens_the_first_that_we_signed_counts() {
    let gateway = Gateway::open().await;
    let (first, _) = gateway.waiting_visitor().await;
    let (second, _) = gateway.waiting_visitor().await;
    let cookies = format!("waiting_token.demo=forged; waiting_token.demo={second}; waiting_token.demo={first}");
    let place = gateway.visitors.get(crate::fixture::CURRENT).header("cookie", &cookies).send().await;
    assert_eq!(place.json()["position"], 2, "{}", place.text());
}

#[tokio::test]
async fn over_https_no_other_host_can_set_our_cookies() {
    let text = settings_text(ONE_PER_SECOND, "").replace("http://wait.test", "https://wait.test");
    let gateway = Gateway::start(&text, Arc::new(ManualClock::at_second(1_800_000_000)), None).await;
    let browser = Browser::new(&gateway).visit().await;
    let reply = browser.join().await;
    assert!(reply.header("set-cookie").unwrap().ends_with("; Secure"), "{:?}", reply.headers);
    assert!(browser.cookie("__Host-visitor").is_some() && browser.cookie("__Host-waiting_token.demo").is_some());
    assert_eq!(browser.place().await["position"], 1);

    let bare = browser.cookies().replace("__Host-", "");
    let reply = join_with(&gateway, &bare).await;
    assert_eq!(reply.status, 201, "without the prefix they may be another host's, and are not read");
}
