use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::clock::ManualClock;
use queue_gateway::waiting_token::WaitingSigner;

use crate::fixture::{
    CURRENT, Gateway, ONE_PER_SECOND, TOKENS, WAITING_SECRET, active_token, assert_problem, settings_text,
    waiting_token,
};

#[tokio::test]
async fn a_position_falls_until_it_is_the_visitors_turn() {
    let gateway = Gateway::open().await;
    let (first, _) = gateway.waiting_visitor().await;
    let (second, _) = gateway.waiting_visitor().await;
    assert_eq!(gateway.poll(&first).await["position"], 1);
    let place = gateway.poll(&second).await;
    assert_eq!((&place["state"], &place["position"], &place["behind"]), (&"waiting".into(), &2.into(), &0.into()));
    assert!(place.get("waiting_token").is_none() && place.get("active_token").is_none(), "{place}");

    gateway.pass(1).await;
    gateway.until_poll(&first, "the first is admitted", |place| place["state"] == "admitted").await;
    gateway.until_poll(&second, "the second moves up", |place| place["position"] == 1).await;
    let admitted = gateway.poll(&first).await;
    assert_eq!(admitted["active_token"], gateway.poll(&first).await["active_token"], "one slot, one token");
}

#[tokio::test]
async fn a_poll_says_when_to_ask_again() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    let reply = gateway.visitors.get(CURRENT).bearer(&token).send().await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let pause = reply.json()["poll_after_seconds"].as_u64().unwrap();
    assert_eq!(reply.header("retry-after"), Some(pause.to_string().as_str()));
    assert!((2..=3).contains(&pause), "{pause}");
}

#[tokio::test]
async fn a_poll_needs_a_token_that_we_signed_for_this_queue_and_that_has_not_expired() {
    let gateway = Gateway::open().await;
    let (good, _) = gateway.waiting_visitor().await;
    assert_problem(&gateway.visitors.get(CURRENT).send().await, 401, "waiting_token_missing");

    let expired = waiting_token(&gateway, |claims| claims.expires_at = claims.issued_at);
    assert_problem(&gateway.visitors.get(CURRENT).bearer(&expired).send().await, 401, "waiting_token_expired");

    let other_queue = waiting_token(&gateway, |claims| claims.queue = "other".parse().unwrap());
    let other_kind = active_token(&gateway, |_| {});
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let unsigned_header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"waiting+jwt"}"#);
    let mut altered = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let seq = altered.windows(6).position(|window| window == b"\"seq\":").unwrap() + 6;
    altered[seq] = b'0';
    let other_secret = WaitingSigner::new(&format!("not {WAITING_SECRET}").into()).mint(
        &WaitingSigner::new(&WAITING_SECRET.into())
            .verify(&good, contract::clock::Clock::now(&*gateway.clock))
            .unwrap(),
    );
    for token in [
        "rubbish".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(8_000),
        other_queue,
        other_kind,
        other_secret,
        format!("{unsigned_header}.{claims}."),
        format!("{unsigned_header}.{claims}.{signature}"),
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(altered)),
    ] {
        let reply = gateway.visitors.get(CURRENT).bearer(&token).send().await;
        assert_problem(&reply, 401, "waiting_token_invalid");
        assert!(!reply.text().contains(WAITING_SECRET));
    }
}

#[tokio::test]
async fn a_visitor_of_before_the_stores_loss_is_back_in_their_place() {
    let gateway = Gateway::open().await;
    let (first, _) = gateway.waiting_visitor().await;
    let (second, _) = gateway.waiting_visitor().await;
    let later = Arc::new(ManualClock::at_second(1_800_000_100));
    drop(gateway);

    // The same settings on an empty embedded engine: a later epoch.
    let gateway = Gateway::start(&settings_text(ONE_PER_SECOND, ""), later, None).await;
    let (newcomer, _) = gateway.waiting_visitor().await;
    let reply = gateway.visitors.get(CURRENT).header("cookie", &format!("waiting_token.demo={second}")).send().await;
    assert_eq!(reply.json()["state"], "waiting", "{}", reply.text());
    let renewed = reply.cookie("waiting_token.demo").expect("the place is stated anew in the present epoch").to_owned();
    let rejoined = gateway.visitors.post(TOKENS).bearer(&first).send().await;
    assert_eq!(rejoined.status, 200, "an old place is not a new one");
    for (token, position) in [(&first, 1), (&renewed, 2), (&second, 2), (&newcomer, 3)] {
        gateway.until_poll(token, "the old order holds", |place| place["position"] == position).await;
    }
}

#[tokio::test]
async fn presence_renews_the_cookie_half_way_through_its_life() {
    let gateway = Gateway::with("tokens.waiting_lifetime = '60s'").await;
    gateway.waiting_visitor().await;
    // Cap zero would be refused as a setting, so the line is held by an operator's pause.
    let pause = gateway.internal.post("/v1/admin/queues/demo/pause").bearer(crate::fixture::OPERATOR_KEY);
    assert_eq!(pause.send().await.status, 200);
    let (token, _) = gateway.waiting_visitor().await;
    let poll = async |token: &str| gateway.visitors.get(CURRENT).bearer(token).send().await;
    assert_eq!(poll(&token).await.cookie("waiting_token.demo"), None);
    gateway.clock.advance(Duration::from_secs(30));
    let renewed = poll(&token).await.cookie("waiting_token.demo").unwrap().to_owned();
    gateway.clock.advance(Duration::from_secs(30));
    assert_problem(&poll(&token).await, 401, "waiting_token_expired");
    assert_eq!(gateway.poll(&renewed).await["position"], 2);
}
