//! The operations port: metrics, and whether this gateway lives and can serve.

use std::sync::Arc;

use axum::Router;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::replica::Replicas;

/// Ready means that the last tick of every queue reached the store: joins will be answered and positions are current.
/// A gateway that is stopping is not ready, so that no new visitors are sent to it.
pub fn router(registry: Registry, replicas: Arc<Replicas>, shutdown: CancellationToken) -> Router {
    shared::operations::router(registry, move || {
        let answer = if shutdown.is_cancelled() { Err("stopping".to_owned()) } else { followed(&replicas) };
        async move { answer }
    })
}

fn followed(replicas: &Replicas) -> Result<(), String> {
    let behind: Vec<&str> =
        replicas.iter().filter(|replica| !replica.is_current()).map(|replica| replica.queue().as_str()).collect();
    if behind.is_empty() {
        return Ok(());
    }
    Err(format!("the queue store has not answered the last tick of: {}", behind.join(", ")))
}
