//! This gateway's copy of each line: positions, counts and pace, without asking the store.
//!
//! After each promotion the promoter reads what the departure log has gained and applies it here; the copy then shows the
//! line exactly as it was at the moment of that promotion.

mod line;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use contract::ids::QueueName;
use jiff::Timestamp;
use parking_lot::RwLock;

pub(crate) use self::line::Line;
use crate::{
    engine::{EngineError, QueueEngine},
    line::{Departures, Epoch, LineChange, LogIndex, Outlook, Sequence, Stats, rank::Rank},
};

/// Log entries read in one call.
const LOG_PAGE: usize = 2_000;
/// Sequences read in one call when the line is read in full.
const LINE_PAGE: usize = 10_000;
/// Farther behind than this, reading the line in full is cheaper than replaying the log.
const MOST_REPLAYED: u64 = 50_000;
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
pub(crate) enum Progress {
    /// These changes were applied.
    Followed(Vec<LineChange>),
    /// The log no longer reached back, so the line was read in full: who departed meanwhile, the engine must be asked.
    Rebuilt,
    /// The store began a new epoch: it knows nobody who had a place here.
    NewEpoch,
    /// The store has lost its last writes, as in a fail-over, and goes on from an earlier moment of the same epoch: whom
    /// it has lost cannot be told from here.
    SetBack,
    /// The store changed under our hands; the copy is as before, and the next round tries again.
    Unsettled,
}

/// What the log has gained since it was last read.
enum News {
    /// These entries.
    Entries(Vec<LineChange>),
    /// More than the log still has, or than is worth replaying.
    TooMuch,
    /// What was read before is no longer there, so the log is another than the one that was followed.
    OtherHistory,
}

/// The copy of one line.
#[derive(Debug)]
pub struct Mirror {
    queue: QueueName,
    line: RwLock<Option<Line>>,
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
            current: AtomicBool::new(false),
            doubtful_before: AtomicI64::new(i64::MIN),
        }
    }

    /// The queue.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// What this copy says of a place. `Departed` also stands for a restored place that the copy has not met yet.
    ///
    /// Before the first tick nothing is known, and every place counts as departed; ask [`Mirror::stats`] first.
    pub fn outlook(&self, seq: Sequence) -> Outlook {
        let position = self.read(|line| line.position(seq).map(|position| outlook_at(line, position)));
        position.flatten().unwrap_or(Outlook::Departed)
    }

    /// As [`Mirror::outlook`], of a place that the engine has just called waiting: the engine's word is newer than this
    /// copy, so the place counts as being in the line. `Departed` only before the first tick.
    pub fn outlook_of_waiting(&self, seq: Sequence) -> Outlook {
        self.read(|line| outlook_at(line, line.ahead(seq) + 1)).unwrap_or(Outlook::Departed)
    }

    /// The queue in numbers as of the last tick; `None` before the first.
    pub fn stats(&self) -> Option<Arc<Stats>> {
        self.line.read().as_ref().map(|line| line.stats.clone())
    }

    /// The queue's epoch; `None` before the first tick.
    pub fn epoch(&self) -> Option<Epoch> {
        self.line.read().as_ref().map(|line| line.stats.epoch)
    }

    /// Whether the last tick reached the store. False before the first and during an outage.
    pub fn is_current(&self) -> bool {
        self.current.load(Ordering::Relaxed)
    }

    /// Whether only the engine can tell if a place whose token was minted then is still its owner's: after the store has
    /// lost its last writes it issues the same sequences again.
    pub fn is_doubtful(&self, issued_at: Timestamp) -> bool {
        issued_at.as_second() <= self.doubtful_before.load(Ordering::Relaxed)
    }

    pub(crate) fn set_current(&self, current: bool) {
        self.current.store(current, Ordering::Relaxed);
    }

    /// Reads the copy at one moment.
    pub(crate) fn read<R>(&self, reader: impl FnOnce(&Line) -> R) -> Option<R> {
        self.line.read().as_ref().map(reader)
    }

    /// Brings the copy to the moment of `stats`. One caller at a time: the promoter of this queue.
    pub(crate) async fn follow(&self, engine: &dyn QueueEngine, stats: Stats) -> Result<Progress, EngineError> {
        let Some((seen, last)) = self.read(|line| (line.stats.clone(), line.last)) else {
            return self.rebuild(engine, stats).await;
        };
        if seen.epoch != stats.epoch {
            return match self.rebuild(engine, stats).await? {
                Progress::Rebuilt => Ok(Progress::NewEpoch),
                other => Ok(other),
            };
        }
        match self.news(engine, &seen, last, &stats).await? {
            News::Entries(changes) => {
                if let Some(line) = self.line.write().as_mut() {
                    line.advance(&changes, stats);
                }
                Ok(Progress::Followed(changes))
            }
            News::TooMuch => self.rebuild(engine, stats).await,
            News::OtherHistory => {
                tracing::warn!(queue = %self.queue, "the queue store has lost its last writes: reading the line anew");
                let doubtful = stats.now.as_second().saturating_add(CLOCKS_DIFFER);
                self.doubtful_before.fetch_max(doubtful, Ordering::Relaxed);
                match self.rebuild(engine, stats).await? {
                    Progress::Rebuilt => Ok(Progress::SetBack),
                    other => Ok(other),
                }
            }
        }
    }

    /// The log between the moments of `seen` and `stats`, where `last` is the newest entry before.
    ///
    /// That entry is read again: a store that was set back and has moved on since may be ahead of `seen` and yet another.
    async fn news(
        &self,
        engine: &dyn QueueEngine,
        seen: &Stats,
        last: Option<LineChange>,
        stats: &Stats,
    ) -> Result<News, EngineError> {
        if went_back(seen, stats) {
            return Ok(News::OtherHistory);
        }
        let missing = stats.log_head.0 - seen.log_head.0;
        if missing > MOST_REPLAYED {
            return Ok(News::TooMuch);
        }
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        let mut changes = Vec::with_capacity(missing);
        let mut overlap = last;
        while changes.len() < missing {
            let repeated = usize::from(overlap.is_some());
            let after = LogIndex((seen.log_head.0 + changes.len() as u64).saturating_sub(repeated as u64));
            let page = (missing - changes.len()).min(LOG_PAGE) + repeated;
            let Departures::Entries(entries) = engine.departures(&self.queue, stats.epoch, after, page).await? else {
                return Ok(News::TooMuch);
            };
            let mut entries = entries.into_iter();
            if let Some(last) = overlap.take()
                && entries.next() != Some(last)
            {
                return Ok(News::OtherHistory);
            }
            if entries.len() == 0 {
                return Ok(News::TooMuch);
            }
            changes.extend(entries);
        }
        Ok(News::Entries(changes))
    }

    /// Reads the line in full, page by page while it moves on, then replays what happened meanwhile.
    async fn rebuild(&self, engine: &dyn QueueEngine, before: Stats) -> Result<Progress, EngineError> {
        let mut waiting = Vec::new();
        loop {
            let page = engine.line(&self.queue, waiting.last().copied(), LINE_PAGE).await?.waiting;
            let last = page.len() < LINE_PAGE;
            waiting.extend(page);
            if last {
                break;
            }
        }
        let after = engine.stats(&self.queue).await?;
        if after.epoch != before.epoch {
            return Ok(Progress::Unsettled);
        }
        let News::Entries(changes) = self.news(engine, &before, None, &after).await? else {
            return Ok(Progress::Unsettled);
        };
        let mut fresh = Line::new(Rank::rebuild(before.last_seq, waiting.into_iter()), before);
        fresh.advance(&changes, after);
        let mut line = self.line.write();
        if let Some(old) = line.take() {
            fresh.inherit_pace(old);
        }
        *line = Some(fresh);
        Ok(Progress::Rebuilt)
    }
}

/// Whether a store shows less than it did: neither number falls within an epoch unless writes were lost.
fn went_back(seen: &Stats, now: &Stats) -> bool {
    now.log_head < seen.log_head || now.last_seq < seen.last_seq
}

fn outlook_at(line: &Line, position: u64) -> Outlook {
    Outlook::Waiting { position, behind: line.behind(position), wait: line.wait(position) }
}
