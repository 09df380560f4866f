//! A line for members: the site says who joins.

use std::sync::Arc;

use axum::{Json, Router, routing::get};
use contract::{
    clock::{Clock, ManualClock},
    ids::{MemberId, QueueName},
    tokens::{JoinClaims, JoinSigner},
};
use serde_json::{Value, json};
use service::accept::{self, ListenSettings};
use testkit::Reply;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    browser::Browser,
    fixture::{CURRENT, Gateway, ONE_PER_SECOND, SERVICE_KEY, TOKENS, assert_problem, settings_text},
};

/// A site with members, and the gateway whose queue `demo` is theirs.
struct Site {
    gateway: Gateway,
    signer: JoinSigner,
    _shutdown: DropGuard,
}

impl Site {
    async fn open() -> Self {
        let signer = signer();
        let listener = accept::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let members = format!(
            r#"members.jwks_url = "http://{}/keys", identity = "member", title = "Demo""#,
            listener.local_addr().unwrap()
        );
        let (keys, shutdown) = (signer.jwks(), CancellationToken::new());
        let router = Router::new().route("/keys", get(async move || Json(keys)));
        tokio::spawn(accept::serve(listener, router, ListenSettings::default(), shutdown.clone()));
        let text = settings_text(ONE_PER_SECOND, "").replace(r#"title = "Demo""#, &members);
        let gateway = Gateway::start(&text, Arc::new(ManualClock::at_second(1_800_000_000)), None).await;
        Self { gateway, signer, _shutdown: shutdown.drop_guard() }
    }

    fn word_for(&self, member: MemberId) -> String {
        self.signer.mint(&JoinClaims::new("demo".parse().unwrap(), member, self.gateway.clock.now()))
    }

    /// From a device that has not been here before.
    async fn join(&self, join_token: &str) -> Reply {
        self.gateway.visitors.post(TOKENS).json(&json!({"join_token": join_token})).send().await
    }

    fn member(&self) -> MemberId {
        MemberId::generate(&*self.gateway.clock)
    }
}

fn signer() -> JoinSigner {
    JoinSigner::from_pem(&JoinSigner::generate_pem(), "ticketing", "queue-gateway").unwrap()
}

fn token(document: &Value) -> &str {
    document["waiting_token"].as_str().unwrap()
}

#[tokio::test]
async fn a_member_has_one_place_from_all_devices() {
    let site = Site::open().await;
    let (one, other) = (site.member(), site.member());
    let first = site.join(&site.word_for(one)).await;
    assert_eq!((first.status.as_u16(), first.json()["position"].as_u64()), (201, Some(1)));
    assert_eq!(site.join(&site.word_for(other)).await.json()["position"], 2);
    let again = site.join(&site.word_for(one)).await;
    assert_eq!((again.status.as_u16(), again.json()["position"].as_u64()), (200, Some(1)));
    // Each device goes on with its own waiting token.
    for document in [first.json(), again.json()] {
        assert_eq!(site.gateway.poll(token(&document)).await["position"], 1);
    }
}

#[tokio::test]
async fn nobody_joins_without_the_sites_word_and_everybody_is_told_where_to_get_it() {
    let site = Site::open().await;
    let member = site.member();
    let without = Browser::new(&site.gateway).visit().await.join().await;
    assert_problem(&without, 401, "join_token_required");
    let forged = signer().mint(&JoinClaims::new("demo".parse().unwrap(), member, site.gateway.clock.now()));
    let elsewhere: QueueName = "other".parse().unwrap();
    let elsewhere = site.signer.mint(&JoinClaims::new(elsewhere, member, site.gateway.clock.now()));
    let old = site.word_for(member);
    let (forged, elsewhere) = (site.join(&forged).await, site.join(&elsewhere).await);
    site.gateway.clock.advance(JoinClaims::LIFE);
    let old = site.join(&old).await;
    for refused in [&forged, &elsewhere] {
        assert_problem(refused, 401, "join_token_invalid");
    }
    assert_problem(&old, 401, "join_token_expired");
    for refused in [without, forged, elsewhere, old] {
        assert_eq!(refused.json()["redirect_to"], "https://shop.test/seats");
    }
    assert_eq!(site.gateway.public_state().await["waiting"], 0);
}

#[tokio::test]
async fn a_member_who_left_takes_a_new_place_only_with_a_new_word() {
    let site = Site::open().await;
    let member = site.member();
    let document = site.join(&site.word_for(member)).await.json();
    assert_eq!(site.gateway.visitors.delete(CURRENT).bearer(token(&document)).send().await.status, 204);
    let with_old_token = site.gateway.visitors.post(TOKENS).bearer(token(&document)).send().await;
    assert_problem(&with_old_token, 401, "join_token_required");
    assert_eq!(site.join(&site.word_for(member)).await.status, 201);
}

#[tokio::test]
async fn an_active_token_of_a_member_is_nobody_elses() {
    let site = Site::open().await;
    let member = site.member();
    site.gateway.pass(1).await;
    let document = site.join(&site.word_for(member)).await.json();
    assert_eq!(document["state"], "admitted", "the word of the site is a sign of life: {document}");
    let claim = async |holder: MemberId| {
        let path = format!("/v1/active-tokens/{}/claim", site.gateway.slot(&document));
        let body = json!({"holder": holder, "active_token": document["active_token"]});
        site.gateway.internal.post(&path).bearer(SERVICE_KEY).json(&body).send().await
    };
    assert_problem(&claim(site.member()).await, 409, "token_held_by_another");
    assert_eq!(claim(member).await.status, 200);
}

#[tokio::test]
async fn another_member_at_the_same_browser_gets_their_own_place() {
    let site = Site::open().await;
    let (one, other) = (site.member(), site.member());
    let first = site.join(&site.word_for(one)).await.json();
    let join_with = async |body: Value| {
        let join = site.gateway.visitors.post(TOKENS).bearer(token(&first)).json(&body);
        join.send().await.json()
    };
    assert_eq!(join_with(json!({})).await["position"], 1);
    assert_eq!(join_with(json!({"join_token": site.word_for(other)})).await["position"], 2);
    assert_eq!(join_with(json!({"join_token": site.word_for(one)})).await["position"], 1);
    assert_eq!(join_with(json!({"join_token": "too old"})).await["position"], 1, "the place is proof enough");
}

#[tokio::test]
async fn a_line_for_everybody_takes_no_join_tokens() {
    let site = Site::open().await;
    let member = site.member();
    let elsewhere = site.signer.mint(&JoinClaims::new("other".parse().unwrap(), member, site.gateway.clock.now()));
    let body = json!({"join_token": elsewhere});
    let refused = site.gateway.visitors.post("/v1/queues/other/tokens").json(&body).send().await;
    assert_problem(&refused, 422, "join_token_not_taken");
}
