use std::{sync::Arc, time::Duration};

use contract::clock::ManualClock;
use serde_json::{Value, json};
use testkit::{Reply, Request, eventually};

use crate::fixture::{Gateway, ONE_PER_SECOND, OPERATOR_KEY, SERVICE_KEY, TOKENS, assert_problem, settings_text};

const QUEUE: &str = "/v1/admin/queues/demo";

async fn patch(gateway: &Gateway, change: &Value) -> Reply {
    gateway.internal.patch(QUEUE).bearer(OPERATOR_KEY).header("operator-name", "Ada").json(change).send().await
}

async fn order(gateway: &Gateway, order: &str) -> Value {
    let reply = gateway.internal.post(&format!("{QUEUE}/{order}")).bearer(OPERATOR_KEY).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

async fn shown(gateway: &Gateway) -> Value {
    gateway.internal.get(QUEUE).bearer(OPERATOR_KEY).send().await.json()
}

#[tokio::test]
async fn an_operator_sees_what_governs_a_queue() {
    let gateway = Gateway::open().await;
    gateway.waiting_visitor().await;
    gateway.step().await;
    let reply = gateway.internal.get(QUEUE).bearer(OPERATOR_KEY).send().await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, Some("no-store")));
    assert_eq!(
        reply.json(),
        json!({
            "queue": "demo", "state": "open", "waiting": 1, "invited": 0, "present": 1, "parked": 0, "ready": 1,
            "active": 0, "unclaimed": 0, "networks_held_back": 0, "held_back": [],
            "admitted_total": 0, "admitted_invited_total": 0, "arrived_total": 0, "no_shows_total": 0, "not_claimed_total": 0,
            "rate_per_second": 1.0, "active_cap": 10, "opens_at": null, "opening": "fifo", "closes_at": null, "drains_at": null, "draw": null,
            "settings": {
                "rate_per_second": 1.0, "active_cap": 10, "opens_at": null, "opening": "fifo", "closes_at": null,
            },
            "overrides": {
                "rate_per_second": null, "active_cap": null, "opens_at": null, "opening": null, "closes_at": null,
            },
            "message": null, "revision": reply.json()["revision"],
        })
    );
}

#[tokio::test]
async fn an_operators_rate_and_cap_hold_until_they_are_taken_back() {
    let gateway = Gateway::open().await;
    let reply = patch(&gateway, &json!({"rate_per_second": 2.5, "active_cap": 3})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let changed = reply.json();
    assert_eq!((&changed["rate_per_second"], &changed["active_cap"]), (&json!(2.5), &json!(3)));
    assert_eq!(changed["changed"]["by"], "Ada");
    assert!(changed["changed"]["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());

    let kept = patch(&gateway, &json!({"message": "Back soon"})).await.json();
    assert_eq!((&kept["rate_per_second"], &kept["message"]), (&json!(2.5), &json!("Back soon")));
    let back = patch(&gateway, &json!({"rate_per_second": null, "message": null})).await.json();
    assert_eq!((&back["rate_per_second"], &back["message"]), (&json!(1.0), &Value::Null));
    let overrides = json!({
        "rate_per_second": null, "active_cap": 3, "opens_at": null, "opening": null, "closes_at": null,
    });
    assert_eq!(back["overrides"], overrides);
    assert_eq!(shown(&gateway).await["revision"], back["revision"]);
}

#[tokio::test]
async fn operators_read_who_changed_what_from_what_to_what() {
    let gateway = Gateway::open().await;
    let changes = async |query: &str| {
        let record = gateway.internal.get(&format!("{QUEUE}/changes{query}")).bearer(OPERATOR_KEY).send().await;
        assert_eq!(
            (record.status.as_u16(), record.header("cache-control")),
            (200, Some("no-store")),
            "{}",
            record.text()
        );
        record.json()
    };
    patch(&gateway, &json!({"rate_per_second": 2.5, "message": "soon"})).await;
    order(&gateway, "pause").await;
    patch(&gateway, &json!({"rate_per_second": null})).await;
    let record = changes("?limit=4").await;
    assert_eq!(record["queue"], "demo");
    let told = record["changes"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|change| json!([change["by"], change["what"], change["from"], change["to"]])).collect();
    assert_eq!(
        told,
        [
            json!(["Ada", "rate_per_second", 2.5, null]),
            json!(["operator", "paused", false, true]),
            json!(["Ada", "message", null, "soon"]),
            json!(["Ada", "rate_per_second", null, 2.5]),
        ]
    );
    assert_eq!(record["changes"][0]["at"], "2027-01-15T08:00:00Z");
    assert_eq!(changes("").await["changes"].as_array().unwrap().len(), 6, "with the pause and the resumption before");
    let refused = gateway.internal.get(&format!("{QUEUE}/changes?limit=x")).bearer(OPERATOR_KEY).send().await;
    assert_problem(&refused, 400, "invalid_query");
    let unknown = gateway.internal.get(&format!("{QUEUE}/changes")).bearer(SERVICE_KEY).send().await;
    assert_problem(&unknown, 401, "operator_key_required");
}

#[tokio::test]
async fn a_raised_rate_admits_more_at_once() {
    let gateway = Gateway::open().await;
    let mut tokens = Vec::new();
    for _ in 0..5 {
        tokens.push(gateway.waiting_visitor().await.0);
    }
    patch(&gateway, &json!({"rate_per_second": 4})).await;
    gateway.pass(1).await;
    for token in &tokens[..4] {
        gateway.until_poll(token, "four are admitted", |place| place["state"] == "admitted").await;
    }
    assert_eq!(gateway.poll(&tokens[4]).await["position"], 1);
}

#[tokio::test]
async fn while_a_queue_is_paused_nobody_is_admitted_and_no_credit_is_banked() {
    let gateway = Gateway::open().await;
    let (first, _) = gateway.waiting_visitor().await;
    let (second, _) = gateway.waiting_visitor().await;
    assert_eq!(order(&gateway, "pause").await["state"], "paused");
    gateway.clock.advance(Duration::from_mins(30));
    // Ticks have passed once the gateway's own picture shows the pause.
    eventually("the pause is seen", async || {
        let public = gateway.public_state().await;
        public["state"] == "paused" && public["waiting"] == 2
    })
    .await;
    let place = gateway.poll(&first).await;
    assert_eq!((&place["state"], &place["wait_seconds"]), (&json!("waiting"), &Value::Null));
    assert_eq!(shown(&gateway).await["admitted_total"], 0);

    assert_eq!(order(&gateway, "resume").await["state"], "open");
    assert_eq!(shown(&gateway).await["admitted_total"], 0, "half an hour's pause is no credit");
    gateway.pass(1).await;
    gateway.until_poll(&first, "the line moves on", |place| place["state"] == "admitted").await;
    assert_eq!(gateway.poll(&second).await["state"], "waiting");
}

#[tokio::test]
async fn an_operators_message_reaches_those_who_wait() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    patch(&gateway, &json!({"message": "Doors open at eight"})).await;
    gateway.until_poll(&token, "the message is told", |place| place["message"] == "Doors open at eight").await;
}

#[tokio::test]
async fn figures_that_make_no_sense_are_refused_and_change_nothing() {
    let gateway = Gateway::open().await;
    let before = shown(&gateway).await;
    for (change, status, code) in [
        (json!({"rate_per_second": -1}), 422, "invalid_control"),
        (json!({"message": "x".repeat(501)}), 422, "invalid_control"),
        (json!({"active_cap": -1}), 400, "invalid_body"),
        (json!({"active_cap": 1.5}), 400, "invalid_body"),
        (json!({"rate_per_second": "fast"}), 400, "invalid_body"),
        (json!({"paused": true}), 400, "invalid_body"),
        (json!("fast"), 400, "invalid_body"),
    ] {
        assert_problem(&patch(&gateway, &change).await, status, code);
    }
    let huge = gateway.internal.patch(QUEUE).bearer(OPERATOR_KEY);
    assert_problem(&huge.body("application/json", r#"{"rate_per_second": 1e999}"#).send().await, 400, "malformed_json");
    assert_eq!(shown(&gateway).await, before);
}

#[tokio::test]
async fn only_operators_govern() {
    let gateway = Gateway::open().await;
    for wrong in [None, Some(""), Some("x"), Some(SERVICE_KEY)] {
        let with = |request: Request| match wrong {
            Some(key) => request.bearer(key),
            None => request,
        };
        for request in [
            gateway.internal.get(QUEUE),
            gateway.internal.patch(QUEUE).json(&json!({})),
            gateway.internal.post(&format!("{QUEUE}/pause")),
            gateway.internal.post(&format!("{QUEUE}/resume")),
            gateway.internal.post(&format!("{QUEUE}/open")),
            gateway.internal.post(&format!("{QUEUE}/drain")),
            gateway.internal.post(&format!("{QUEUE}/close")),
            gateway.internal.get("/v1/admin/queues/nowhere"),
        ] {
            assert_problem(&with(request).send().await, 401, "operator_key_required");
        }
    }
    let nowhere = gateway.internal.get("/v1/admin/queues/nowhere").bearer(OPERATOR_KEY).send().await;
    assert_problem(&nowhere, 404, "queue_not_found");
}

#[tokio::test]
async fn a_changed_settings_file_changes_rate_and_cap_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue-gateway.toml");
    let text = settings_text(ONE_PER_SECOND, "");
    std::fs::write(&file, &text).unwrap();
    let clock = Arc::new(ManualClock::at_second(1_800_000_000));
    let gateway = Gateway::start(&text, clock, Some(&file)).await;
    let in_force = async |rate: f64, cap: u64| {
        eventually("the change is in force", async || {
            let shown = shown(&gateway).await;
            shown["rate_per_second"] == rate && shown["active_cap"] == cap
        })
        .await;
    };
    in_force(1.0, 10).await;
    std::fs::write(&file, text.replace("rate_per_second = 1,", "rate_per_second = 7.5,")).unwrap();
    in_force(7.5, 10).await;
    // Nonsense changes nothing, and does not end the watching.
    std::fs::write(&file, text.replace("rate_per_second = 1,", "rate_per_second = -1,")).unwrap();
    gateway.until_refused_reloads(1).await;
    gateway.step().await;
    in_force(7.5, 10).await;
    let measured = r#"{ mode = "measured", database_tps = 1000, utilisation = 0.75, transactions_per_user = 6,
        mean_session_seconds = 300 }"#
        .replace('\n', " ");
    std::fs::write(&file, settings_text(&measured, "")).unwrap();
    in_force(125.0, 37_500).await;
    assert_eq!(gateway.visitors.post(TOKENS).send().await.status, 201);
}
