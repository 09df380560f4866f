//! This gateway's copy of each line: positions, counts and pace, without asking the store.
//!
//! Every step of the promoter brings what the log has gained; a reading of the log's end, made for requests that must not
//! be told less than another gateway has told, brings it in between.

mod line;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use contract::ids::QueueName;
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

pub use self::line::Census;
pub(crate) use self::line::Line;
use crate::{
    engine::{EngineError, QueueEngine},
    line::{Epoch, Histogram, LineChange, LogIndex, LogPage, Order, Outlook, Sequence, Standpoint, Stats, Tail},
};

/// Log entries read in one call.
pub(crate) const LOG_PAGE: usize = 2_000;
/// Sequences read in one call when the line is read in full.
const LINE_PAGE: usize = 10_000;
/// Farther behind than this, reading the line in full is cheaper than replaying the log.
const MOST_REPLAYED: u64 = 50_000;
/// Whose readings follow one another: the steps', and those between them.
const STEPS: usize = 0;
const READINGS: usize = 1;
/// By how many seconds the clocks of gateways and store may differ before a lost place is taken for a kept one.
const CLOCKS_DIFFER: i64 = 60;

/// The copies of all queues of this gateway; the set is fixed by the settings at start.
#[derive(Debug)]
pub struct Mirrors(BTreeMap<QueueName, Arc<Mirror>>);

impl Mirrors {
    /// An empty copy for each queue.
    pub fn new(queues: impl IntoIterator<Item = QueueName>) -> Self {
        Self(queues.into_iter().map(|queue| (queue.clone(), Arc::new(Mirror::new(queue)))).collect())
    }

    /// The copy of one queue; `None` for a queue that the settings do not name.
    pub fn get(&self, queue: &QueueName) -> Option<&Arc<Mirror>> {
        self.0.get(queue)
    }

    /// All copies, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Mirror>> {
        self.0.values()
    }

    /// Whether every copy follows its line.
    pub fn are_current(&self) -> bool {
        self.iter().all(|mirror| mirror.is_current())
    }
}

/// What one round of following brought.
#[derive(Debug)]
pub(crate) enum News {
    /// These changes were applied.
    Followed(Vec<LineChange>),
    /// The log no longer reached back, so the line was read in full: who departed meanwhile, the engine must be asked.
    Rebuilt,
    /// The store began a new epoch: it knows nobody who had a place here.
    NewEpoch,
    /// The store has lost its last writes, as in a fail-over, and goes on from an earlier moment of the same epoch: whom
    /// it has lost cannot be told from here.
    SetBack,
    /// The line was read in full since this was asked for, perhaps from a moment before: ask again.
    Overtaken,
    /// The store changed under our hands; the copy is as before, and the next round tries again.
    Unsettled,
}

/// Where a reading of the log begins, and in which copy of the line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bookmark {
    pub(crate) epoch: Epoch,
    pub(crate) after: LogIndex,
    /// The newest place that is known to have been given; the last there can be while none is known, since nobody joins here
    /// before the line is.
    pub(crate) newest: Sequence,
    copy: u64,
}

/// What one reader of the store saw last. Its readings follow one another, so none shows less than the one before unless
/// the store has lost writes.
#[derive(Clone, Copy, Debug)]
struct Seen {
    epoch: Epoch,
    last_seq: Sequence,
    log_head: LogIndex,
}

/// A stretch of the log against what was applied.
enum Continuation {
    /// These entries follow.
    Entries(Vec<LineChange>),
    /// There is more than the log still has, or than is worth replaying.
    TooMuch,
    /// What was applied before is no longer there: the log is another than the one that was followed.
    OtherHistory,
}

/// The copy of one line.
#[derive(Debug)]
pub struct Mirror {
    queue: QueueName,
    line: RwLock<Option<Line>>,
    /// One follower at a time.
    following: Semaphore,
    /// How often the line was read in full.
    copies: AtomicU64,
    /// By the steps, and by the readings between them.
    seen: Mutex<[Option<Seen>; 2]>,
    current: AtomicBool,
    /// Tokens minted before this moment, in seconds since 1970, may state places that the store has lost and given away.
    doubtful_before: AtomicI64,
}

impl Mirror {
    /// A copy that has not seen its line yet.
    pub fn new(queue: QueueName) -> Self {
        Self {
            queue,
            line: RwLock::new(None),
            following: Semaphore::new(1),
            copies: AtomicU64::new(0),
            seen: Mutex::default(),
            current: AtomicBool::new(false),
            doubtful_before: AtomicI64::new(i64::MIN),
        }
    }

    /// The name of the queue whose line it copies.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// Where a place stands by this copy and what can be told of it; `None` for a place that is not in the line, or for any
    /// before the first step.
    pub fn look_up(&self, seq: Sequence) -> Option<(Standpoint, Outlook)> {
        self.read(|line| line.standpoint(seq).map(|point| (point, line.outlook(seq, point.position)))).flatten()
    }

    /// What can be told of a place that the engine has just called waiting; `None` before the first step.
    pub fn outlook_of_waiting(&self, seq: Sequence) -> Option<Outlook> {
        self.read(|line| line.outlook_of_waiting(seq))
    }

    /// Whether a place, which is not in the line any more, was passed and expired.
    pub fn has_expired(&self, seq: Sequence) -> bool {
        self.read(|line| line.has_expired(seq)).unwrap_or(false)
    }

    /// The queue in numbers as of the last step; `None` before the first.
    pub fn stats(&self) -> Option<Arc<Stats>> {
        self.read(|line| line.stats.clone())
    }

    /// Who waits, was passed and is present; nobody before the first step.
    pub fn census(&self) -> Census {
        self.read(Line::census).unwrap_or_default()
    }

    /// The queue's epoch; `None` before the first step.
    pub fn epoch(&self) -> Option<Epoch> {
        self.read(|line| line.epoch)
    }

    /// Whether the last step reached the store. False before the first and during an outage.
    pub fn is_current(&self) -> bool {
        self.current.load(Ordering::Relaxed)
    }

    /// Whether only the engine can tell if a place whose token was minted then is still its owner's: after the store has
    /// lost its last writes it issues the same sequences again.
    pub fn is_doubtful(&self, issued_at: Timestamp) -> bool {
        issued_at.as_second() <= self.doubtful_before.load(Ordering::Relaxed)
    }

    /// Takes no place on trust whose token was minted in a second before this one.
    pub(crate) fn doubt_what_was_told_before(&self, now: Timestamp) {
        self.doubtful_before.fetch_max(now.as_second().saturating_sub(1), Ordering::Relaxed);
    }

    pub(crate) fn set_current(&self, current: bool) {
        self.current.store(current, Ordering::Relaxed);
    }

    /// Reads the copy at one moment.
    pub(crate) fn read<R>(&self, reader: impl FnOnce(&Line) -> R) -> Option<R> {
        self.line.read().as_ref().map(reader)
    }

    /// Notes that a place has been given, before the log or a step tells of it.
    pub(crate) fn note_issued(&self, epoch: Epoch, seq: Sequence) {
        if let Some(line) = self.line.write().as_mut().filter(|line| line.epoch == epoch) {
            line.note_issued(seq);
        }
    }

    /// Where the next reading of the log should begin. The newest entry applied is read again: a store that was set back
    /// and has moved on since may be ahead of us and yet another.
    pub(crate) fn bookmark(&self) -> Bookmark {
        // Before the line: a copy that is made in between then counts as another.
        let copy = self.copies.load(Ordering::Acquire);
        let bookmark = self.read(|line| {
            let overlap = u64::from(line.last.is_some());
            let after = LogIndex(line.head.0.saturating_sub(overlap));
            Bookmark { epoch: line.epoch, after, newest: line.last_seq(), copy }
        });
        bookmark.unwrap_or(Bookmark { epoch: Epoch(0), after: LogIndex(0), newest: Sequence::LAST, copy })
    }

    /// Takes in a step's reply, whose tail was asked for at `bookmark`.
    pub(crate) async fn follow_step(
        &self,
        engine: &dyn QueueEngine,
        bookmark: Bookmark,
        tail: Tail,
        stats: Stats,
        present: Vec<Histogram>,
    ) -> Result<News, EngineError> {
        let _turn = self.following.acquire().await;
        let news = self.take_in(engine, bookmark, tail, STEPS).await?;
        // A copy that was made meanwhile is newer than these numbers.
        let same_copy = self.copies.load(Ordering::Acquire) == bookmark.copy;
        if let Some(line) = self.line.write().as_mut().filter(|line| same_copy && line.epoch == stats.epoch) {
            line.note_step(stats, present);
        }
        Ok(news)
    }

    /// Takes in a reading of the log's end, asked for at `bookmark`.
    pub(crate) async fn follow(
        &self,
        engine: &dyn QueueEngine,
        bookmark: Bookmark,
        tail: Tail,
    ) -> Result<News, EngineError> {
        let _turn = self.following.acquire().await;
        self.take_in(engine, bookmark, tail, READINGS).await
    }

    async fn take_in(
        &self,
        engine: &dyn QueueEngine,
        bookmark: Bookmark,
        tail: Tail,
        reader: usize,
    ) -> Result<News, EngineError> {
        if self.copies.load(Ordering::Acquire) != bookmark.copy {
            return Ok(News::Overtaken);
        }
        if self.went_back(&tail, reader) {
            return self.recover(engine).await;
        }
        self.catch_up(engine, bookmark.after, tail).await
    }

    /// Whether a store shows less than it did to the same reader before: neither number falls within an epoch unless
    /// writes were lost.
    fn went_back(&self, tail: &Tail, reader: usize) -> bool {
        let now = Seen { epoch: tail.epoch, last_seq: tail.last_seq, log_head: tail.log_head };
        let before = self.seen.lock()[reader].replace(now);
        before.is_some_and(|seen| {
            seen.epoch == now.epoch && (now.log_head < seen.log_head || now.last_seq < seen.last_seq)
        })
    }

    async fn catch_up(&self, engine: &dyn QueueEngine, after: LogIndex, tail: Tail) -> Result<News, EngineError> {
        let Some(epoch) = self.epoch() else { return self.rebuild(engine).await };
        if epoch != tail.epoch {
            return match self.rebuild(engine).await? {
                News::Rebuilt => Ok(News::NewEpoch),
                other => Ok(other),
            };
        }
        match self.continue_with(engine, after, tail).await? {
            Continuation::Entries(changes) => Ok(News::Followed(changes)),
            Continuation::TooMuch => self.rebuild(engine).await,
            Continuation::OtherHistory => self.recover(engine).await,
        }
    }

    /// Starts again from a store that has lost its last writes.
    async fn recover(&self, engine: &dyn QueueEngine) -> Result<News, EngineError> {
        tracing::warn!(queue = %self.queue, "the queue store has lost its last writes: reading the line anew");
        let now = engine.stats(&self.queue).await?.now;
        let doubtful = now.as_second().saturating_add(CLOCKS_DIFFER);
        self.doubtful_before.fetch_max(doubtful, Ordering::Relaxed);
        match self.rebuild(engine).await? {
            News::Rebuilt => Ok(News::SetBack),
            other => Ok(other),
        }
    }

    /// Applies a tail, and reads on where it was cut short.
    async fn continue_with(
        &self,
        engine: &dyn QueueEngine,
        mut after: LogIndex,
        mut tail: Tail,
    ) -> Result<Continuation, EngineError> {
        let mut applied = Vec::new();
        loop {
            let wanted = tail.log_head;
            match self.apply(after, tail) {
                Continuation::Entries(changes) => {
                    let stuck = changes.is_empty();
                    applied.extend(changes);
                    let head = self.read(|line| line.head).unwrap_or_default();
                    if head >= wanted {
                        return Ok(Continuation::Entries(applied));
                    }
                    if stuck || wanted.0 - head.0 > MOST_REPLAYED {
                        return Ok(Continuation::TooMuch);
                    }
                }
                other => return Ok(other),
            }
            let Bookmark { epoch, after: from, .. } = self.bookmark();
            after = from;
            tail = engine.tail(&self.queue, epoch, after, LOG_PAGE).await?;
            if tail.epoch != epoch {
                return Ok(Continuation::TooMuch);
            }
        }
    }

    /// Applies those entries of a tail that are new here.
    fn apply(&self, after: LogIndex, tail: Tail) -> Continuation {
        let mut line = self.line.write();
        let Some(line) = line.as_mut() else { return Continuation::TooMuch };
        let LogPage::Entries(entries) = tail.page else {
            return if tail.log_head < after { Continuation::OtherHistory } else { Continuation::TooMuch };
        };
        // A reading that began before another was applied may end before it; it may not tell another story.
        let known = line.head.0.saturating_sub(after.0);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        if let (Some(last), Some(repeated)) = (&line.last, known.checked_sub(1).and_then(|at| entries.get(at)))
            && last != repeated
        {
            return Continuation::OtherHistory;
        }
        let changes: Vec<LineChange> = entries.into_iter().skip(known).collect();
        line.follow(&changes, tail.last_seq);
        Continuation::Entries(changes)
    }

    /// Reads the line in full, page by page while it moves on, then replays what happened meanwhile.
    async fn rebuild(&self, engine: &dyn QueueEngine) -> Result<News, EngineError> {
        let before = engine.stats(&self.queue).await?;
        let places = self.pages(engine, List::Line).await?;
        let front = self.pages(engine, List::Front).await?;
        let after = engine.stats(&self.queue).await?;
        if after.epoch != before.epoch || after.log_head < before.log_head {
            return Ok(News::Unsettled);
        }
        let Stats { last_seq, watermark, expired_through, log_head, .. } = before;
        let order = Order::rebuild(last_seq, watermark, expired_through, &places, &front);
        let mut fresh = Line::new(order, before);
        let mut head = log_head;
        while head < after.log_head {
            let LogPage::Entries(changes) = engine.tail(&self.queue, after.epoch, head, LOG_PAGE).await?.page else {
                return Ok(News::Unsettled);
            };
            if changes.is_empty() {
                return Ok(News::Unsettled);
            }
            fresh.follow(&changes, after.last_seq);
            head = fresh.head;
        }
        fresh.note_step(after, Vec::new());
        let mut line = self.line.write();
        if let Some(old) = line.take() {
            fresh.inherit(old);
        }
        *line = Some(fresh);
        drop(line);
        self.copies.fetch_add(1, Ordering::Release);
        // Both readers begin anew: what they saw belongs to the copy that is gone.
        *self.seen.lock() = [None; 2];
        Ok(News::Rebuilt)
    }

    /// All pages of a list.
    async fn pages(&self, engine: &dyn QueueEngine, list: List) -> Result<Vec<Sequence>, EngineError> {
        let mut all = Vec::new();
        loop {
            let above = all.last().copied();
            let page = match list {
                List::Line => engine.line(&self.queue, above, LINE_PAGE).await?.places,
                List::Front => engine.front(&self.queue, above, LINE_PAGE).await?.places,
            };
            let is_short = page.len() < LINE_PAGE;
            all.extend(page);
            if is_short {
                return Ok(all);
            }
        }
    }
}

/// What the line is read in full from.
#[derive(Clone, Copy, Debug)]
enum List {
    /// Every place.
    Line,
    /// The passed ones whose visitors are ready.
    Front,
}
