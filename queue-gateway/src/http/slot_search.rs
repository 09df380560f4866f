//! The queue of a slot of which perhaps only the id is known.

use std::sync::Arc;

use contract::ids::QueueName;
use futures_util::{StreamExt, stream};
use service::problem::Problem;

use super::{Gateway, error};
use crate::{engine::EngineError, waiting_room::Queue};

/// Queues that are asked at one time: a dead node of several costs each of its queues a timeout.
pub(super) const ASKED_AT_ONCE: usize = 64;

/// The queue of this name; all of them without one.
pub(super) fn queues<'g>(gateway: &'g Gateway, name: Option<&QueueName>) -> Result<Vec<&'g Arc<Queue>>, Problem> {
    match name {
        Some(name) => Ok(vec![gateway.queues.get(name.as_str()).ok_or_else(error::queue_not_found)?]),
        None => Ok(gateway.queues.values().collect()),
    }
}

/// What that one of the queues says which has the slot. One that cannot be asked keeps nobody from asking the others;
/// it is an error when none of these has the slot, since it may be there.
pub(super) async fn find<R>(
    asked: Vec<impl Future<Output = Result<Option<R>, EngineError>>>,
) -> Result<Option<R>, EngineError> {
    let mut replies = stream::iter(asked).buffer_unordered(ASKED_AT_ONCE);
    let mut failure = None;
    while let Some(reply) = replies.next().await {
        match reply {
            Ok(None) => {}
            Ok(found) => return Ok(found),
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(None), Err)
}
