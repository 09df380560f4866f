//! The operations port: metrics, and whether this gateway lives and can serve.

use std::sync::Arc;

use axum::Router;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::{engine::QueueEngine, mirror::Mirrors, store_risks::StoreRisks};

/// Ready means that the last step of every queue reached the store, and that it answers, since queues may rest: joins will be
/// answered and positions are current. A gateway that is stopping is not ready, so that no new visitors are sent to it.
pub fn router(
    registry: Registry,
    mirrors: Arc<Mirrors>,
    engine: Arc<dyn QueueEngine>,
    risks: StoreRisks,
    shutdown: CancellationToken,
) -> Router {
    service::operations::router(registry, move || {
        let answer = if shutdown.is_cancelled() { Err("stopping".to_owned()) } else { followed(&mirrors) };
        let (engine, remarks) = (engine.clone(), risks.remarks());
        async move {
            answer?;
            engine.ping().await.map_err(|error| {
                tracing::debug!(%error, "the queue store does not answer");
                "the queue store does not answer".to_owned()
            })?;
            Ok(remarks)
        }
    })
}

fn followed(mirrors: &Mirrors) -> Result<(), String> {
    let behind: Vec<&str> =
        mirrors.iter().filter(|mirror| !mirror.is_current()).map(|mirror| mirror.queue().as_str()).collect();
    if behind.is_empty() {
        return Ok(());
    }
    Err(format!("the queue store has not answered the last tick of: {}", behind.join(", ")))
}
