//! The streams of one queue, and what they are told.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use shared::ids::{QueueName, VisitorId};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    HubFull,
    frame::{self, FrameWriter, StateId},
    mailbox::{Kind, Mailbox},
    pacing,
    shard::{Entry, Shard},
    subscription::{Membership, Subscription},
};
use crate::{
    documents::{Documents, InLine, WaitSeconds},
    engine::{Admission, Control, Epoch, LineChange, LogIndex, QueueState, Sequence, Stats},
    metrics::QueueMetrics,
    replica::{Line, Replica},
    room::estimate::WaitRange,
};

/// Enough that opening and closing streams rarely meet the walk of a tick.
const SHARDS: usize = 16;
/// Lost visitors reported in one tick; the others follow in the next.
const MOST_LOST: usize = 256;

/// The streams of one queue.
#[derive(Debug)]
pub(super) struct Lane {
    replica: Arc<Replica>,
    metrics: Arc<QueueMetrics>,
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    teller: Mutex<Teller>,
}

/// What all streams of the queue were told, and the buffer from which they are told more.
#[derive(Debug, Default)]
struct Teller {
    writer: FrameWriter,
    announced: Option<Announced>,
}

/// The parts of a queue's control that streams are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Announced {
    paused: bool,
    message: Option<String>,
}

/// Data of the events `paused`, `resumed` and `message`: all that concerns the queue as a whole, whichever part changed.
#[derive(Serialize)]
struct Announcement<'a> {
    queue: &'a QueueName,
    state: QueueState,
    message: Option<&'a str>,
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

    fn document(self) -> InLine {
        let wait = self.wait.map(|range| WaitSeconds { p50: range.p50_seconds, p90: range.p90_seconds });
        InLine { position: self.position, behind: self.behind, wait }
    }
}

impl Lane {
    pub(super) fn new(replica: Arc<Replica>, metrics: Arc<QueueMetrics>) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { replica, metrics, shards, hasher: RandomState::new(), teller: Mutex::default() }
    }

    /// Adds a waiting visitor's stream.
    pub(super) fn open(
        lane: &Arc<Self>,
        documents: &Documents,
        visitor: VisitorId,
        seq: Sequence,
        retry: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Result<Subscription, HubFull> {
        // Nothing is known of the line yet: the client had better come back in a moment.
        let opening = |line: &Line| (line.stats.clone(), Place::at(line, line.ahead(seq) + 1));
        let (stats, place) = lane.replica.read(opening).ok_or(HubFull)?;
        let mailbox = Arc::new(Mailbox::default());
        let entry =
            Entry { seq, shown: place.position, wait: place.wait, told_at: Instant::now(), mailbox: mailbox.clone() };
        if !lane.shard(visitor).lock().insert(visitor, entry) {
            return Err(HubFull);
        }
        lane.metrics.streams_open.inc();
        lane.metrics.events_sent.inc_by(2);
        let membership = Membership { lane: lane.clone(), visitor, mailbox, permit };

        let document = documents.waiting(lane.replica.queue(), place.document(), stats.control.message.as_deref());
        let mut writer = FrameWriter::default();
        let state = writer.event_with_retry("position", state_id(&stats), &document, retry);
        let second = match stats.control.paused {
            true => writer.event("paused", state_id(&stats), &lane.announcement(&stats.control)),
            false => frame::PING,
        };
        Ok(Subscription::live([state, second], membership))
    }

    /// Takes a stream out, unless its end has.
    pub(super) fn remove(&self, visitor: VisitorId, mailbox: &Arc<Mailbox>) {
        self.shard(visitor).lock().remove(visitor, mailbox);
        self.metrics.streams_open.dec();
    }

    /// The frame that ends an admitted visitor's stream. Mints his active token.
    pub(super) fn admitted_frame(
        &self,
        documents: &Documents,
        visitor: VisitorId,
        admission: &Admission,
        retry: Duration,
    ) -> Bytes {
        let id = self.state_id();
        let document = documents.admitted(self.replica.queue(), id.epoch, visitor, admission);
        FrameWriter::default().event_with_retry("admitted", id, &document, retry)
    }

    /// The frame that ends the stream of a visitor without a place.
    pub(super) fn closed_frame(&self, documents: &Documents, retry: Duration) -> Bytes {
        let document = documents.left(self.replica.queue());
        FrameWriter::default().event_with_retry("closed", self.state_id(), &document, retry)
    }

    /// Ends the streams of the visitors whom the log calls admitted.
    pub(super) fn admissions(&self, documents: &Documents, changes: &[LineChange], retry: impl Fn() -> Duration) {
        for change in changes {
            if let LineChange::Admitted { visitor, admission, .. } = change {
                self.admit(documents, *visitor, admission, &retry);
            }
        }
    }

    /// Ends a visitor's streams with his admission. The token is minted once, and only where he listens.
    pub(super) fn admit(
        &self,
        documents: &Documents,
        visitor: VisitorId,
        admission: &Admission,
        retry: impl Fn() -> Duration,
    ) {
        self.end(visitor, || self.admitted_frame(documents, visitor, admission, retry()));
    }

    /// Ends the streams of a visitor who has left.
    pub(super) fn close(&self, documents: &Documents, visitor: VisitorId, retry: impl Fn() -> Duration) {
        self.end(visitor, || self.closed_frame(documents, retry()));
    }

    /// Notes the place that a visitor has by the engine's word.
    pub(super) fn moved(&self, visitor: VisitorId, seq: Sequence) {
        for entry in self.shard(visitor).lock().of(visitor) {
            entry.seq = seq;
        }
    }

    /// Ends all streams, to be opened again: their places are stated in an epoch that the store has forgotten, and the
    /// visitors' own tokens put them back.
    pub(super) fn send_back(&self, retry: impl Fn() -> Duration) {
        for shard in &self.shards {
            for entry in shard.lock().take_all() {
                entry.mailbox.end(frame::retry_only(retry()));
            }
        }
    }

    /// Tells every stream when the queue was paused or resumed, or its message changed.
    pub(super) fn announce(&self) {
        let Some(stats) = self.replica.stats() else { return };
        let mut teller = self.teller.lock();
        let current = Announced { paused: stats.control.paused, message: stats.control.message.clone() };
        let Some(before) = teller.announced.replace(current.clone()) else { return };
        let announcement = self.announcement(&stats.control);
        if before.paused != current.paused {
            let name = if current.paused { "paused" } else { "resumed" };
            self.tell_all(Kind::Paused, &teller.writer.event(name, state_id(&stats), &announcement));
        }
        if before.message != current.message {
            self.tell_all(Kind::Message, &teller.writer.event("message", state_id(&stats), &announcement));
        }
    }

    pub(super) fn shards(&self) -> usize {
        SHARDS
    }

    /// Tells the streams of one shard their positions where that is due, and notes whose place is gone.
    pub(super) fn tell_positions(&self, shard: usize, documents: &Documents, now: Instant, lost: &mut Vec<VisitorId>) {
        let mut teller = self.teller.lock();
        let sent = self.replica.read(|line| {
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
                    let document = documents.waiting(self.replica.queue(), place.document(), message);
                    entry.tell(Kind::Place, teller.writer.event("position", id, &document), now);
                    (entry.shown, entry.wait) = (place.position, place.wait);
                    sent += 1;
                }
            }
            sent
        });
        self.metrics.events_sent.inc_by(sent.unwrap_or(0));
    }

    /// Shows the silent streams that they live.
    pub(super) fn ping_silent(&self, now: Instant) {
        for shard in &self.shards {
            for (_, entry) in shard.lock().each() {
                if pacing::is_silent(now.saturating_duration_since(entry.told_at)) {
                    entry.tell(Kind::Ping, frame::PING, now);
                    self.metrics.events_sent.inc();
                }
            }
        }
    }

    pub(super) fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        self.shards
            .iter()
            .flat_map(|shard| shard.lock().take_all().map(|entry| entry.mailbox).collect::<Vec<_>>())
            .collect()
    }

    fn end(&self, visitor: VisitorId, last: impl FnOnce() -> Bytes) {
        let streams = self.shard(visitor).lock().take(visitor);
        if streams.is_empty() {
            return;
        }
        let last = last();
        for entry in streams {
            entry.mailbox.end(last.clone());
            self.metrics.events_sent.inc();
        }
    }

    fn tell_all(&self, kind: Kind, frame: &Bytes) {
        let now = Instant::now();
        for shard in &self.shards {
            for (_, entry) in shard.lock().each() {
                entry.tell(kind, frame.clone(), now);
                self.metrics.events_sent.inc();
            }
        }
    }

    fn shard(&self, visitor: VisitorId) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(visitor);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }

    fn announcement<'a>(&'a self, control: &'a Control) -> Announcement<'a> {
        Announcement { queue: self.replica.queue(), state: control.state(), message: control.message.as_deref() }
    }

    fn state_id(&self) -> StateId {
        let unseen = StateId { epoch: Epoch(0), tick: LogIndex(0) };
        self.replica.stats().map_or(unseen, |stats| state_id(&stats))
    }
}

fn state_id(stats: &Stats) -> StateId {
    StateId { epoch: stats.epoch, tick: stats.log_head }
}
