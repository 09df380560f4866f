//! Watches how the store is set up, and says what of it puts the line at risk: in the log when it is found, and in
//! `/readyz`.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use crate::engine::{QueueEngine, Risk};

/// Somebody may change the set-up while we run.
const LOOKS_EVERY: Duration = Duration::from_mins(1);
/// Until the store has answered.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The risks that were found last.
#[derive(Clone, Debug, Default)]
pub struct StoreRisks(Arc<ArcSwap<Vec<Risk>>>);

impl StoreRisks {
    /// A sentence for each.
    pub fn remarks(&self) -> Vec<String> {
        self.0.load().iter().map(Risk::to_string).collect()
    }

    /// Looks for as long as it runs.
    pub async fn watch(self, engine: Arc<dyn QueueEngine>) {
        loop {
            let pause = match engine.risks().await {
                Ok(found) => {
                    self.note(found);
                    LOOKS_EVERY
                }
                // Those who use the store tell of its outage.
                Err(_) => LOOKS_AGAIN_AFTER,
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn note(&self, found: Vec<Risk>) {
        let known = self.0.load();
        for risk in found.iter().filter(|risk| !known.contains(risk)) {
            tracing::warn!(%risk, "the queue store's set-up puts the line at risk");
        }
        for risk in known.iter().filter(|risk| !found.contains(risk)) {
            tracing::info!(%risk, "this risk is no longer found in the queue store's set-up");
        }
        self.0.store(Arc::new(found));
    }
}
