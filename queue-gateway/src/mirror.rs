//! This gateway's copy of each line: positions, counts and pace, without asking the store.
//!
//! Every step of the promoter brings what the log has gained; a reading of the log's end, made for requests that must
//! not be told less than another gateway has told, brings it in between.

mod following;
mod line;
mod memory;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use contract::ids::QueueName;
use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::Semaphore;

pub use self::line::Census;
pub(crate) use self::line::Line;
use crate::line::{Drawn, Epoch, LineChange, LogIndex, Outlook, Sequence, Standpoint, Stats};

/// By how many seconds the clocks of gateways and store may differ before a lost place is taken for a kept one.
const CLOCKS_DIFFER: i64 = 60;
/// Log entries read in one call.
pub(crate) const LOG_PAGE: usize = 2_000;

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
    /// The store has lost its last writes, as in a fail-over, and goes on from an earlier moment of the same epoch:
    /// whom it has lost cannot be told from here.
    SetBack,
    /// The store has lost the line, and is being given it back.
    Rejoining,
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
    /// The newest entry of the log that was applied.
    head: LogIndex,
    /// The newest place that is known to have been given; the last there can be while none is known, since nobody joins
    /// here before the line is.
    pub(crate) newest: Sequence,
    copy: u64,
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
    current: AtomicBool,
    /// The store has lost the line: until it has it again, nothing that it says of it counts.
    rejoining: AtomicBool,
    /// The store has been told all that is known here, since it began to wait.
    told: AtomicBool,
    /// The store goes on with a later history, of which nothing is known here.
    lapsed: AtomicBool,
    /// Tokens minted before this moment, in seconds since 1970, may state places that the store has lost and given
    /// away.
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
            current: AtomicBool::new(false),
            rejoining: AtomicBool::new(false),
            told: AtomicBool::new(false),
            lapsed: AtomicBool::new(false),
            doubtful_before: AtomicI64::new(i64::MIN),
        }
    }

    /// The name of the queue whose line it copies.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// Where a place stands by this copy and what can be told of it; `None` for a place that is not in the line, or for
    /// any before the first step.
    pub fn look_up(&self, seq: Sequence) -> Option<(Standpoint, Outlook)> {
        self.read(|line| line.standpoint(seq).map(|point| (point, line.outlook(seq, point.position)))).flatten()
    }

    /// What can be told of a place that the engine has just called waiting; `None` before the first step.
    pub fn outlook_of_waiting(&self, seq: Sequence) -> Option<Outlook> {
        self.read(|line| line.outlook_of_waiting(seq))
    }

    /// The outcome of the draw, once it is made.
    pub fn drawn(&self) -> Option<Arc<Drawn>> {
        self.read(|line| line.drawn().cloned()).flatten()
    }

    /// The number of a draw that whoever stands here has.
    pub fn number_of(&self, seq: Sequence) -> Option<u64> {
        self.read(|line| line.number_of(seq)).flatten()
    }

    /// Which numbers of the draw are no longer in the line, a bit each; `None` before the draw.
    pub fn departed_numbers(&self) -> Option<Vec<u8>> {
        self.read(Line::departed_numbers).flatten()
    }

    /// The outcome of the draw, once the store has dealt all places.
    pub fn dealt(&self) -> Option<Arc<Drawn>> {
        self.read(|line| line.dealt().cloned()).flatten()
    }

    /// Where the store has somebody who stood at a number: at the drawn place, once all places are dealt. Everybody
    /// else stays where they are.
    pub fn place(&self, seq: Sequence) -> Sequence {
        if seq.number().is_none() {
            return seq;
        }
        self.read(|line| line.dealt().map(|drawn| drawn.place_in_line(seq))).flatten().unwrap_or(seq)
    }

    /// Whether the two name the place of one visitor, one of them perhaps by the number.
    pub(crate) fn is_same_place(&self, one: Sequence, other: Sequence) -> bool {
        one == other || self.read(|line| line.is_same_place(one, other)).unwrap_or(false)
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

    /// Whether the store has lost the line and is being given it back.
    pub fn is_rejoining(&self) -> bool {
        self.rejoining.load(Ordering::Relaxed)
    }

    pub(crate) fn set_rejoining(&self) {
        self.rejoining.store(true, Ordering::Relaxed);
    }

    /// Whether the store has heard all that is known here, and goes on with it.
    pub(crate) fn set_told(&self, told: bool) {
        self.told.store(told, Ordering::Relaxed);
    }

    /// Whether only the engine can tell if a place whose token was minted then is still its owner's: after the store
    /// has lost its last writes it issues the same sequences again.
    pub fn is_doubtful(&self, issued_at: Timestamp) -> bool {
        issued_at.as_second() <= self.doubtful_before.load(Ordering::Relaxed)
    }

    /// Takes no place on trust whose token was minted until now: nobody may have remembered it, and it is given again.
    pub(crate) fn doubt_what_was_told(&self, now: Timestamp) {
        self.doubtful_before.fetch_max(now.as_second().saturating_add(CLOCKS_DIFFER), Ordering::Relaxed);
    }

    /// Takes no place on trust whose token was minted in a second before this one.
    pub(crate) fn doubt_what_was_told_before(&self, now: Timestamp) {
        self.doubtful_before.fetch_max(now.as_second().saturating_sub(1), Ordering::Relaxed);
    }

    /// Shows that the store waits for what gateways remember: of all that it says, nothing else counts meanwhile.
    pub(crate) fn note_rejoining(&self, stats: &Stats) {
        if let Some(line) = self.line.write().as_mut() {
            let shown = Arc::make_mut(&mut line.stats);
            (shown.now, shown.control.rejoining_until) = (stats.now, stats.control.rejoining_until);
        }
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

    /// Where the next reading of the log should begin. The newest entry applied is read again: a store that was set
    /// back and has moved on since may be ahead of us and yet another.
    ///
    /// Whoever follows an earlier history than the store has nothing to tell of this one, as if of another epoch.
    pub(crate) fn bookmark(&self) -> Bookmark {
        // Before the line: a copy that is made in between then counts as another.
        let copy = self.copies.load(Ordering::Acquire);
        let bookmark = self.read(|line| {
            let overlap = u64::from(line.last.is_some());
            let after = LogIndex(line.head.0.saturating_sub(overlap));
            let epoch = if self.lapsed.load(Ordering::Relaxed) { Epoch(0) } else { line.epoch };
            Bookmark { epoch, after, head: line.head, newest: line.last_seq(), copy }
        });
        bookmark.unwrap_or(Bookmark {
            epoch: Epoch(0),
            after: LogIndex(0),
            head: LogIndex(0),
            newest: Sequence::LAST,
            copy,
        })
    }
}
