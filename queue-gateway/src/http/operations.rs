//! The operations port: metrics, and whether this gateway lives and can serve.

use std::sync::Arc;

use axum::Router;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::mirror::Mirrors;

/// Ready means that the last tick of every queue reached the store: joins will be answered and positions are current.
/// A gateway that is stopping is not ready, so that no new visitors are sent to it.
pub fn router(registry: Registry, mirrors: Arc<Mirrors>, shutdown: CancellationToken) -> Router {
    service::operations::router(registry, move || {
        let answer = if shutdown.is_cancelled() { Err("stopping".to_owned()) } else { followed(&mirrors) };
        async move { answer }
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
