//! A queue that opens, drains and closes, as visitors and operators meet it.

use std::{sync::Arc, time::Duration};

use contract::clock::ManualClock;
use serde_json::{Value, json};
use testkit::{Event, Reply, SseClient, eventually};

use crate::{
    browser::Browser,
    fixture::{Gateway, OPERATOR_KEY, assert_problem, settings_text},
};

const QUEUE: &str = "/v1/admin/queues/demo";
/// The clock begins two minutes before the opening.
const OPENS_AT: &str = "2027-01-15T08:02:00Z";

impl Gateway {
    /// Opens in two minutes, takes joins in the last of them, and closes two minutes later.
    async fn with_hours() -> Self {
        Self::with_hours_and("").await
    }

    /// The same with more settings of the queue.
    async fn with_hours_and(more: &str) -> Self {
        let admission = format!(
            r#"{{ mode = "fixed", rate_per_second = 10, active_cap = 10 }}, schedule = {{ opens_at = "{OPENS_AT}",
            pre_queue = "1m", closes_at = "2027-01-15T08:04:00Z" }}{more}"#
        );
        Self::start(&settings_text(&admission.replace('\n', " "), ""), clock(), None).await
    }

    async fn ask(&self, order: &str) -> Reply {
        self.internal.post(&format!("{QUEUE}/{order}")).bearer(OPERATOR_KEY).header("operator-name", "Ada").send().await
    }

    async fn patch(&self, change: Value) -> Reply {
        self.internal.patch(QUEUE).bearer(OPERATOR_KEY).json(&change).send().await
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_second(1_800_000_000))
}

async fn stream(gateway: &Gateway, browser: &Browser<'_>) -> SseClient {
    let cookies = browser.cookies();
    let mut stream =
        SseClient::connect(gateway.address, "/v1/queues/demo/stream", &[("cookie", &cookies)]).await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(next(&mut stream).await.event, "position");
    assert_eq!(next(&mut stream).await.event, "resumed");
    stream
}

async fn next(stream: &mut SseClient) -> Event {
    stream.next_event(Duration::from_secs(30)).await.unwrap()
}

fn data(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

#[tokio::test]
async fn joins_are_refused_until_the_pre_queue_and_told_when_that_is() {
    let gateway = Gateway::with_hours().await;
    let browser = Browser::new(&gateway).visit().await;
    let refused = browser.join().await;
    assert_problem(&refused, 409, "queue_scheduled");
    let pause: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((61..=62).contains(&pause), "{pause}");
    let problem = refused.json();
    assert_eq!(problem["joins_from"], "2027-01-15T08:01:00Z");
    assert_eq!((&problem["opens_at"], &problem["opening"]), (&json!(OPENS_AT), &json!("fifo")));
    assert_eq!(problem["redirect_to"], "https://shop.test/seats");
    let state = gateway.public_state().await;
    assert_eq!((&state["state"], &state["opens_at"]), (&json!("scheduled"), &json!(OPENS_AT)));
    assert_eq!(
        (&state["joins_from"], &state["closes_at"]),
        (&json!("2027-01-15T08:01:00Z"), &json!("2027-01-15T08:04:00Z"))
    );

    gateway.later(60).await;
    assert_eq!(gateway.public_state().await["state"], "pre_queue");
    let joined = browser.join().await;
    assert_eq!(joined.status, 201, "{}", joined.text());
    let place = joined.json();
    assert_eq!((&place["state"], &place["position"]), (&json!("pre_queue"), &json!(1)));
    assert_eq!((&place["opens_at"], &place["wait_seconds"]), (&json!(OPENS_AT), &Value::Null));
    let pause = place["poll_after_seconds"].as_u64().unwrap();
    assert!((60..=75).contains(&pause), "asked to come when it opens: {pause}");
}

#[tokio::test]
async fn nobody_proves_work_for_a_place_that_is_not_given() {
    let gateway = Gateway::with_hours_and(", proof_of_work = { bits = 8 }").await;
    assert_problem(&Browser::new(&gateway).visit().await.join().await, 409, "queue_scheduled");
    gateway.later(60).await;
    assert_problem(&Browser::new(&gateway).visit().await.join().await, 428, "proof_of_work_required");
    gateway.ask("close").await;
    gateway.step().await;
    assert_problem(&Browser::new(&gateway).visit().await.join().await, 410, "queue_closed");
}

#[tokio::test]
async fn everybody_who_listens_hears_of_the_opening_and_of_the_closing() {
    let gateway = Gateway::with_hours().await;
    gateway.later(60).await;
    let (first, second) = (Browser::new(&gateway).visit().await, Browser::new(&gateway).visit().await);
    first.join().await;
    second.join().await;
    let mut listening = stream(&gateway, &second).await;
    gateway.later(59).await;
    assert_eq!(second.place().await["state"], "pre_queue");
    gateway.later(1).await;
    let opened = data(&next(&mut listening).await);
    assert_eq!((&opened["state"], &opened["position"]), (&json!("waiting"), &json!(2)));
    assert_eq!(opened.get("opens_at"), None);

    let reply = gateway.ask("close").await;
    assert_eq!((reply.status.as_u16(), &reply.json()["state"]), (200, &json!("closed")));
    let closed = next(&mut listening).await;
    assert_eq!((closed.event.as_str(), &data(&closed)["state"]), ("closed", &json!("closed")));
    assert_eq!(second.place().await["state"], "closed");
    let again = stream_of_a_closed_queue(&gateway, &second).await;
    assert_eq!(again["state"], "closed");
    let newcomer = Browser::new(&gateway).visit().await;
    assert_problem(&newcomer.join().await, 410, "queue_closed");

    gateway.ask("open").await;
    eventually("it is open again", async || gateway.public_state().await["state"] == "open").await;
    assert_eq!(second.join().await.json()["state"], "waiting", "places are kept");
}

async fn stream_of_a_closed_queue(gateway: &Gateway, browser: &Browser<'_>) -> Value {
    let cookies = browser.cookies();
    let mut stream =
        SseClient::connect(gateway.address, "/v1/queues/demo/stream", &[("cookie", &cookies)]).await.unwrap();
    let only = next(&mut stream).await;
    assert_eq!(only.event, "closed");
    data(&only)
}

#[tokio::test]
async fn an_operator_opens_ahead_of_time_drains_and_closes() {
    let gateway = Gateway::with_hours().await;
    let opened = gateway.ask("open").await.json();
    assert_eq!((&opened["state"], &opened["opens_at"]), (&json!("open"), &json!("2027-01-15T08:00:00Z")));
    assert_eq!(opened["settings"]["opens_at"], OPENS_AT);
    assert_eq!(opened["overrides"]["opens_at"], "2027-01-15T08:00:00Z");
    gateway.later(1).await;
    assert_eq!(Browser::new(&gateway).visit().await.join().await.status, 201);

    let drained = gateway.ask("drain").await.json();
    assert_eq!((&drained["state"], &drained["drains_at"]), (&json!("draining"), &json!("2027-01-15T08:00:01Z")));
    assert_problem(&Browser::new(&gateway).visit().await.join().await, 409, "queue_draining");
    assert_eq!(gateway.ask("drain").await.json()["revision"], drained["revision"], "repeating is harmless");

    let closed = gateway.ask("close").await.json();
    assert_eq!(
        (&closed["state"], &closed["overrides"]["closes_at"]),
        (&json!("closed"), &json!("2027-01-15T08:00:01Z"))
    );
    let record = gateway.internal.get(&format!("{QUEUE}/changes?limit=3")).bearer(OPERATOR_KEY).send().await.json();
    let what: Vec<_> = record["changes"].as_array().unwrap().iter().map(|change| change["what"].clone()).collect();
    assert_eq!(what, [json!("closes_at"), json!("drains_at"), json!("opens_at")]);
    assert_eq!(record["changes"][0]["to"], "2027-01-15T08:00:01Z");
    assert_eq!(record["changes"][0]["by"], "Ada");
}

#[tokio::test]
async fn an_operator_moves_the_times_and_takes_them_back() {
    let gateway = Gateway::with_hours().await;
    let moved = gateway.patch(json!({"opens_at": "2027-01-15T09:00:00+01:00", "closes_at": "never"})).await.json();
    assert_eq!((&moved["state"], &moved["closes_at"]), (&json!("open"), &Value::Null));
    assert_eq!(moved["overrides"]["closes_at"], "never");
    let later = gateway.patch(json!({"opens_at": "2027-01-15T08:30:00Z"})).await.json();
    assert_eq!(later["state"], "scheduled");
    let back = gateway.patch(json!({"opens_at": null, "closes_at": null})).await.json();
    assert_eq!((&back["opens_at"], &back["closes_at"]), (&json!(OPENS_AT), &json!("2027-01-15T08:04:00Z")));

    let backwards = gateway.patch(json!({"opens_at": "2027-01-15T08:04:00Z"})).await;
    assert_problem(&backwards, 422, "invalid_control");
    for nonsense in [json!({"opens_at": "tomorrow"}), json!({"closes_at": 7}), json!({"opens_at": "never"})] {
        let refused = gateway.patch(nonsense).await;
        assert!(refused.status.is_client_error(), "{}", refused.text());
    }
    assert_eq!(gateway.patch(json!({})).await.json()["revision"], back["revision"]);
}

#[tokio::test]
async fn a_reload_moves_the_opening_and_a_file_with_nonsense_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue-gateway.toml");
    let text = settings_text(
        &format!(
            r#"{{ mode = "fixed", rate_per_second = 1, active_cap = 10 }}, schedule = {{ opens_at = "{OPENS_AT}" }}"#
        ),
        "",
    );
    std::fs::write(&file, &text).unwrap();
    let gateway = Gateway::start(&text, clock(), Some(&file)).await;
    assert_eq!(gateway.public_state().await["state"], "pre_queue");
    std::fs::write(&file, text.replace(OPENS_AT, "soon")).unwrap();
    gateway.until_refused_reloads(1).await;
    gateway.step().await;
    assert_eq!(gateway.public_state().await["opens_at"], OPENS_AT);
    std::fs::write(&file, text.replace(OPENS_AT, "2027-01-15T18:00:00Z")).unwrap();
    eventually("it is put off", async || gateway.public_state().await["state"] == "scheduled").await;
}
