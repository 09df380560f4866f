//! The live streams of this gateway: who listens, what each was last told, what comes next.
//!
//! Streams are bounded in number, and each keeps at most the latest frame of each kind: a slow reader costs no more than a
//! fast one. Nothing here waits for a reader.

mod control;
mod frame;
mod latest;
mod pacing;
mod presence;
mod queue_streams;
mod retry;
mod shard;
mod subscription;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use contract::ids::{QueueName, VisitorId};
use rand::rngs::StdRng;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::{
    presence::{Presence, PresenceWorker, Present},
    subscription::Subscription,
};
use self::{queue_streams::QueueStreams, retry::Retry};
use crate::{
    documents::Documents,
    line::Standing,
    metrics::QueueMetrics,
    mirror::{Mirror, Progress},
};

/// How often silent streams are looked for.
const PING_SWEEP: Duration = Duration::from_secs(1);
/// How often a few streams are ended while draining.
const DRAIN_STEP: Duration = Duration::from_millis(50);

/// How many streams, and how long.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// Streams open at a time, over all queues.
    pub max_streams: usize,
    /// How old a stream becomes at most. It must be opened anew before its visitor's waiting token expires, since that is
    /// when the token is renewed.
    pub longest: Duration,
    /// Over how long the ends of the streams are spread at shutdown.
    pub drain: Duration,
}

/// No room for another stream: as many as allowed are open, in all or for this visitor, or the gateway is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for another stream")]
pub struct StreamsFull;

/// All live streams of this gateway.
#[derive(Debug)]
pub struct Streams {
    queues: BTreeMap<QueueName, Arc<QueueStreams>>,
    room: Arc<Semaphore>,
    limits: StreamLimits,
    retry: Arc<Retry>,
}

impl Streams {
    /// No stream is open yet.
    pub fn new(
        limits: StreamLimits,
        documents: &Arc<Documents>,
        queues: impl IntoIterator<Item = (Arc<Mirror>, Arc<QueueMetrics>)>,
        random: StdRng,
    ) -> Self {
        let retry = Arc::new(Retry::new(random));
        let streams = |(mirror, metrics): (Arc<Mirror>, _)| {
            let queue = mirror.queue().clone();
            (queue, Arc::new(QueueStreams::new(mirror, metrics, documents.clone(), retry.clone())))
        };
        Self {
            queues: queues.into_iter().map(streams).collect(),
            room: Arc::new(Semaphore::new(limits.max_streams.min(Semaphore::MAX_PERMITS))),
            limits,
            retry,
        }
    }

    /// Opens a stream for a visitor whom the engine has just found standing so. The stream begins with that state;
    /// unless he waits it also ends there.
    ///
    /// An admission between the engine's word and this call is not lost: the next tick finds that his place is gone from
    /// the line, and asks.
    pub fn open(&self, queue: &QueueName, visitor: VisitorId, standing: Standing) -> Result<Subscription, StreamsFull> {
        let streams = self.queues.get(queue).ok_or(StreamsFull)?;
        let permit = self.room.clone().try_acquire_owned().map_err(|_| StreamsFull)?;
        match standing {
            Standing::Waiting { seq } => {
                let age = self.retry.part_of(self.limits.longest);
                QueueStreams::open(streams, visitor, seq, age, permit)
            }
            Standing::Admitted { admission, .. } => Ok(Subscription::last(streams.admitted_frame(visitor, &admission))),
            Standing::Absent => Ok(Subscription::last(streams.closed_frame())),
        }
    }

    /// What a client is told who cannot have a stream now: to come back later. (An error status would close an
    /// `EventSource` for ever.)
    pub fn turn_away(&self) -> Bytes {
        frame::retry_only(self.retry.later())
    }

    /// Tells the streams of a queue what has changed, after its mirror has. Returns visitors whose place has left the line
    /// without a word in the log that we have seen: the engine must be asked, and [`Streams::settle`] told.
    pub(crate) async fn tick(&self, queue: &QueueName, progress: &Progress) -> Vec<VisitorId> {
        let Some(streams) = self.queues.get(queue) else { return Vec::new() };
        match progress {
            Progress::Followed(changes) => streams.tell_admissions(changes),
            Progress::NewEpoch | Progress::SetBack => streams.send_back(),
            Progress::Rebuilt | Progress::Unsettled => {}
        }
        streams.tell_control();
        let mut lost = Vec::new();
        for shard in 0..queue_streams::SHARDS {
            streams.tell_positions(shard, Instant::now(), &mut lost);
            // Thousands of streams take milliseconds: others get a turn in between.
            tokio::task::yield_now().await;
        }
        lost
    }

    /// Tells a visitor's streams where the engine says that he stands.
    pub(crate) fn settle(&self, queue: &QueueName, visitor: VisitorId, standing: Standing) {
        let Some(streams) = self.queues.get(queue) else { return };
        match standing {
            Standing::Waiting { seq } => streams.moved(visitor, seq),
            Standing::Admitted { admission, .. } => streams.admit(visitor, &admission),
            Standing::Absent => streams.close(visitor),
        }
    }

    /// Keeps silent streams alive until shutdown, whatever the store does; then ends all streams, spread over time, so that
    /// their clients do not come back to the other gateways all at once.
    pub async fn run(&self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(PING_SWEEP)).await.is_some() {
            for streams in self.queues.values() {
                streams.tend(Instant::now());
            }
        }
        self.room.close();
        let open: Vec<_> = self.queues.values().flat_map(|streams| streams.take_all()).collect();
        let steps =
            usize::try_from(self.limits.drain.as_millis() / DRAIN_STEP.as_millis()).unwrap_or(usize::MAX).max(1);
        for some in open.chunks(open.len().div_ceil(steps).max(1)) {
            for latest in some {
                latest.end(self.turn_away());
            }
            tokio::time::sleep(DRAIN_STEP).await;
        }
    }
}
