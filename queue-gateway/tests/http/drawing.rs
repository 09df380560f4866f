//! A queue that opens by draw, from the first number to the checked outcome.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use contract::clock::ManualClock;
use queue_gateway::draw::{VerifyDraw, VerifyDrawError};
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    browser::Browser,
    fixture::{CURRENT, Gateway, OPERATOR_KEY, assert_problem, settings_text},
};

const QUEUE: &str = "/v1/admin/queues/demo";
const DRAW: &str = "/v1/queues/demo/draw";
const RECEIPT: &str = "/v1/queues/demo/draw/receipt";

impl Gateway {
    /// Opens by draw in a minute; joins are taken.
    async fn with_draw(more: &str) -> Self {
        let admission = format!(
            r#"{{ mode = "fixed", rate_per_second = 1, active_cap = 10 }}, schedule = {{ opens_at = "2027-01-15T08:01:00Z",
            opening = "draw"{more} }}"#
        );
        let clock = Arc::new(ManualClock::at_second(1_800_000_000));
        Self::start(&settings_text(&admission.replace('\n', " "), ""), clock, None).await
    }

    async fn published(&self) -> Value {
        let reply = self.visitors.get(DRAW).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    async fn change(&self, change: Value) -> testkit::Reply {
        self.internal.patch(QUEUE).bearer(OPERATOR_KEY).json(&change).send().await
    }

    async fn until_open(&self) {
        eventually("all places are dealt", async || self.public_state().await["state"] == "open").await;
    }
}

#[tokio::test]
async fn a_draw_is_committed_to_made_and_checked_by_anybody() {
    let gateway = Gateway::with_draw("").await;
    let before = gateway.published().await;
    let commitment = before["commitment"].as_str().unwrap().to_owned();
    assert_eq!((commitment.len(), &before["n"], &before["secret"]), (64, &Value::Null, &Value::Null));
    let state = gateway.public_state().await;
    assert_eq!((&state["opening"], &state["draw"]["commitment"]), (&json!("draw"), &json!(commitment)));

    let mut browsers = Vec::new();
    for number in 1..=20 {
        let browser = Browser::new(&gateway).visit().await;
        let place = browser.join().await.json();
        assert_eq!(
            (&place["state"], &place["number"], &place["opening"]),
            (&json!("pre_queue"), &json!(number), &json!("draw"))
        );
        assert_eq!((&place["position"], &place["behind"]), (&Value::Null, &Value::Null), "a number is no position");
        browsers.push(browser);
    }
    let receipt = gateway.visitors.get(RECEIPT).header("cookie", &browsers[6].cookies()).send().await;
    assert_eq!((receipt.status.as_u16(), &receipt.json()["number"]), (200, &json!(7)), "{}", receipt.text());
    browsers[2].leave().await;

    // Nobody is admitted, so that all positions can be compared.
    gateway.change(json!({"rate_per_second": 0})).await;
    gateway.clock.advance(Duration::from_mins(1));
    gateway.until_open().await;
    gateway.clock.advance(Duration::from_secs(6));
    gateway.step().await;
    let published = gateway.published().await;
    assert_eq!((&published["n"], &published["beacon"]), (&json!(20), &json!("")));
    let place = browsers[6].place().await;
    assert_eq!((&place["state"], &place["number"]), (&json!("waiting"), &json!(7)), "{place}");

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let keys = gateway.visitors.get("/.well-known/jwks.json").send().await.text();
    let verify = |data: &Value| VerifyDraw {
        data: file("draw.json", &data.to_string()),
        commitment: Some(commitment.clone()),
        receipt: vec![file("receipt.json", &receipt.text())],
        keys: Some(file("keys.json", &keys)),
        number: vec![3],
    };
    let mut answer = Vec::new();
    verify(&published).run(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let ahead = place["position"].as_u64().unwrap() - 1;
    assert!(answer.contains("20 numbers took part"), "{answer}");
    assert!(answer.contains("Number 7 drew place") && answer.contains(&format!("{ahead} of those before")), "{answer}");
    assert!(answer.contains("Number 3 drew place") && answer.contains("no longer in the line"), "{answer}");
    // The same as anybody would call it.
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_queue-gateway"));
        command.args(["verify-draw", "--data"]).arg(folder.path().join("draw.json"));
        command
    };
    let checked = command().args(["--commitment", &commitment, "--number", "3"]).output().unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success() && said.contains("Number 3 drew place"), "{said}");
    let forged = command().args(["--commitment", &"0".repeat(64)]).output().unwrap();
    let said = String::from_utf8(forged.stderr).unwrap();
    assert!(!forged.status.success() && said.contains("noted beforehand"), "{said}");

    let forged = |field: &str, value: Value| {
        let mut forged = published.clone();
        forged[field] = value;
        verify(&forged).run(&mut Vec::new()).unwrap_err()
    };
    assert!(matches!(forged("secret", json!("00".repeat(32))), VerifyDrawError::Forged(_)));
    assert!(matches!(forged("commitment", json!("00".repeat(32))), VerifyDrawError::OtherCommitment { .. }));
    assert!(matches!(forged("n", json!(6)), VerifyDrawError::Forged(_)));
    assert!(matches!(forged("beacon", json!("chosen")), VerifyDrawError::Forged(_)));
    assert!(matches!(forged("epoch", json!(1)), VerifyDrawError::Forged(_)));
    assert!(matches!(forged("issuer", json!("somebody")), VerifyDrawError::Unreadable { .. }));
    let missing = VerifyDraw { data: Path::new("nowhere.json").to_owned(), ..verify(&published) };
    assert!(missing.run(&mut Vec::new()).unwrap_err().to_string().contains("nowhere.json"));
}

#[tokio::test]
async fn all_who_listen_or_poll_hear_of_their_drawn_places() {
    let gateway = Gateway::with_draw("").await;
    let (first, second) = (Browser::new(&gateway).visit().await, Browser::new(&gateway).visit().await);
    first.join().await;
    second.join().await;
    let number_cookie = second.cookie("waiting_token.demo");
    gateway.clock.advance(Duration::from_mins(1));
    gateway.until_open().await;
    let late = Browser::new(&gateway).visit().await;
    let late_place = late.join().await.json();
    assert_eq!((&late_place["position"], late_place.get("number")), (&json!(3), None));
    let mut positions = [first.place().await, second.place().await].map(|place| place["position"].as_u64().unwrap());
    positions.sort_unstable();
    assert_eq!(positions, [1, 2]);
    assert_ne!(second.cookie("waiting_token.demo"), number_cookie, "the place itself is in the token from now on");
    assert_eq!(second.place().await["number"], 2);
    let receipt = gateway.visitors.get(RECEIPT).header("cookie", &second.cookies()).send().await;
    assert_eq!(receipt.json()["number"], 2, "also with the new token");
    let none = gateway.visitors.get(RECEIPT).header("cookie", &late.cookies()).send().await;
    assert_problem(&none, 404, "no_draw");
}

#[tokio::test]
async fn an_operator_says_the_beacon_once_and_not_before_the_opening() {
    let gateway = Gateway::with_draw(r#", beacon_source = "drand round 4242""#).await;
    let browser = Browser::new(&gateway).visit().await;
    browser.join().await;
    assert_problem(&gateway.change(json!({"beacon": "too early"})).await, 409, "draw_settled");
    assert_problem(&gateway.change(json!({"opening": "fifo"})).await, 409, "draw_settled");
    gateway.clock.advance(Duration::from_mins(1));
    gateway.step().await;
    let state = gateway.public_state().await;
    assert_eq!(
        (&state["state"], &state["draw"]["n"], &state["draw"]["secret"]),
        (&json!("pre_queue"), &json!(1), &Value::Null)
    );
    assert_eq!(state["draw"]["beacon_source"], "drand round 4242");
    assert_eq!(browser.place().await["state"], "pre_queue");
    assert_problem(&gateway.change(json!({"beacon": ""})).await, 422, "invalid_control");
    assert_eq!(gateway.change(json!({"beacon": "0xfeed"})).await.status, 200);
    assert_problem(&gateway.change(json!({"beacon": "0xbeef"})).await, 409, "draw_settled");
    gateway.until_open().await;
    assert_eq!(gateway.public_state().await["draw"]["beacon"], "0xfeed");
    let record = gateway.internal.get(&format!("{QUEUE}/changes?limit=1")).bearer(OPERATOR_KEY).send().await.json();
    assert_eq!((&record["changes"][0]["what"], &record["changes"][0]["to"]), (&json!("beacon"), &json!("0xfeed")));
}

#[tokio::test]
async fn a_queue_without_a_draw_has_nothing_to_show_of_one() {
    let gateway = Gateway::open().await;
    assert_problem(&gateway.visitors.get(DRAW).send().await, 404, "no_draw");
    let (token, _) = gateway.waiting_visitor().await;
    assert_problem(&gateway.visitors.get(RECEIPT).bearer(&token).send().await, 404, "no_draw");
    assert_problem(&gateway.visitors.get(RECEIPT).send().await, 401, "waiting_token_missing");
    assert_problem(&gateway.change(json!({"beacon": "4242"})).await, 409, "draw_settled");
    assert_eq!(gateway.visitors.get(CURRENT).bearer(&token).send().await.json().get("number"), None);
}
