//! The live streams of this gateway: who listens, what each was last told, what comes next.
//!
//! Streams are bounded in number, and each keeps at most the latest frame of each kind: a slow reader costs no more
//! than a fast one. Nothing here waits for a reader.

mod control;
mod frame;
mod latest;
mod pacing;
mod queue_streams;
mod retry;
mod shard;
mod subscription;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use contract::ids::QueueName;
use rand::rngs::StdRng;
use service::share::{Share, Shares};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use self::{queue_streams::Listener, retry::Retry};
pub use self::{queue_streams::QueueStreams, subscription::Subscription};
use crate::{
    documents::{Documents, Holder},
    line::{ClientNetwork, Standing},
    metrics::QueueMetrics,
    mirror::Mirror,
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
    /// Of them, those of one client network.
    pub max_per_network: usize,
    /// How old a stream becomes at most. It must be opened anew before its visitor's waiting token expires, since that
    /// is when the token is renewed.
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
    shares: Shares,
    limits: StreamLimits,
    retry: Arc<Retry>,
}

/// Room for one stream, in all and for its network, given back when dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
pub(crate) struct Room {
    permit: OwnedSemaphorePermit,
    share: Option<Share>,
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
        let of_queue = |(mirror, metrics): (Arc<Mirror>, _)| {
            let queue = mirror.queue().clone();
            (queue, Arc::new(QueueStreams::new(mirror, metrics, documents.clone(), retry.clone())))
        };
        Self {
            queues: queues.into_iter().map(of_queue).collect(),
            room: Arc::new(Semaphore::new(limits.max_streams.min(Semaphore::MAX_PERMITS))),
            shares: Shares::new(limits.max_per_network),
            limits,
            retry,
        }
    }

    /// The streams of each queue.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<QueueStreams>> {
        self.queues.values()
    }

    /// Opens a stream for a visitor whom the engine has just found standing so. The stream begins with that state;
    /// unless they wait it also ends there.
    ///
    /// An admission between the engine's word and this call is not lost: the next tick finds that the place is gone
    /// from the line, and asks.
    pub fn open(
        &self,
        queue: &QueueName,
        holder: Holder,
        network: Option<ClientNetwork>,
        standing: Standing,
    ) -> Result<Subscription, StreamsFull> {
        let streams = self.queues.get(queue).ok_or(StreamsFull)?;
        let share = network.map(|network| self.shares.take(network.0).ok_or(StreamsFull)).transpose()?;
        let permit = self.room.clone().try_acquire_owned().map_err(|_| StreamsFull)?;
        let room = Room { permit, share };
        match standing {
            Standing::Waiting { seq } => {
                let age = self.retry.part_of(self.limits.longest);
                QueueStreams::open(streams, Listener { holder, seq, network }, age, room)
            }
            Standing::Admitted { admission, .. } => Ok(Subscription::last(streams.admitted_frame(holder, &admission))),
            Standing::Absent { lost } => Ok(Subscription::last(streams.closed_frame(lost))),
        }
    }

    /// What a client is told who cannot have a stream now: to come back after so long. (An error status would close an
    /// `EventSource` for ever.)
    pub fn turn_away(&self) -> (Bytes, Duration) {
        let pause = self.retry.later();
        (frame::retry_only(pause), pause)
    }

    /// Ends the streams of visitors who come from such networks, and forgets that they are present.
    pub fn end_those_from(&self, is_kept_out: impl Fn(ClientNetwork) -> bool) {
        for streams in self.queues.values() {
            streams.end_those_from(&is_kept_out);
        }
    }

    /// Keeps silent streams alive until shutdown, whatever the store does; then ends all streams, spread over time, so
    /// that their clients do not come back to the other gateways all at once.
    pub async fn run(&self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(PING_SWEEP)).await.is_some() {
            for streams in self.queues.values() {
                streams.tend(Instant::now());
            }
        }
        self.room.close();
        let steps =
            usize::try_from(self.limits.drain.as_millis() / DRAIN_STEP.as_millis()).unwrap_or(usize::MAX).max(1);
        let open = self.queues.values().map(|streams| streams.len()).sum::<usize>();
        let at_a_time = open.div_ceil(steps).max(1);
        // Until its turn each stream is told everything: the ticks go on.
        for streams in self.queues.values() {
            loop {
                let some = streams.take_some(at_a_time);
                if some.is_empty() {
                    break;
                }
                for latest in some {
                    latest.end(self.turn_away().0);
                }
                tokio::time::sleep(DRAIN_STEP).await;
            }
        }
    }
}
