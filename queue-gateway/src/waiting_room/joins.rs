//! Joins of one queue, as many in one step of the store as have come meanwhile: an opening brings thousands at once.

use std::sync::Arc;

use contract::ids::QueueName;

use crate::{
    engine::{EngineError, MOST_JOINS, QueueEngine},
    gathering::{Asker, Gathering, gathering},
    line::{JoinReply, JoinRequest},
};

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

    /// A join, as [`QueueEngine::join_many`] describes it.
    pub async fn join(&self, request: JoinRequest) -> Reply {
        let stopped = || EngineError::Unavailable("the gateway is stopping".to_owned());
        self.0.ask(request).await.unwrap_or_else(|| Err(stopped()))
    }
}

async fn join_for(engine: Arc<dyn QueueEngine>, queue: QueueName, mut gathered: Gathering<JoinRequest, Reply>) {
    while let Some(requests) = gathered.questions(MOST_JOINS).await {
        let count = requests.len();
        match engine.join_many(&queue, requests).await {
            Ok(replies) => gathered.answer(replies.into_iter().map(Ok)),
            Err(error) => gathered.answer(std::iter::repeat_n(Err(error), count)),
        }
    }
}
