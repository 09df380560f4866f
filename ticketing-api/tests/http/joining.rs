//! Queues of members: who may join as whom, and whose the turn is then.

use contract::{
    clock::Clock,
    ids::MemberId,
    tokens::{JoinClaims, JoinVerifier, JwkSet},
};

use crate::fixture::{Buyer, Shop, assert_problem, created};

async fn id_of(shop: &Shop, session: &str) -> MemberId {
    let me = shop.api.get("/v1/members/me").bearer(session).send().await.json();
    me["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_member_gets_our_word_for_a_queue_which_the_published_key_proves() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    let path = "/v1/queues/spring-2027/join-tokens";
    assert_problem(&shop.api.post(path).send().await, 401, "session_required");
    let document = created(&shop.api.post(path).bearer(&member.session).send().await);

    let reply = shop.api.get("/.well-known/jwks.json").send().await;
    assert_eq!(reply.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    let published: JwkSet = serde_json::from_str(&reply.text()).unwrap();
    let verifier = JoinVerifier::from_jwks(&published, "ticketing", "queue-gateway");
    let now = shop.clock.now();
    let expected = JoinClaims::new("spring-2027".parse().unwrap(), id_of(&shop, &member.session).await, now);
    assert_eq!(verifier.verify(document["join_token"].as_str().unwrap(), now), Ok(expected));

    let wrong = shop.api.post("/v1/queues/Spring/join-tokens").bearer(&member.session).send().await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
}

#[tokio::test]
async fn an_address_that_asks_for_too_many_join_tokens_is_told_to_wait() {
    let shop = Shop::with("rate_limits.join_token = { per_second = 1, burst = 1 }").await;
    let member = shop.member().await;
    let ask = async || shop.api.post("/v1/queues/demo/join-tokens").bearer(&member.session).send().await;
    created(&ask().await);
    assert_problem(&ask().await, 429, "rate_limited");
}

#[tokio::test]
async fn the_turn_of_a_members_place_is_nobody_elses() {
    let shop = Shop::open().await;
    let (owner, stranger) = (shop.buyer().await, shop.buyer().await);
    let token = shop.gateway.admit("demo", Some(id_of(&shop, &owner.session).await));
    let with = |buyer: &Buyer| buyer.with_token(&token);

    assert_problem(&shop.hold(&with(&stranger), &[1]).await, 403, "active_token_held_by_another");
    let leave = async |session: Option<&str>| {
        let request = shop.api.delete("/v1/active-token").header("active-token", &token);
        match session {
            Some(session) => request.bearer(session).send().await,
            None => request.send().await,
        }
    };
    assert_problem(&leave(None).await, 401, "session_required");
    assert_problem(&leave(Some(&stranger.session)).await, 403, "active_token_held_by_another");
    assert_eq!(shop.gateway.claimed(), 0, "a stranger's attempt claims nothing");

    shop.held(&with(&owner), &[1]).await;
    assert_eq!(leave(Some(&owner.session)).await.status, 204);
}
