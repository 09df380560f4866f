//! The streams of one queue, and what they are told.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use contract::ids::{MemberId, VisitorId};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Room, StreamsFull,
    control::{self, ControlDocument, Told},
    frame::{self, FrameWriter, StateId},
    latest::{Kind, Latest},
    pacing,
    retry::Retry,
    shard::{Entry, Shard},
    subscription::{Membership, Subscription},
};
use crate::{
    documents::{Documents, Holder, Notice, PlaceDocument},
    line::{
        Admission, ClientNetwork, Epoch, Lane, LineChange, LogIndex, Lost, Opening, QueueState, Sequence, Standing,
        presence::{Presence, Stay},
    },
    metrics::QueueMetrics,
    mirror::{Line, Mirror},
};

/// Enough that opening and closing streams rarely meet the walk of a tick.
pub(super) const SHARDS: usize = 16;
/// A visitor counts as present for so long after their stream closed: the longest pause that a client is asked to make
/// after a cut, and as long again for slow networks. (Whom a stopping gateway sends away may be asked for more.)
const PRESENT_AFTER_CLOSING: Duration = Duration::from_secs(10);
/// Streams are sent to other gateways in about so many parts, one an attempt to reach the store.
const PARTS_SENT_ELSEWHERE: usize = 10;
/// Lost visitors reported in one tick; the others follow in the next.
const MOST_UNEXPLAINED: usize = 256;

/// The streams of one queue.
#[derive(Debug)]
pub struct QueueStreams {
    mirror: Arc<Mirror>,
    metrics: Arc<QueueMetrics>,
    presence: Arc<Mutex<Presence>>,
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

/// Whose stream it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    pub(super) holder: Holder,
    pub(super) seq: Sequence,
    pub(super) network: Option<ClientNetwork>,
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
        let presence = Arc::default();
        Self { mirror, metrics, presence, documents, retry, shards, hasher: RandomState::new(), teller }
    }

    /// The copy of the line that positions are read from.
    pub fn mirror(&self) -> &Arc<Mirror> {
        &self.mirror
    }

    /// Who is present: those who listen here, and those who poll.
    pub fn presence(&self) -> &Arc<Mutex<Presence>> {
        &self.presence
    }

    /// Adds a waiting visitor's stream, which is to be opened anew after `age` at the latest.
    pub(super) fn open(
        streams: &Arc<Self>,
        listener: Listener,
        age: Duration,
        room: Room,
    ) -> Result<Subscription, StreamsFull> {
        let Listener { holder, network, .. } = listener;
        let seq = streams.mirror.place(listener.seq);
        let visitor = holder.visitor;
        let opening =
            |line: &Line| (line.stats.clone(), state_id(line), line.outlook_of_waiting(seq), line.standpoint(seq));
        // Before the first tick nothing is known of the line: the client had better come back in a moment.
        let (stats, id, outlook, point) = streams.mirror.read(opening).ok_or(StreamsFull)?;
        let notice = Notice::of(&stats);
        if stats.state() == QueueState::Closed {
            return Ok(Subscription::last(streams.queue_closed_frame(notice.message)));
        }
        let held_back = point.is_some_and(|point| streams.presence.lock().keeps_out(point, network));
        let (latest, now) = (Arc::new(Latest::default()), Instant::now());
        let entry = Entry {
            seq,
            member: holder.member,
            network,
            notice: notice.to(Lane::of(seq), held_back),
            shown: outlook.position,
            wait: outlook.wait,
            told_at: now,
            ends_at: now + age,
            latest: latest.clone(),
        };
        if !streams.shard(visitor).lock().insert(visitor, entry) {
            return Err(StreamsFull);
        }
        let stay = streams.presence.lock().opened(visitor, seq, network);
        streams.metrics.streams_open.inc();
        streams.metrics.events_sent.inc_by(2);
        let membership = Membership { streams: streams.clone(), visitor, stay, latest, room };

        let queue = streams.mirror.queue();
        let document = streams.documents.waiting(queue, outlook, held_back, notice);
        let document = PlaceDocument { refreshing: !streams.mirror.is_current(), ..document };
        let mut writer = FrameWriter::for_few();
        let first = writer.event_with_retry("position", id, &document, streams.retry.soon());
        // Said even when nothing is unusual: a client that was cut off may have missed the resumption.
        let second = writer.event(control::pause_event(&stats.control), id, &ControlDocument::new(queue, &stats));
        Ok(Subscription::live([first, second], membership))
    }

    /// Notes that a stream is gone.
    pub(super) fn remove(&self, visitor: VisitorId, stay: Stay, latest: &Arc<Latest>) {
        self.shard(visitor).lock().remove(visitor, latest);
        self.presence.lock().closed(visitor, stay, PRESENT_AFTER_CLOSING);
        self.metrics.streams_open.dec();
    }

    /// The frame that ends an admitted visitor's stream. Mints their active token.
    pub(super) fn admitted_frame(&self, holder: Holder, admission: &Admission) -> Bytes {
        let id = self.state_id();
        let document = self.documents.admitted(self.mirror.queue(), id.epoch, holder, admission);
        FrameWriter::for_few().event_with_retry("admitted", id, &document, self.retry.later())
    }

    /// The frame that ends the stream of a visitor without a place, and says why, as far as that is known.
    pub(super) fn closed_frame(&self, lost: Option<Lost>) -> Bytes {
        let document = self.documents.left(self.mirror.queue(), lost);
        FrameWriter::for_few().event_with_retry("closed", self.state_id(), &document, self.retry.later())
    }

    /// The frame that ends everybody's stream when the queue closes.
    fn queue_closed_frame(&self, message: Option<&str>) -> Bytes {
        let document = self.documents.closed(self.mirror.queue(), message);
        FrameWriter::for_few().event_with_retry("closed", self.state_id(), &document, self.retry.later())
    }

    /// Ends the streams of the visitors whom the log calls admitted.
    pub(crate) fn tell_admissions(&self, changes: &[LineChange]) {
        for change in changes {
            if let LineChange::Admitted { visitor, admission, .. } = change {
                self.admit(*visitor, admission);
            }
        }
    }

    /// Ends a visitor's streams with their admission. The token is minted once, and only where they listen.
    fn admit(&self, visitor: VisitorId, admission: &Admission) {
        self.end(visitor, |member| self.admitted_frame(Holder { visitor, member }, admission));
    }

    /// Tells a visitor's streams where the engine says that they stand.
    pub(crate) fn settle(&self, visitor: VisitorId, standing: Standing) {
        match standing {
            // The mirror does not know the place yet, or it is another: whoever comes again is found there.
            Standing::Waiting { seq } => {
                // Before the lock: the tick reads the line first, and then what it tells.
                let places: Vec<Sequence> = self.shard(visitor).lock().of(visitor).map(|entry| entry.seq).collect();
                if places.into_iter().any(|place| !self.mirror.is_same_place(place, seq)) {
                    self.end(visitor, |_| frame::retry_only(self.retry.soon()));
                }
            }
            Standing::Admitted { admission, .. } => self.admit(visitor, &admission),
            Standing::Absent { lost } => self.end(visitor, |_| self.closed_frame(lost)),
        }
    }

    /// Tells the streams what has changed, after the mirror has. Returns visitors whose place has left the line without
    /// a word in the log that we have seen: the engine must be asked, and [`QueueStreams::settle`] told.
    pub(crate) async fn tick(&self) -> Vec<VisitorId> {
        self.tell_control();
        self.end_if_closed();
        let mut lost = Vec::new();
        for shard in 0..SHARDS {
            self.tell_positions(shard, Instant::now(), &mut lost);
            // Thousands of streams take milliseconds: others get a turn in between.
            tokio::task::yield_now().await;
        }
        lost
    }

    /// Ends all streams, to be opened again: the store has forgotten their epoch, and the visitors' own tokens put them
    /// back; or it has lost its last writes, and each must be asked for again.
    pub(crate) fn send_back(&self) {
        for shard in &self.shards {
            let all: Vec<_> = shard.lock().take_all().collect();
            for latest in all {
                latest.end(frame::retry_only(self.retry.soon()));
            }
        }
    }

    /// Ends some streams, to be opened again at another gateway: this one cannot tell them anything.
    pub(crate) fn send_some_elsewhere(&self) {
        let at_a_time = self.len().div_ceil(PARTS_SENT_ELSEWHERE);
        for latest in self.take_some(at_a_time) {
            latest.end(frame::retry_only(self.retry.soon()));
        }
    }

    pub(super) fn end_those_from(&self, is_kept_out: impl Fn(ClientNetwork) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let from_there = |entry: &Entry| entry.network.is_some_and(&is_kept_out);
            let out: Vec<VisitorId> =
                shard.each().filter(|(_, entry)| from_there(entry)).map(|(visitor, _)| visitor).collect();
            for visitor in out {
                for latest in shard.take(visitor) {
                    latest.end(frame::retry_only(self.retry.later()));
                }
                self.presence.lock().give_up(visitor);
            }
        }
    }

    /// Tells every stream when the queue was paused or resumed, drains or is given back, or its message changed.
    fn tell_control(&self) {
        let Some(stats) = self.mirror.stats() else { return };
        let mut teller = self.teller.lock();
        let Some(before) = teller.told.replace(Told::of(&stats)) else { return };
        let document = ControlDocument::new(self.mirror.queue(), &stats);
        for (kind, name) in before.events_until(&stats) {
            let frame = teller.writer.event(name, self.state_id(), &document);
            let now = Instant::now();
            for shard in &self.shards {
                for (_, entry) in shard.lock().each() {
                    entry.tell(kind, frame.clone(), now);
                    self.metrics.events_sent.inc();
                }
            }
        }
    }

    /// Nobody in the line of a closed queue has anything more to hear.
    fn end_if_closed(&self) {
        let Some(stats) = self.mirror.stats().filter(|stats| stats.state() == QueueState::Closed) else { return };
        for shard in &self.shards {
            let all: Vec<_> = shard.lock().take_all().collect();
            for latest in all {
                // Each with a pause of its own: they must not come back together.
                latest.end(self.queue_closed_frame(stats.control.message()));
                self.metrics.events_sent.inc();
            }
        }
    }

    /// Tells the streams of one shard their positions where that is due, and notes whose place is gone.
    fn tell_positions(&self, shard: usize, now: Instant, lost: &mut Vec<VisitorId>) {
        let mut teller = self.teller.lock();
        let sent = self.mirror.read(|line| {
            let (id, notice) = (state_id(line), Notice::of(&line.stats));
            let mut sent = 0;
            for (visitor, entry) in self.shards[shard].lock().each() {
                let Some(point) = line.standpoint(entry.seq) else {
                    if lost.len() < MOST_UNEXPLAINED {
                        lost.push(visitor);
                    }
                    continue;
                };
                let held_back = point.parked && self.presence.lock().keeps_out(point, entry.network);
                let of_place = notice.to(Lane::of(entry.seq), held_back);
                if of_place.state != entry.notice.state && entry.notice.state.is_before_opening() {
                    // Numbers of a draw are no positions.
                    entry.shown = entry.shown.max(point.position);
                }
                // By the log no position rises. A copy read in full does not know who was back first: no stream shows
                // it.
                let outlook = line.outlook(entry.seq, point.position.min(entry.shown));
                let since = now.saturating_duration_since(entry.told_at);
                // A position that is not shown is not told of either.
                let is_hidden = of_place.opening == Some(Opening::Draw) && outlook.number.is_some();
                if of_place != entry.notice
                    || !is_hidden && pacing::is_due(entry.shown, outlook.position, entry.wait != outlook.wait, since)
                {
                    let document = self.documents.waiting(self.mirror.queue(), outlook, held_back, notice);
                    entry.tell(Kind::Place, teller.writer.event("position", id, &document), now);
                    (entry.shown, entry.wait, entry.notice) = (outlook.position, outlook.wait, of_place);
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

    /// Takes out some streams, to be ended.
    pub(super) fn take_some(&self, most: usize) -> Vec<Arc<Latest>> {
        let mut some = Vec::new();
        for shard in &self.shards {
            some.extend(shard.lock().take_some(most - some.len().min(most)));
        }
        some
    }

    /// How many streams are open.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn end(&self, visitor: VisitorId, last: impl FnOnce(Option<MemberId>) -> Bytes) {
        let mut shard = self.shard(visitor).lock();
        let Some(member) = shard.of(visitor).next().map(|entry| entry.member) else { return };
        let all = shard.take(visitor);
        drop(shard);
        let last = last(member);
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
        self.mirror.read(state_id).unwrap_or(StateId { epoch: Epoch(0), tick: LogIndex(0) })
    }
}

fn state_id(line: &Line) -> StateId {
    let (epoch, tick) = line.state();
    StateId { epoch, tick }
}
