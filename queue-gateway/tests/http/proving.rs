//! Newcomers prove some work before they join, where the queue asks for it.

use std::sync::Arc;

use contract::clock::ManualClock;
use serde_json::Value;
use sha2::{Digest, Sha256};
use testkit::Reply;

use crate::{
    browser::Browser,
    fixture::{Gateway, ONE_PER_SECOND, TOKENS, assert_problem, settings_text},
};

/// Of a whole byte.
const BITS: usize = 8;

/// A gateway that asks for proof above so many joins a second.
async fn asking(above_joins_per_second: u32) -> Gateway {
    let work = format!(
        "proof_of_work = {{ bits = {BITS}, above_joins_per_second = {above_joins_per_second} }}, title = \"Demo\""
    );
    let text = settings_text(ONE_PER_SECOND, "").replace("title = \"Demo\"", &work);
    Gateway::start(&text, Arc::new(ManualClock::at_second(1_800_000_000)), None).await
}

fn is_solved(proof: &str) -> bool {
    Sha256::digest(proof)[0] == 0
}

/// A proof for the challenge of a refusal that solves it, or not.
fn proof(refused: &Value, solves: bool) -> String {
    let challenge = refused["challenge"].as_str().unwrap();
    let mut proofs = (0..100_000).map(|number| format!("{challenge}.{number}"));
    proofs.find(|proof| is_solved(proof) == solves).unwrap()
}

async fn join(gateway: &Gateway, proof: &str) -> Reply {
    gateway.visitors.post(TOKENS).header("proof-of-work", proof).send().await
}

#[tokio::test]
async fn a_newcomer_joins_with_a_solution_and_gets_one_place_for_it() {
    let gateway = asking(0).await;
    let refused = gateway.visitors.post(TOKENS).send().await;
    assert_problem(&refused, 428, "proof_of_work_required");
    assert_eq!(refused.json()["bits"], BITS);
    let wrong = join(&gateway, &proof(&refused.json(), false)).await;
    assert_problem(&wrong, 428, "proof_of_work_required");
    let solution = proof(&refused.json(), true);
    assert_eq!(join(&gateway, &solution).await.status, 201);
    let again = join(&gateway, &solution).await;
    assert_eq!((again.status.as_u16(), again.json()["position"].as_u64()), (200, Some(1)), "one solution, one place");
}

#[tokio::test]
async fn a_browser_that_holds_its_place_proves_nothing_more() {
    let gateway = asking(0).await;
    let browser = Browser::new(&gateway).visit().await;
    let refused = browser.join().await;
    assert_problem(&refused, 428, "proof_of_work_required");
    let joined = browser.join_with_proof(&proof(&refused.json(), true)).await;
    assert_eq!(joined.status, 201, "{}", joined.text());
    assert_eq!(browser.join().await.status, 200);
    assert_eq!(browser.leave().await.status, 204);
    assert_problem(&browser.join().await, 428, "proof_of_work_required");
}

#[tokio::test]
async fn proof_is_asked_for_above_the_rate_alone() {
    let gateway = asking(3).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(gateway.visitors.post(TOKENS).send().await.status.as_u16());
    }
    assert_eq!(statuses[..3], [201; 3]);
    assert!(statuses[3..].contains(&428), "{statuses:?}");
}
