//! Asks those whose visit was over what has become of their places: a turn is given once.

use std::sync::Arc;

use anyhow::Context;
use tokio::{sync::Semaphore, task::JoinSet};

use super::visit::{Outcome, Visit};

/// Questions at one time.
const AT_ONCE: usize = 64;

/// Notes in each report what the visitor is told now. Ghosts and those who failed are left out: their places may last.
pub(super) async fn ask(visits: &mut [Visit]) -> anyhow::Result<()> {
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut questions = JoinSet::new();
    for (number, visit) in visits.iter().enumerate() {
        if matches!(visit.report.outcome, Outcome::Haunted { .. } | Outcome::Failed(_)) {
            continue;
        }
        let (gate, browser) = (Arc::clone(&gate), visit.browser.clone());
        questions.spawn(async move {
            let _turn = gate.acquire().await?;
            anyhow::Ok((number, browser.ask_for_old_place().await?))
        });
    }
    while let Some(answer) = questions.join_next().await {
        let (number, document) = answer.context("a question's task failed")??;
        visits[number].report.afterwards = document.map(|document| document.state);
    }
    Ok(())
}
