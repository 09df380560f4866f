//! Invitations to the priority lane, as operators and visitors meet them.

use std::{sync::Arc, time::Duration};

use contract::clock::{Clock, ManualClock};
use queue_gateway::invitation::{InvitationClaims, InvitationSigner};
use serde_json::{Value, json};
use testkit::{Reply, eventually};

use crate::{
    browser::{Browser, PAGE},
    fixture::{Gateway, ONE_PER_SECOND, OPERATOR_KEY, TOKENS, WAITING_SECRET, assert_problem, demo, settings_text},
};

const INVITATIONS: &str = "/v1/admin/queues/demo/invitations";
/// The clock begins two minutes before the opening.
const OPENS_AT: &str = "2027-01-15T08:02:00Z";
const EXPIRES_AT: &str = "2027-01-15T20:00:00Z";

impl Gateway {
    /// Invites people, and admits nobody until the clock moves.
    async fn inviting() -> Self {
        let clock = Arc::new(ManualClock::at_second(1_800_000_000));
        Self::start(&settings_text(&format!("{ONE_PER_SECOND}, invitations = {{ share = 0.25 }}"), ""), clock, None)
            .await
    }

    /// Opens in two minutes, to the invited one minute earlier; joins are taken for half a minute before.
    async fn with_presale() -> Self {
        let admission = format!(
            r#"{{ mode = "fixed", rate_per_second = 10, active_cap = 10 }}, schedule = {{ opens_at = "{OPENS_AT}",
            pre_queue = "30s" }}, invitations = {{ share = 0.25, presale = "1m" }}"#
        );
        let clock = Arc::new(ManualClock::at_second(1_800_000_000));
        Self::start(&settings_text(&admission.replace('\n', " "), ""), clock, None).await
    }

    async fn sign(&self, order: &Value) -> Reply {
        self.internal.post(INVITATIONS).bearer(OPERATOR_KEY).header("operator-name", "Ada").json(order).send().await
    }

    async fn invitation(&self) -> String {
        let reply = self.sign(&json!({"count": 1, "expires_at": EXPIRES_AT})).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()["invitations"][0]["invitation"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn an_operator_has_invitations_signed_and_whoever_brings_one_stands_in_the_priority_lane() {
    let gateway = Gateway::inviting().await;
    let signed = gateway.sign(&json!({"count": 3, "expires_at": EXPIRES_AT})).await;
    assert_eq!((signed.status.as_u16(), signed.header("cache-control")), (201, Some("no-store")));
    let signed = signed.json();
    assert_eq!((&signed["queue"], &signed["expires_at"]), (&json!("demo"), &json!(EXPIRES_AT)));
    let invitations = signed["invitations"].as_array().unwrap();
    assert_eq!(invitations.len(), 3);
    let invitation = invitations[0]["invitation"].as_str().unwrap();
    assert_eq!(invitations[0]["link"], format!("http://wait.test{PAGE}#invitation={invitation}"));

    gateway.waiting_visitor().await;
    let browser = Browser::new(&gateway).visit().await;
    let joined = browser.bring(invitation).await;
    assert_eq!(joined.status, 201, "{}", joined.text());
    let place = joined.json();
    assert_eq!((&place["state"], &place["position"], &place["invited"]), (&json!("waiting"), &json!(1), &json!(true)));
    assert_eq!(browser.bring(invitation).await.status, 200, "a join that is repeated");
    assert_eq!(browser.place().await["invited"], true);

    let (waiting, behind) = gateway.waiting_visitor().await;
    assert_eq!((&behind["position"], behind.get("invited")), (&json!(2), None), "nobody's place is farther back");
    assert_eq!(gateway.poll(&waiting).await["position"], 2);
    let state = gateway.public_state().await;
    let granted = json!({"share": 0.25, "opens_at": null, "joins_from": null, "waiting": 1});
    assert_eq!((&state["invitations"], &state["waiting"]), (&granted, &json!(3)));
    let counted = async || gateway.metric(r#"queue_gateway_visitors_invited{queue="demo"}"#).await == 1;
    eventually("the next step counts them", counted).await;
}

#[tokio::test]
async fn an_invitation_gives_one_place_and_a_refused_one_says_why() {
    let gateway = Gateway::inviting().await;
    let invitation = gateway.invitation().await;
    let first = Browser::new(&gateway).visit().await;
    assert_eq!(first.bring(&invitation).await.status, 201);
    let second = Browser::new(&gateway).visit().await;
    assert_problem(&second.bring(&invitation).await, 409, "invitation_used");
    first.leave().await;
    assert_problem(&first.bring(&invitation).await, 409, "invitation_used");
    assert_eq!(second.join().await.status, 201, "as everybody");

    let of = |queue: &str, secret: &str| {
        let expires_at = gateway.clock.now() + Duration::from_hours(1);
        let claims = InvitationClaims { queue: queue.parse().unwrap(), id: uuid::Uuid::from_u128(7), expires_at };
        InvitationSigner::new(&secret.into()).mint(&claims)
    };
    let (other_queue, forged) =
        (of("other", WAITING_SECRET), of("demo", "a secret of somebody else, thirty-two bytes"));
    let waiting_token = second.cookie("waiting_token.demo").unwrap();
    for nonsense in [other_queue.as_str(), &forged, &waiting_token, "", "a.b.c", &"x".repeat(5_000)] {
        assert_problem(&second.bring(nonsense).await, 403, "invitation_invalid");
    }
    assert_eq!(second.place().await["position"], 1, "the place of before is kept");
    let late = gateway.invitation().await;
    gateway.clock.advance(Duration::from_hours(12));
    assert_problem(&Browser::new(&gateway).visit().await.bring(&late).await, 410, "invitation_expired");
}

#[tokio::test]
async fn a_client_without_cookies_that_repeats_its_join_finds_its_place() {
    let gateway = Gateway::inviting().await;
    let body = json!({"invitation": gateway.invitation().await});
    let (first, again) = (
        gateway.visitors.post(TOKENS).json(&body).send().await,
        gateway.visitors.post(TOKENS).json(&body).send().await,
    );
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200), "{}", again.text());
    assert_eq!(again.json()["position"], 1);
    for reply in [first, again] {
        let cookies = reply.headers.get_all("set-cookie");
        assert!(cookies.iter().all(|cookie| !cookie.to_str().unwrap().contains("identity")), "{:?}", reply.headers);
    }
}

#[tokio::test]
async fn whoever_had_a_place_in_the_lane_comes_back_by_another_invitation() {
    let gateway = Gateway::inviting().await;
    let browser = Browser::new(&gateway).visit().await;
    let first = gateway.invitation().await;
    gateway.order("pause").await;
    assert_eq!(browser.bring(&first).await.status, 201);
    let place = browser.cookie("waiting_token.demo").unwrap();
    browser.leave().await;
    browser.put_back("waiting_token.demo", &place);
    assert_problem(&browser.bring(&first).await, 409, "invitation_used");
    let again = browser.bring(&gateway.invitation().await).await;
    assert_eq!((again.status.as_u16(), &again.json()["invited"]), (201, &json!(true)), "{}", again.text());
}

#[tokio::test]
async fn whoever_stands_in_the_lane_needs_no_invitation_any_more() {
    let gateway = Gateway::inviting().await;
    let invitation = gateway.invitation().await;
    let browser = Browser::new(&gateway).visit().await;
    gateway.order("pause").await;
    browser.bring(&invitation).await;
    gateway.clock.advance(Duration::from_mins(50));
    browser.poll().await;
    gateway.clock.advance(Duration::from_mins(50));
    browser.poll().await;
    let short = gateway.sign(&json!({"count": 1, "expires_at": "2027-01-15T09:40:01Z"})).await.json();
    gateway.clock.advance(Duration::from_secs(2));
    let expired = short["invitations"][0]["invitation"].as_str().unwrap().to_owned();
    let again = browser.bring(&expired).await;
    assert_eq!((again.status.as_u16(), &again.json()["position"]), (200, &json!(1)), "{}", again.text());
}

#[tokio::test]
async fn whoever_waits_already_changes_to_the_priority_lane() {
    let gateway = Gateway::inviting().await;
    let browsers = [Browser::new(&gateway).visit().await, Browser::new(&gateway).visit().await];
    for browser in &browsers {
        assert_eq!(browser.join().await.status, 201);
    }
    let changed = browsers[1].bring(&gateway.invitation().await).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["position"]), (201, &json!(1)));
    assert_eq!(browsers[1].place().await["invited"], true);
    assert_eq!(browsers[0].place().await["behind"], 0, "there is one place a visitor");
}

#[tokio::test]
async fn a_queue_without_a_priority_lane_signs_and_takes_no_invitations() {
    let gateway = Gateway::open().await;
    let order = json!({"count": 1, "expires_at": EXPIRES_AT});
    assert_problem(&gateway.sign(&order).await, 422, "invitation_not_taken");
    let expires_at = gateway.clock.now() + Duration::from_hours(1);
    let claims = InvitationClaims { queue: demo(), id: uuid::Uuid::from_u128(7), expires_at };
    let invitation = InvitationSigner::new(&WAITING_SECRET.into()).mint(&claims);
    assert_problem(&Browser::new(&gateway).visit().await.bring(&invitation).await, 422, "invitation_not_taken");
    assert_eq!(gateway.public_state().await["invitations"], Value::Null);
}

#[tokio::test]
async fn orders_for_invitations_are_checked_and_are_the_operators_alone() {
    let gateway = Gateway::inviting().await;
    for order in [
        json!({"count": 0, "expires_at": EXPIRES_AT}),
        json!({"count": 1_001, "expires_at": EXPIRES_AT}),
        json!({"count": 1, "expires_at": "2027-01-15T08:00:00Z"}),
        json!({"count": 1, "expires_at": "2029-01-15T08:00:00Z"}),
    ] {
        assert_problem(&gateway.sign(&order).await, 422, "invalid_invitations");
    }
    for order in
        [json!({}), json!({"count": "many", "expires_at": EXPIRES_AT}), json!({"count": 1, "expires_at": "soon"})]
    {
        let refused = gateway.sign(&order).await;
        assert!(refused.status.is_client_error(), "{}", refused.text());
    }
    let order = json!({"count": 1, "expires_at": EXPIRES_AT});
    let stranger = gateway.internal.post(INVITATIONS).json(&order).send().await;
    assert_problem(&stranger, 401, "operator_key_required");
    assert_eq!(gateway.visitors.post(INVITATIONS).bearer(OPERATOR_KEY).json(&order).send().await.status, 404);
}

#[tokio::test]
async fn a_presale_lets_the_invited_in_and_tells_both_lanes_their_times() {
    let gateway = Gateway::with_presale().await;
    let (invited, other) = (Browser::new(&gateway).visit().await, Browser::new(&gateway).visit().await);
    let invitation = gateway.invitation().await;
    let early = invited.bring(&invitation).await;
    assert_problem(&early, 409, "queue_scheduled");
    let times = |reply: &Reply| (reply.json()["joins_from"].clone(), reply.json()["opens_at"].clone());
    assert_eq!(times(&early), (json!("2027-01-15T08:00:30Z"), json!("2027-01-15T08:01:00Z")));
    assert_eq!(times(&other.join().await), (json!("2027-01-15T08:01:30Z"), json!(OPENS_AT)));

    gateway.later(30).await;
    let joined = invited.bring(&invitation).await.json();
    assert_eq!((&joined["state"], &joined["opens_at"]), (&json!("pre_queue"), &json!("2027-01-15T08:01:00Z")));
    gateway.later(30).await;
    assert_problem(&other.join().await, 409, "queue_scheduled");
    assert_eq!(gateway.public_state().await["state"], "scheduled");
    eventually("the invited visitor is let in", async || {
        gateway.later(1).await;
        invited.place().await["state"] == "admitted"
    })
    .await;
    let straight_in = Browser::new(&gateway).visit().await;
    gateway.later(1).await;
    assert_eq!(straight_in.bring(&gateway.invitation().await).await.json()["state"], "admitted");
}

#[tokio::test]
async fn what_the_invited_are_granted_is_reloaded_and_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue-gateway.toml");
    let text = settings_text(&format!("{ONE_PER_SECOND}, invitations = {{ share = 0.25 }}"), "");
    std::fs::write(&file, &text).unwrap();
    let clock = Arc::new(ManualClock::at_second(1_800_000_000));
    let gateway = Gateway::start(&text, clock, Some(&file)).await;
    let more = text.replace("share = 0.25", r#"share = 0.5, presale = "10m""#);
    std::fs::write(&file, more).unwrap();
    eventually("the share is half", async || gateway.public_state().await["invitations"]["share"] == 0.5).await;
    let record = gateway.internal.get("/v1/admin/queues/demo/changes").bearer(OPERATOR_KEY).send().await.json();
    let changes: Vec<_> = record["changes"]
        .as_array()
        .unwrap()
        .iter()
        .take(2)
        .map(|change| (change["what"].clone(), change["from"].clone(), change["to"].clone()))
        .collect();
    let expected = [
        (json!("settings.invitations.presale_seconds"), json!(0.0), json!(600.0)),
        (json!("settings.invitations.share"), json!(0.25), json!(0.5)),
    ];
    assert_eq!(changes, expected);
}
