//! Two gateways on one real Redis.

use std::{sync::Arc, time::Duration};

use contract::{
    clock::ManualClock,
    tokens::{ActiveSigner, ActiveVerifier},
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use testkit::{Redis, SseClient, eventually};

use crate::{
    browser::Browser,
    fixture::{ACTIVE_KEY, CURRENT, Gateway, OPERATOR_KEY, TOKENS, WAITING_SECRET, assert_problem, settings_text},
};

/// Nobody is admitted while a test looks at places.
const HARDLY_EVER: &str = r#"{ mode = "fixed", rate_per_second = 0.0001, active_cap = 10 }"#;

fn settings_on(redis: &Redis) -> String {
    let store = format!("engine = 'redis'\nredis.url = '{}'\nredis.command_timeout = '500ms'", redis.url());
    settings_text(HARDLY_EVER, &store)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_second(1_800_000_000))
}

async fn gateway_on(redis: &Redis) -> Gateway {
    Gateway::start(&settings_on(redis), clock(), None).await
}

/// A gateway that signs with the first waiting secret and key, and takes what the second have signed.
async fn gateway_with_keys(redis: &Redis, signs: (&str, &SecretString), further: (&str, &SecretString)) -> Gateway {
    let text = settings_on(redis)
        .replace(WAITING_SECRET, signs.0)
        .replace(ACTIVE_KEY.expose_secret(), signs.1.expose_secret())
        + &format!("\nsecrets.further_waiting_secrets = ['{}']", further.0)
        + &format!("\nsecrets.further_active_keys = ['''\n{}''']", further.1.expose_secret());
    Gateway::start(&text, clock(), None).await
}

#[tokio::test]
async fn keys_are_changed_gateway_by_gateway_and_nobodys_turn_ends() {
    let redis = Redis::start().await;
    let next_key = ActiveSigner::generate_pem();
    let before = (WAITING_SECRET, &*ACTIVE_KEY);
    let after = ("the waiting secret that comes after it in these tests", &next_key);
    let prepared = gateway_with_keys(&redis, before, after).await;
    let changed = gateway_with_keys(&redis, after, before).await;
    let keys = published(&prepared).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert_eq!(keys, published(&changed).await);

    let patch = json!({"rate_per_second": 1_000});
    let reply = prepared.internal.patch("/v1/admin/queues/demo").bearer(OPERATOR_KEY).json(&patch).send().await;
    assert_eq!(reply.status, 200);
    for (one, other) in [(&prepared, &changed), (&changed, &prepared)] {
        let browser = Browser::new(one).visit().await;
        let admitted = browser.join().await.json();
        // The store's clock is the machine's, and these gateways' is not.
        let at = text(&admitted, "expires_at").parse::<Timestamp>().unwrap() - Duration::from_secs(1);
        let set = serde_json::from_value(published(other).await).unwrap();
        let verifier = ActiveVerifier::from_jwks(&set, "queue-gateway", "ticketing");
        verifier.verify(text(&admitted, "active_token"), at).unwrap();
        let again = other.visitors.post(TOKENS).bearer(&browser.waiting_token()).send().await;
        assert_eq!((again.status.as_u16(), &again.json()["state"]), (200, &"admitted".into()));
        let identity =
            other.visitors.post(TOKENS).header("cookie", &format!("visitor={}", browser.cookie("visitor").unwrap()));
        assert_eq!(identity.send().await.status, 200, "the same visitor by the identity alone");
    }
    let forged =
        gateway_with_keys(&redis, ("nobodys secret that nobody here has in the settings", &next_key), before).await;
    let foreign = Browser::new(&forged).visit().await;
    foreign.join().await;
    let refused = prepared.visitors.get(CURRENT).bearer(&foreign.waiting_token()).send().await;
    assert_problem(&refused, 401, "waiting_token_invalid");
}

async fn published(gateway: &Gateway) -> Value {
    gateway.visitors.get("/.well-known/jwks.json").send().await.json()
}

fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document[key].as_str().unwrap()
}

#[tokio::test]
async fn a_gateway_starts_while_the_store_is_away_and_is_ready_when_it_is_back() {
    let redis = Redis::start().await;
    redis.kill();
    let gateway = Gateway::begin(&settings_on(&redis), clock(), None).await;
    let readiness = gateway.internal.get("/readyz").timeout(Duration::from_secs(10)).send().await;
    assert_problem(&readiness, 503, "not_ready");
    assert_problem(&gateway.visitors.post(TOKENS).send().await, 503, "store_unavailable");
    redis.restart().await;
    gateway.until_ready().await;
    eventually("joins are taken", async || gateway.visitors.post(TOKENS).send().await.status == 201).await;
}

#[tokio::test]
async fn readiness_says_what_of_the_stores_set_up_is_a_risk() {
    let limited = Redis::options().setting("maxmemory", "100mb").setting("maxmemory-policy", "allkeys-lru");
    let redis = limited.start().await;
    let gateway = gateway_on(&redis).await;
    eventually("the risk was found", async || {
        let ready = gateway.internal.get("/readyz").send().await;
        ready.status == 200 && ready.text().contains("set maxmemory-policy to noeviction")
    })
    .await;
}

#[tokio::test]
async fn a_place_is_the_same_on_every_gateway() {
    let redis = Redis::start().await;
    let (one, two) = (gateway_on(&redis).await, gateway_on(&redis).await);
    let (first, _) = one.waiting_visitor().await;
    let (second, _) = two.waiting_visitor().await;
    for gateway in [&one, &two] {
        let rejoined = gateway.visitors.post(TOKENS).bearer(&second).send().await;
        assert_eq!((rejoined.status.as_u16(), &rejoined.json()["position"]), (200, &2.into()));
        gateway.until_poll(&first, "the first place", |place| place["position"] == 1).await;
    }
    assert_eq!(one.visitors.delete(CURRENT).bearer(&first).send().await.status, 204);
    for gateway in [&one, &two] {
        gateway.until_poll(&second, "moved up", |place| place["position"] == 1).await;
        gateway.until_poll(&first, "left", |place| place["state"] == "left").await;
    }
}

#[tokio::test]
async fn an_outage_is_answered_at_once_and_ends_with_everybody_in_their_place() {
    let redis = Redis::start().await;
    let gateway = gateway_on(&redis).await;
    let (first, _) = gateway.waiting_visitor().await;
    let (second, _) = gateway.waiting_visitor().await;
    let (third, _) = gateway.waiting_visitor().await;

    redis.kill();
    let refused = gateway.visitors.post(TOKENS).timeout(Duration::from_secs(5)).send().await;
    assert_problem(&refused, 503, "store_unavailable");
    assert!((1..=5).contains(&refused.header("retry-after").unwrap().parse().unwrap()));
    assert!(!refused.text().contains("127.0.0.1"), "internal text stays inside: {}", refused.text());
    eventually("the gateway says that it is not ready", async || {
        gateway.internal.get("/readyz").send().await.status == 503
    })
    .await;
    assert_eq!(gateway.internal.get("/healthz").send().await.status, 200);
    assert_eq!(gateway.poll(&third).await["position"], 3, "positions are known without the store");
    let entrance = gateway.visitors.get("/v1/queues/demo/enter").bearer(&first);
    let told = entrance.header("sec-fetch-mode", "cors").header("sec-fetch-site", "same-origin").send().await;
    assert_problem(&told, 503, "store_unavailable");

    // It kept nothing on disk: the gateway gives it the line back.
    redis.restart().await;
    gateway.until_ready().await;
    for (token, position) in [(&third, 3), (&second, 2), (&first, 1)] {
        gateway.until_poll(token, "the place is as it was", |place| place["position"] == position).await;
        let rejoined = gateway.visitors.post(TOKENS).bearer(token).send().await;
        assert_eq!((rejoined.status.as_u16(), &rejoined.json()["position"]), (200, &json!(position)));
    }
}

#[tokio::test]
async fn a_store_that_lost_everything_is_given_its_line_back_and_nobody_notices() {
    let redis = Redis::start().await;
    let (one, other) = (gateway_on(&redis).await, gateway_on(&redis).await);
    let rate = |per_second: f64| json!({"rate_per_second": per_second});
    let patch = async |gateway: &Gateway, body: &Value| {
        let reply = gateway.internal.patch("/v1/admin/queues/demo").bearer(OPERATOR_KEY).json(body).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    patch(&one, &rate(1_000.0)).await;
    let (waiting_token, _) = one.admitted_visitor().await;
    patch(&one, &rate(0.0)).await;
    let mut line = Vec::new();
    for _ in 0..20 {
        line.push(one.waiting_visitor().await.0);
    }
    let cookie = format!("waiting_token.demo={}", line[12]);
    let mut stream = SseClient::connect(other.address, "/v1/queues/demo/stream", &[("cookie", &cookie)]).await.unwrap();
    stream.next_event(Duration::from_secs(30)).await.unwrap();
    stream.next_event(Duration::from_secs(30)).await.unwrap();
    one.step().await;
    other.step().await;

    redis.flush().await;
    // Whoever comes meanwhile may have to come again, and is never told of another place.
    eventually("both follow the line again", async || {
        for gateway in [&one, &other] {
            let reply = gateway.visitors.get(CURRENT).bearer(&line[7]).send().await;
            if reply.status == 200 {
                assert_eq!(reply.json()["position"], 8, "{}", reply.text());
            }
            if gateway.internal.get("/readyz").send().await.status != 200 {
                return false;
            }
        }
        one.public_state().await["state"] == "open" && other.public_state().await["state"] == "open"
    })
    .await;
    let state = one.public_state().await;
    assert_eq!((&state["state"], &state["waiting"], &state["active"]), (&json!("open"), &json!(20), &json!(1)));
    assert_eq!(other.poll(&line[19]).await["position"], 20);
    assert_eq!(one.poll(&waiting_token).await["state"], "admitted", "whoever was told so stays admitted");
    let refused = one.visitors.get(CURRENT).bearer(&line[3]).send().await;
    assert_eq!(refused.json()["position"], 4);
    assert_eq!(one.visitors.delete(CURRENT).bearer(&line[3]).send().await.status, 204);
    other.until_poll(&line[19], "one has left", |place| place["position"] == 19).await;
    let newcomer = other.waiting_visitor().await.1;
    assert_eq!(newcomer["position"], 20, "nobody's place is given again");
    assert_eq!(other.visitors.delete(CURRENT).bearer(&waiting_token).send().await.status, 204);
    assert_eq!(one.poll(&waiting_token).await["state"], "left", "and there is no second turn");
    let mut next = stream.next_event(Duration::from_secs(20)).await.unwrap();
    // Of the queue as a whole: that its line is being given back, and then that it is there.
    while next.event == "resumed" {
        next = stream.next_event(Duration::from_secs(20)).await.unwrap();
    }
    assert_eq!(next.event, "position", "the stream was never closed");
}
