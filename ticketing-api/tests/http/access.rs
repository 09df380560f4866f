//! Without a live active token of one's own nothing is held, reserved or paid: every route against every defect.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::tokens::{KeyedClaims, KeyedSigner};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use testkit::{Reply, Request};
use tokio::task::JoinSet;

use crate::fixture::{Buyer, Shop, assert_problem, created, holds_path, key, payments_path};

/// What only gateways read.
#[derive(Deserialize, Serialize)]
struct Waiting {
    seq: u32,
}

impl KeyedClaims for Waiting {
    const KIND: &'static str = "waiting+jwt";

    fn expires_at(&self) -> jiff::Timestamp {
        jiff::Timestamp::MAX
    }
}

/// The three things that need an active token, each ready to succeed.
struct Routes {
    hold: Value,
    reservation: Value,
}

impl Routes {
    /// `buyer` has a hold to reserve, and a reservation to pay.
    async fn ready(shop: &Shop, buyer: &Buyer) -> Self {
        Self { hold: shop.held(buyer, &[1]).await, reservation: shop.reserved(buyer, &[2]).await }
    }

    fn requests(&self, shop: &Shop) -> [(&'static str, Request); 3] {
        [
            ("hold", shop.api.post(&holds_path()).json(&json!({"seats": [3]}))),
            ("reserve", shop.api.post("/v1/reservations").json(&json!({"hold_id": self.hold["id"]}))),
            ("pay", shop.api.post(&payments_path(&self.reservation)).header("idempotency-key", &key())),
        ]
    }

    async fn refuse(&self, shop: &Shop, session: &str, defect: &str, token: Option<&str>, status: u16, code: &str) {
        for (route, request) in self.requests(shop) {
            let request = request.bearer(session);
            let request = match token {
                Some(token) => request.header("active-token", token),
                None => request,
            };
            let reply = request.send().await;
            assert_eq!(
                (reply.status.as_u16(), reply.json()["code"].as_str()),
                (status, Some(code)),
                "{route}, {defect}"
            );
            assert_problem(&reply, status, code);
        }
    }
}

#[tokio::test]
async fn every_defect_of_a_token_is_refused_on_every_route() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let routes = Routes::ready(&shop, &buyer).await;

    let other_member = shop.buyer().await;
    shop.held(&other_member, &[90]).await;
    let consumed = {
        let spender = buyer.with_token(&shop.active_token("demo"));
        let reservation = shop.reserved(&spender, &[91]).await;
        created(&shop.pay(&spender, &reservation).await);
        spender.active_token
    };
    let unclaimed = shop.active_token("demo");
    shop.clock.advance(Duration::from_secs(31));
    let wrong_queue = shop.active_token("other");
    let expired = shop.gateway.signed("ticketing", |claims| claims.expires_at = claims.issued_at);
    let waiting = KeyedSigner::new(&"0123456789abcdef0123456789abcdef".into()).mint(&Waiting { seq: 1 });

    let defects: [(&str, Option<&str>, u16, &str); 14] = [
        ("none", None, 401, "active_token_required"),
        ("empty", Some(""), 401, "active_token_invalid"),
        ("garbage", Some("no.token.at-all"), 401, "active_token_invalid"),
        ("too long", Some(&"x".repeat(5000)), 401, "active_token_invalid"),
        ("of another key", Some(&shop.gateway.forged()), 401, "active_token_invalid"),
        ("altered", Some(&altered(&buyer.active_token)), 401, "active_token_invalid"),
        ("alg none", Some(&without_signature(&buyer.active_token)), 401, "active_token_invalid"),
        ("a waiting token", Some(&waiting), 401, "active_token_invalid"),
        ("for others", Some(&shop.gateway.signed("others", |_| {})), 401, "active_token_invalid"),
        ("expired", Some(&expired), 410, "active_token_expired"),
        ("consumed", Some(&consumed), 410, "active_token_consumed"),
        ("not used in time", Some(&unclaimed), 410, "active_token_gone"),
        ("of another queue", Some(&wrong_queue), 403, "active_token_wrong_queue"),
        ("another member's", Some(&other_member.active_token), 403, "active_token_held_by_another"),
    ];
    for (defect, token, status, code) in defects {
        routes.refuse(&shop, &buyer.session, defect, token, status, code).await;
    }

    // None of it has spoilt anything: with their own token the member goes all the way.
    for (route, request) in routes.requests(&shop) {
        let reply = buyer.sends(request).send().await;
        assert_eq!(reply.status, 201, "{route}: {}", reply.text());
    }
}

#[tokio::test]
async fn without_a_member_no_token_helps() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    let routes = Routes::ready(&shop, &buyer).await;
    for (authorization, code) in [
        (None, "session_required"),
        (Some("Basic YTpi"), "session_required"),
        (Some("Bearer nonsense"), "session_invalid"),
        (Some(&*format!("Bearer {}", buyer.active_token)), "session_invalid"),
    ] {
        for (_, request) in routes.requests(&shop) {
            let request = request.header("active-token", &buyer.active_token);
            let request = match authorization {
                Some(authorization) => request.header("authorization", authorization),
                None => request,
            };
            assert_problem(&request.send().await, 401, code);
        }
    }
    shop.clock.advance(Duration::from_hours(1));
    routes.refuse(&shop, &buyer.session, "old session", Some(&buyer.active_token), 401, "session_expired").await;
}

#[tokio::test]
async fn a_token_expires_under_a_member_who_has_used_it() {
    let shop = Shop::open().await;
    let buyer = shop.buyer().await;
    shop.held(&buyer, &[1]).await;
    shop.clock.advance(Duration::from_mins(10));
    assert_problem(&shop.hold(&buyer, &[2]).await, 410, "active_token_expired");
}

#[tokio::test]
async fn of_two_members_who_use_a_token_at_once_exactly_one_has_it() {
    let shop = Shop::open().await;
    let members = [shop.member().await, shop.member().await];
    for round in 0..5_u32 {
        let token = shop.active_token("demo");
        let mut attempts = JoinSet::new();
        for (seat, member) in (1..).zip(&members) {
            let request = shop.api.post(&holds_path()).bearer(&member.session).header("active-token", &token);
            attempts.spawn(request.json(&json!({"seats": [round * 10 + seat]})).send());
        }
        let replies: Vec<Reply> = attempts.join_all().await;
        let codes = replies.iter().filter(|reply| reply.status != 201).map(|reply| reply.json()["code"].clone());
        assert_eq!(codes.collect::<Vec<_>>(), ["active_token_held_by_another"]);
        // Four seats a member at most.
        shop.clock.advance(Duration::from_mins(5));
    }
}

fn altered(token: &str) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&parts[1]).unwrap()).unwrap();
    claims["exp"] = json!(i64::from(i32::MAX));
    parts[1] = URL_SAFE_NO_PAD.encode(claims.to_string());
    parts.join(".")
}

fn without_signature(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    header["alg"] = json!("none");
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1])
}
