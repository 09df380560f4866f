use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::{clock::Clock, ids::MemberId};
use serde_json::{Value, json};
use testkit::{Reply, Request};

use crate::fixture::{Gateway, OPERATOR_KEY, SERVICE_KEY, active_token, assert_problem, foreign_active_token};

/// The id of the slot that an admitted document's token opens, and the token.
fn slot(gateway: &Gateway, document: &Value) -> (String, String) {
    (gateway.slot(document), document["active_token"].as_str().unwrap().to_owned())
}

fn claim(gateway: &Gateway, id: &str, body: &Value) -> Request {
    gateway.internal.post(&format!("/v1/active-tokens/{id}/claim")).bearer(SERVICE_KEY).json(body)
}

async fn arrive(gateway: &Gateway, id: &str, token: &str) -> Reply {
    let path = format!("/v1/active-tokens/{id}/arrive");
    gateway.internal.post(&path).bearer(SERVICE_KEY).json(&json!({"active_token": token})).send().await
}

async fn release(gateway: &Gateway, id: &str) -> Reply {
    gateway.internal.post(&format!("/v1/active-tokens/{id}/release")).bearer(SERVICE_KEY).send().await
}

fn member(gateway: &Gateway) -> String {
    MemberId::generate(&*gateway.clock).to_string()
}

#[tokio::test]
async fn a_slot_belongs_to_its_first_holder() {
    let gateway = Gateway::with("tokens.claim_within = '3s'").await;
    let (_, document) = gateway.admitted_visitor().await;
    let (id, token) = slot(&gateway, &document);
    let (holder, other) = (member(&gateway), member(&gateway));
    let first = claim(&gateway, &id, &json!({"holder": holder})).send().await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.json(), json!({"expires_at": document["expires_at"]}));
    for body in [json!({"holder": holder}), json!({"holder": holder, "active_token": token})] {
        assert_eq!(claim(&gateway, &id, &body).send().await.status, 200, "repeating is harmless");
    }
    for body in [json!({"holder": other}), json!({"holder": other, "active_token": token})] {
        assert_problem(&claim(&gateway, &id, &body).send().await, 409, "token_held_by_another");
    }
    // Claimed, the slot outlives the time for claims.
    gateway.pass(5).await;
    assert_eq!(claim(&gateway, &id, &json!({"holder": holder})).send().await.status, 200);
}

#[tokio::test]
async fn an_unclaimed_slot_is_gone_after_the_time_for_claims() {
    let gateway = Gateway::with("tokens.claim_within = '3s'").await;
    let (_, document) = gateway.admitted_visitor().await;
    let (id, token) = slot(&gateway, &document);
    assert_eq!(arrive(&gateway, &id, &token).await.status, 200);
    gateway.pass(3).await;
    let holder = member(&gateway);
    let with_token = json!({"holder": holder, "active_token": token});
    assert_problem(&claim(&gateway, &id, &with_token).send().await, 410, "token_gone");
    assert_problem(&claim(&gateway, &id, &json!({"holder": holder})).send().await, 404, "token_not_found");
}

#[tokio::test]
async fn signs_of_life_extend_the_time_for_a_claim_up_to_a_maximum() {
    let gateway = Gateway::with("tokens.claim_within = '3s'\ntokens.claim_at_most = '6s'").await;
    let (_, document) = gateway.admitted_visitor().await;
    let (id, token) = slot(&gateway, &document);
    let arrived_at = gateway.clock.now();
    let claim_before = async || {
        let reply = arrive(&gateway, &id, &token).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["expires_at"], document["expires_at"]);
        reply.json()["claim_before"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
    };
    for (passed, until) in [(0, 3), (2, 5), (4, 6)] {
        assert_eq!(claim_before().await, arrived_at + Duration::from_secs(until), "after {passed} s");
        gateway.pass(2).await;
    }
    assert_problem(&arrive(&gateway, &id, &token).await, 410, "token_gone");
}

#[tokio::test]
async fn a_released_slot_is_free_and_its_visitor_out() {
    let gateway = Gateway::open().await;
    let (visitor, document) = gateway.admitted_visitor().await;
    let (id, token) = slot(&gateway, &document);
    let body = json!({"holder": member(&gateway), "active_token": token});
    assert_eq!(claim(&gateway, &id, &body).send().await.status, 200);
    assert_eq!(release(&gateway, &id).await.status, 204);
    assert_eq!(release(&gateway, &id).await.status, 204, "whoever delivers at least once may repeat it");
    assert_problem(&claim(&gateway, &id, &body).send().await, 410, "token_gone");
    gateway.until_poll(&visitor, "they are out", |place| place["state"] == "left").await;
    assert_eq!(gateway.poll(&visitor).await["reason"], "released");
}

#[tokio::test]
async fn a_signed_token_of_before_the_stores_loss_opens_its_slot_again() {
    let gateway = Gateway::open().await;
    let holder = member(&gateway);
    let mut id = None;
    let token = active_token(&gateway, |claims| {
        claims.epoch = 1;
        id = Some(claims.id.to_string());
    });
    let id = id.unwrap();
    assert_problem(&claim(&gateway, &id, &json!({"holder": holder})).send().await, 404, "token_not_found");
    let reply = claim(&gateway, &id, &json!({"holder": holder, "active_token": token})).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(claim(&gateway, &id, &json!({"holder": holder})).send().await.status, 200);
}

#[tokio::test]
async fn a_token_that_does_not_prove_the_slot_claims_nothing() {
    let gateway = Gateway::open().await;
    let (_, document) = gateway.admitted_visitor().await;
    let (id, _) = slot(&gateway, &document);
    let foreign = foreign_active_token(&gateway, |claims| {
        claims.id = id.parse().unwrap();
        claims.epoch = 1;
    });
    let another = active_token(&gateway, |claims| claims.epoch = 1);
    let expired = active_token(&gateway, |claims| {
        claims.id = id.parse().unwrap();
        claims.expires_at = claims.issued_at;
    });
    let nowhere = active_token(&gateway, |claims| {
        claims.id = id.parse().unwrap();
        claims.queue = "nowhere".parse().unwrap();
    });
    for (token, status, code) in [
        (foreign, 404, "token_not_found"),
        (another, 404, "token_not_found"),
        (nowhere, 404, "token_not_found"),
        ("rubbish".to_owned(), 404, "token_not_found"),
        (expired, 410, "token_gone"),
    ] {
        let body = json!({"holder": member(&gateway), "active_token": token});
        assert_problem(&claim(&gateway, &id, &body).send().await, status, code);
    }
    let body = json!({"holder": member(&gateway)});
    assert_eq!(claim(&gateway, &id, &body).send().await.status, 200, "the slot is still free for its owner");
}

#[tokio::test]
async fn only_services_claim_report_arrivals_and_release() {
    let gateway = Gateway::open().await;
    let id = member(&gateway);
    for call in ["claim", "arrive", "release"] {
        let path = format!("/v1/active-tokens/{id}/{call}");
        let body = json!({"holder": id});
        let post = || gateway.internal.post(&path).json(&body);
        assert_problem(&post().send().await, 401, "service_key_required");
        for wrong in ["", "x", OPERATOR_KEY, &SERVICE_KEY[1..], &format!("{SERVICE_KEY}x")] {
            assert_problem(&post().bearer(wrong).send().await, 401, "service_key_required");
        }
        let basic = post().header("authorization", &format!("Basic {SERVICE_KEY}"));
        assert_problem(&basic.send().await, 401, "service_key_required");
    }
}

#[tokio::test]
async fn a_claim_that_cannot_be_read_is_told_what_is_wrong() {
    let gateway = Gateway::open().await;
    let id = member(&gateway);
    let post = |body: &'static str| {
        gateway
            .internal
            .post(&format!("/v1/active-tokens/{id}/claim"))
            .bearer(SERVICE_KEY)
            .body("application/json", body)
    };
    assert_problem(&post("{").send().await, 400, "malformed_json");
    for body in ["{}", r#"{"holder": 7}"#, r#"{"holder": "x"}"#, "null", "[]"] {
        assert_problem(&post(body).send().await, 400, "invalid_body");
    }
    let unknown = json!({"holder": id, "seat": 1});
    assert_problem(&claim(&gateway, &id, &unknown).send().await, 400, "invalid_body");
    assert_problem(&claim(&gateway, "not-an-id", &json!({"holder": id})).send().await, 400, "invalid_path");
    let plain =
        gateway.internal.post(&format!("/v1/active-tokens/{id}/claim")).bearer(SERVICE_KEY).body("text/plain", "x");
    assert_problem(&plain.send().await, 415, "unsupported_media_type");
}

#[tokio::test]
async fn whoever_was_admitted_before_the_stores_loss_may_arrive() {
    let gateway = Gateway::open().await;
    let token = active_token(&gateway, |claims| claims.epoch = 1);
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let path = format!("/v1/active-tokens/{}/arrive", claims["jti"].as_str().unwrap());
    let body = json!({"active_token": token});
    let reply = gateway.internal.post(&path).bearer(SERVICE_KEY).json(&body).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["claim_before"], reply.json()["expires_at"]);
}
