//! The operations port: metrics, and whether this gateway lives and can serve.

use std::sync::Arc;

use axum::Router;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::{engine::QueueEngine, mirror::Mirrors, store_risks::StoreRisks};

/// Ready means that the last step of some queue reached the store, and that it answers, since queues may rest: joins
/// will be answered and positions are current. Queues that are behind are named, and keep the gateway from its work for
/// the others only when all are: one dead node of a Cluster would otherwise take every gateway out of the balancer, and
/// all queues with it. A gateway that is stopping is not ready, so that no new visitors are sent to it.
pub fn router(
    registry: Registry,
    mirrors: Arc<Mirrors>,
    engine: Arc<dyn QueueEngine>,
    risks: StoreRisks,
    shutdown: CancellationToken,
) -> Router {
    service::operations::router(registry, move || {
        let answer = if shutdown.is_cancelled() { Err("stopping".to_owned()) } else { followed(&mirrors) };
        let (engine, risks) = (engine.clone(), risks.remarks());
        async move {
            let behind = answer?;
            engine.ping().await.map_err(|error| {
                tracing::debug!(%error, "the queue store does not answer");
                "the queue store does not answer".to_owned()
            })?;
            Ok(behind.into_iter().chain(risks).collect())
        }
    })
}

/// A sentence about the queues that are behind, if there are any; as an error when all are.
fn followed(mirrors: &Mirrors) -> Result<Option<String>, String> {
    let behind: Vec<&str> =
        mirrors.iter().filter(|mirror| !mirror.is_current()).map(|mirror| mirror.queue().as_str()).collect();
    if behind.is_empty() {
        return Ok(None);
    }
    let remark = format!("the queue store has not answered the last tick of: {}", behind.join(", "));
    if behind.len() < mirrors.iter().count() { Ok(Some(remark)) } else { Err(remark) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_ready_unless_all_of_its_queues_are_behind() {
        let mirrors = Mirrors::new(["autumn", "spring", "winter"].map(|queue| queue.parse().unwrap()));
        let remark = "the queue store has not answered the last tick of:".to_owned();
        assert_eq!(followed(&mirrors), Err(remark.clone() + " autumn, spring, winter"));
        let mut queues = mirrors.iter();
        queues.next().unwrap().set_current(true);
        assert_eq!(followed(&mirrors), Ok(Some(remark + " spring, winter")));
        queues.for_each(|mirror| mirror.set_current(true));
        assert_eq!(followed(&mirrors), Ok(None));
    }
}
