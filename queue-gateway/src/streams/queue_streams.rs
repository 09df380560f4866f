//! The streams of one queue, and what they are told.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use contract::ids::VisitorId;
use parking_lot::Mutex;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    StreamsFull,
    control::{self, ControlDocument, Told},
    frame::{self, FrameWriter, StateId},
    latest::{Kind, Latest},
    pacing,
    retry::Retry,
    shard::{Entry, Shard},
    subscription::{Membership, Subscription},
};
use crate::{
    documents::{Documents, InLine, WaitSeconds},
    line::{Admission, Epoch, LineChange, LogIndex, Sequence, Stats, estimate::WaitRange},
    metrics::QueueMetrics,
    mirror::{Line, Mirror},
};

/// Enough that opening and closing streams rarely meet the walk of a tick.
pub(super) const SHARDS: usize = 16;
/// Lost visitors reported in one tick; the others follow in the next.
const MOST_LOST: usize = 256;

/// The streams of one queue.
#[derive(Debug)]
pub(super) struct QueueStreams {
    mirror: Arc<Mirror>,
    metrics: Arc<QueueMetrics>,
    documents: Arc<Documents>,
    retry: Arc<Retry>,
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    teller: Mutex<Teller>,
}

/// What the ticks keep from one to the next.
#[derive(Debug)]
struct Teller {
    writer: FrameWriter,
    told: Option<Told>,
}

/// What a stream is told of a place.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: u64,
    behind: u64,
    wait: Option<WaitRange>,
}

impl Place {
    fn at(line: &Line, position: u64) -> Self {
        Self { position, behind: line.behind(position), wait: line.wait(position) }
    }

    fn in_line(self) -> InLine {
        let wait = self.wait.map(|range| WaitSeconds { p50: range.p50_seconds, p90: range.p90_seconds });
        InLine { position: self.position, behind: self.behind, wait }
    }
}

impl QueueStreams {
    pub(super) fn new(
        mirror: Arc<Mirror>,
        metrics: Arc<QueueMetrics>,
        documents: Arc<Documents>,
        retry: Arc<Retry>,
    ) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        let teller = Mutex::new(Teller { writer: FrameWriter::for_many(), told: None });
        Self { mirror, metrics, documents, retry, shards, hasher: RandomState::new(), teller }
    }

    /// Adds a waiting visitor's stream, which is to be opened anew after `age` at the latest.
    pub(super) fn open(
        streams: &Arc<Self>,
        visitor: VisitorId,
        seq: Sequence,
        age: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Result<Subscription, StreamsFull> {
        let opening = |line: &Line| (line.stats.clone(), Place::at(line, line.ahead(seq) + 1));
        // Before the first tick nothing is known of the line: the client had better come back in a moment.
        let (stats, place) = streams.mirror.read(opening).ok_or(StreamsFull)?;
        let (latest, now) = (Arc::new(Latest::default()), Instant::now());
        let entry = Entry {
            seq,
            shown: place.position,
            wait: place.wait,
            told_at: now,
            ends_at: now + age,
            latest: latest.clone(),
        };
        if !streams.shard(visitor).lock().insert(visitor, entry) {
            return Err(StreamsFull);
        }
        streams.metrics.streams_open.inc();
        streams.metrics.events_sent.inc_by(2);
        let membership = Membership { streams: streams.clone(), visitor, latest, permit };

        let (queue, control, id) = (streams.mirror.queue(), &stats.control, state_id(&stats));
        let document = streams.documents.waiting(queue, place.in_line(), control.message.as_deref());
        let mut writer = FrameWriter::for_few();
        let first = writer.event_with_retry("position", id, &document, streams.retry.soon());
        // Said even when nothing is unusual: a client that was cut off may have missed the resumption.
        let second = writer.event(control::pause_event(control), id, &ControlDocument::new(queue, control));
        Ok(Subscription::live([first, second], membership))
    }

    /// Notes that a stream is gone.
    pub(super) fn remove(&self, visitor: VisitorId, latest: &Arc<Latest>) {
        self.shard(visitor).lock().remove(visitor, latest);
        self.metrics.streams_open.dec();
    }

    /// The frame that ends an admitted visitor's stream. Mints his active token.
    pub(super) fn admitted_frame(&self, visitor: VisitorId, admission: &Admission) -> Bytes {
        let id = self.state_id();
        let document = self.documents.admitted(self.mirror.queue(), id.epoch, visitor, admission);
        FrameWriter::for_few().event_with_retry("admitted", id, &document, self.retry.later())
    }

    /// The frame that ends the stream of a visitor without a place.
    pub(super) fn closed_frame(&self) -> Bytes {
        let document = self.documents.left(self.mirror.queue());
        FrameWriter::for_few().event_with_retry("closed", self.state_id(), &document, self.retry.later())
    }

    /// Ends the streams of the visitors whom the log calls admitted.
    pub(super) fn tell_admissions(&self, changes: &[LineChange]) {
        for change in changes {
            if let LineChange::Admitted { visitor, admission, .. } = change {
                self.admit(*visitor, admission);
            }
        }
    }

    /// Ends a visitor's streams with his admission. The token is minted once, and only where he listens.
    pub(super) fn admit(&self, visitor: VisitorId, admission: &Admission) {
        self.end(visitor, || self.admitted_frame(visitor, admission));
    }

    /// Ends the streams of a visitor who has left.
    pub(super) fn close(&self, visitor: VisitorId) {
        self.end(visitor, || self.closed_frame());
    }

    /// Notes the place that a visitor has by the engine's word.
    pub(super) fn moved(&self, visitor: VisitorId, seq: Sequence) {
        for entry in self.shard(visitor).lock().of(visitor) {
            entry.seq = seq;
        }
    }

    /// Ends all streams, to be opened again: the store has forgotten their epoch, and the visitors' own tokens put them
    /// back; or it has lost its last writes, and each must be asked for again.
    pub(super) fn send_back(&self) {
        for latest in self.take_all() {
            latest.end(frame::retry_only(self.retry.soon()));
        }
    }

    /// Tells every stream when the queue was paused or resumed, or its message changed.
    pub(super) fn tell_control(&self) {
        let Some(stats) = self.mirror.stats() else { return };
        let mut teller = self.teller.lock();
        let Some(before) = teller.told.replace(Told::of(&stats.control)) else { return };
        let document = ControlDocument::new(self.mirror.queue(), &stats.control);
        for (kind, name) in before.events_until(&stats.control) {
            let frame = teller.writer.event(name, state_id(&stats), &document);
            let now = Instant::now();
            for shard in &self.shards {
                for (_, entry) in shard.lock().each() {
                    entry.tell(kind, frame.clone(), now);
                    self.metrics.events_sent.inc();
                }
            }
        }
    }

    /// Tells the streams of one shard their positions where that is due, and notes whose place is gone.
    pub(super) fn tell_positions(&self, shard: usize, now: Instant, lost: &mut Vec<VisitorId>) {
        let mut teller = self.teller.lock();
        let sent = self.mirror.read(|line| {
            let (id, message) = (state_id(&line.stats), line.stats.control.message.as_deref());
            let mut sent = 0;
            for (visitor, entry) in self.shards[shard].lock().each() {
                let Some(position) = line.position(entry.seq) else {
                    if lost.len() < MOST_LOST {
                        lost.push(visitor);
                    }
                    continue;
                };
                // Somebody restored to a place ahead makes a position rise; nobody is shown that.
                let place = Place::at(line, position.min(entry.shown));
                let since = now.saturating_duration_since(entry.told_at);
                if pacing::is_due(entry.shown, place.position, entry.wait != place.wait, since) {
                    let document = self.documents.waiting(self.mirror.queue(), place.in_line(), message);
                    entry.tell(Kind::Place, teller.writer.event("position", id, &document), now);
                    (entry.shown, entry.wait) = (place.position, place.wait);
                    sent += 1;
                }
            }
            sent
        });
        self.metrics.events_sent.inc_by(sent.unwrap_or(0));
    }

    /// Shows silent streams that they live, and ends those that have become too old.
    pub(super) fn tend(&self, now: Instant) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            for (_, entry) in shard.each() {
                if pacing::is_silent(now.saturating_duration_since(entry.told_at)) {
                    entry.tell(Kind::Ping, frame::PING, now);
                    self.metrics.events_sent.inc();
                }
            }
            for latest in shard.take_older_than(now) {
                latest.end(frame::retry_only(self.retry.soon()));
            }
        }
    }

    /// Takes out all streams, to be ended.
    pub(super) fn take_all(&self) -> Vec<Arc<Latest>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.lock().take_all());
        }
        all
    }

    fn end(&self, visitor: VisitorId, last: impl FnOnce() -> Bytes) {
        let all = self.shard(visitor).lock().take(visitor);
        if all.is_empty() {
            return;
        }
        let last = last();
        for latest in all {
            latest.end(last.clone());
            self.metrics.events_sent.inc();
        }
    }

    fn shard(&self, visitor: VisitorId) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(visitor);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }

    fn state_id(&self) -> StateId {
        let unseen = StateId { epoch: Epoch(0), tick: LogIndex(0) };
        self.mirror.stats().map_or(unseen, |stats| state_id(&stats))
    }
}

fn state_id(stats: &Stats) -> StateId {
    StateId { epoch: stats.epoch, tick: stats.log_head }
}
