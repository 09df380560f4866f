//! Who has a stream open, as the engine is told.
//!
//! A stream ends when its client says so, when it vanishes, or when we end it; in every case a guard is dropped, and
//! a drop cannot wait for the engine. It leaves a note instead, and one worker passes the notes on.

use std::sync::Arc;

use contract::{
    clock::SharedClock,
    ids::{QueueName, VisitorId, uuid_at},
};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

use crate::engine::{EngineError, QueueEngine};
use crate::line::{ConnectionId, Standing};

/// Records streams with the engine.
#[derive(Clone, Debug)]
pub struct Presence {
    engine: Arc<dyn QueueEngine>,
    clock: SharedClock,
    partings: mpsc::Sender<Parting>,
}

/// Passes the ends of streams on to the engine.
#[derive(Debug)]
pub struct PresenceWorker {
    engine: Arc<dyn QueueEngine>,
    partings: mpsc::Receiver<Parting>,
}

/// A stream that the engine knows of. Dropping it lets the engine forget it.
#[derive(Debug)]
pub struct Present {
    parting: Option<Parting>,
    partings: mpsc::Sender<Parting>,
}

#[derive(Debug)]
struct Parting {
    queue: QueueName,
    visitor: VisitorId,
    connection: ConnectionId,
}

impl Presence {
    /// At most `backlog` ends of streams await the engine. Beyond that, as in an outage, they are dropped: the visitor
    /// counts as connected until he connects again or leaves the line.
    pub fn new(engine: Arc<dyn QueueEngine>, clock: SharedClock, backlog: usize) -> (Self, PresenceWorker) {
        let (sender, partings) = mpsc::channel(backlog.max(1));
        (Self { engine: engine.clone(), clock, partings: sender }, PresenceWorker { engine, partings })
    }

    /// Records a stream and says where its visitor stands.
    pub async fn connect(&self, queue: &QueueName, visitor: VisitorId) -> Result<(Standing, Present), EngineError> {
        let connection = ConnectionId(uuid_at(self.clock.now()));
        let parting = Parting { queue: queue.clone(), visitor, connection };
        // Before the call: a client that vanishes during it may be recorded, and must then be forgotten.
        let mut present = Present { parting: Some(parting), partings: self.partings.clone() };
        let standing = self.engine.connect(queue, visitor, connection).await?;
        if standing == Standing::Absent {
            present.parting = None;
        }
        Ok((standing, present))
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(parting) = self.parting.take() {
            // A full backlog is the case that `Presence::new` describes.
            let _ = self.partings.try_send(parting);
        }
    }
}

impl PresenceWorker {
    /// Runs until every [`Presence`] and [`Present`] is gone and their notes are passed on.
    pub async fn run(self) {
        let mut partings = ReceiverStream::new(self.partings);
        while let Some(Parting { queue, visitor, connection }) = partings.next().await {
            if let Err(error) = self.engine.disconnect(&queue, visitor, connection).await {
                tracing::debug!(%queue, %error, "the end of a stream could not be recorded");
            }
        }
    }
}
