//! Joins of one queue, as many in one step of the store as have come meanwhile: an opening brings thousands at once.

use std::{sync::Arc, time::Duration};

use contract::ids::QueueName;
use service::gathering::{Asker, Gathering, gathering, unless_it_panics};

use crate::{
    engine::{EngineError, MOST_JOINS, QueueEngine},
    line::{JoinReply, JoinRequest},
};

/// How long a join may take, the waiting for its step included: twice what one call to the store may. While the store
/// hangs, requests must not pile up and keep everybody else's connections from being accepted.
const LASTS_AT_MOST: Duration = Duration::from_secs(2);

type Reply = Result<JoinReply, EngineError>;

/// Asks the store for places.
#[derive(Debug)]
pub struct Joins(Asker<JoinRequest, Reply>);

impl Joins {
    /// Joins of a queue, and the loop that does them; it ends when this is dropped.
    pub fn of(engine: Arc<dyn QueueEngine>, queue: QueueName) -> (Self, impl Future<Output = ()> + Send) {
        // Two steps' worth. Those beyond wait all the same, each in its request.
        let (asker, gathered) = gathering(2 * MOST_JOINS);
        (Self(asker), join_for(engine, queue, gathered))
    }

    /// A join, as [`QueueEngine::join_many`] describes it. One that is dropped before its step begins is not done.
    pub async fn join(&self, request: JoinRequest) -> Reply {
        let unavailable = |why: &str| Err(EngineError::Unavailable(why.to_owned()));
        match tokio::time::timeout(LASTS_AT_MOST, self.0.ask(request)).await {
            Ok(Some(reply)) => reply,
            Ok(None) => unavailable("the join was left without a reply"),
            Err(_) => unavailable("joins before this one take too long"),
        }
    }
}

async fn join_for(engine: Arc<dyn QueueEngine>, queue: QueueName, mut gathered: Gathering<JoinRequest, Reply>) {
    while let Some(requests) = gathered.questions(MOST_JOINS).await {
        let replies = unless_it_panics(join_all(&*engine, &queue, requests)).await;
        gathered.answer(replies.into_iter().flatten());
    }
}

async fn join_all(engine: &dyn QueueEngine, queue: &QueueName, requests: &[JoinRequest]) -> Vec<Reply> {
    match engine.join_many(queue, requests).await {
        Ok(replies) => replies.into_iter().map(Ok).collect(),
        // What the store holds of one visitor cannot be read: it must not keep the others out. Repeating is harmless.
        Err(EngineError::Corrupt(_)) if requests.len() > 1 => {
            let mut replies = Vec::with_capacity(requests.len());
            for request in requests {
                replies.push(engine.join(queue, *request).await);
                if let Some(Err(error @ EngineError::Unavailable(_))) = replies.last() {
                    // Each of the others would wait for as long.
                    replies.resize(requests.len(), Err(error.clone()));
                    break;
                }
            }
            replies
        }
        Err(error) => vec![Err(error); requests.len()],
    }
}
