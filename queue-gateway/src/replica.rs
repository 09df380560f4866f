//! This gateway's copy of each line: positions, counts and pace, without asking the store.
//!
//! After each promotion the promoter reads what the departure log has gained and applies it here; the copy then shows the
//! line exactly as it was at the moment of that promotion.

mod line;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::RwLock;
use shared::ids::QueueName;

pub(crate) use self::line::Line;
use crate::{
    engine::{Departures, EngineError, Epoch, LineChange, LogIndex, QueueEngine, Sequence, Stats},
    room::{place::Outlook, rank::Rank},
};

/// Log entries read in one call.
const LOG_PAGE: usize = 2_000;
/// Sequences read in one call when the line is read in full.
const LINE_PAGE: usize = 10_000;
/// Farther behind than this, reading the line in full is cheaper than replaying the log.
const MOST_REPLAYED: u64 = 50_000;

/// The copies of all queues of this gateway; the set is fixed by the settings at start.
#[derive(Debug)]
pub struct Replicas(BTreeMap<QueueName, Arc<Replica>>);

impl Replicas {
    /// An empty copy for each queue.
    pub fn new(queues: impl IntoIterator<Item = QueueName>) -> Self {
        Self(queues.into_iter().map(|queue| (queue.clone(), Arc::new(Replica::new(queue)))).collect())
    }

    /// The copy of one queue; `None` for a queue that the settings do not name.
    pub fn get(&self, queue: &QueueName) -> Option<&Arc<Replica>> {
        self.0.get(queue)
    }

    /// All copies, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Replica>> {
        self.0.values()
    }

    /// Whether every copy follows its line.
    pub fn are_current(&self) -> bool {
        self.iter().all(|replica| replica.is_current())
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
    /// The store changed under our hands; the copy is as before, and the next round tries again.
    Unsettled,
}

/// The copy of one line.
#[derive(Debug)]
pub struct Replica {
    queue: QueueName,
    line: RwLock<Option<Line>>,
    current: AtomicBool,
}

impl Replica {
    /// A copy that has not seen its line yet.
    pub fn new(queue: QueueName) -> Self {
        Self { queue, line: RwLock::new(None), current: AtomicBool::new(false) }
    }

    /// The queue.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// What this copy says of a place. `Departed` also stands for a restored place that the copy has not met yet.
    ///
    /// Before the first tick nothing is known, and every place counts as departed; ask [`Replica::stats`] first.
    pub fn outlook(&self, seq: Sequence) -> Outlook {
        let position = self.read(|line| line.position(seq).map(|position| outlook_at(line, position)));
        position.flatten().unwrap_or(Outlook::Departed)
    }

    /// As [`Replica::outlook`], of a place that the engine has just called waiting: the engine's word is newer than this
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

    pub(crate) fn set_current(&self, current: bool) {
        self.current.store(current, Ordering::Relaxed);
    }

    /// Reads the copy at one moment.
    pub(crate) fn read<R>(&self, reader: impl FnOnce(&Line) -> R) -> Option<R> {
        self.line.read().as_ref().map(reader)
    }

    /// Brings the copy to the moment of `stats`. One caller at a time: the promoter of this queue.
    pub(crate) async fn follow(&self, engine: &dyn QueueEngine, stats: Stats) -> Result<Progress, EngineError> {
        let Some((epoch, applied)) = self.read(|line| (line.stats.epoch, line.stats.log_head)) else {
            return self.rebuild(engine, stats).await;
        };
        if epoch != stats.epoch {
            return match self.rebuild(engine, stats).await? {
                Progress::Rebuilt => Ok(Progress::NewEpoch),
                other => Ok(other),
            };
        }
        let Some(changes) = self.changes(engine, &stats, applied).await? else {
            return self.rebuild(engine, stats).await;
        };
        if let Some(line) = self.line.write().as_mut() {
            line.advance(&changes, stats);
        }
        Ok(Progress::Followed(changes))
    }

    /// The log from `applied` up to the moment of `stats`; `None` when it does not reach back or is too long to replay.
    async fn changes(
        &self,
        engine: &dyn QueueEngine,
        stats: &Stats,
        applied: LogIndex,
    ) -> Result<Option<Vec<LineChange>>, EngineError> {
        // The head of a log never moves back within an epoch; a store restored from an older copy of itself might.
        let Some(missing) = stats.log_head.0.checked_sub(applied.0).filter(|&missing| missing <= MOST_REPLAYED) else {
            return Ok(None);
        };
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        let mut changes = Vec::with_capacity(missing);
        while changes.len() < missing {
            let after = LogIndex(applied.0 + changes.len() as u64);
            let page = (missing - changes.len()).min(LOG_PAGE);
            match engine.departures(&self.queue, stats.epoch, after, page).await? {
                Departures::Entries(entries) if !entries.is_empty() => changes.extend(entries),
                Departures::Entries(_) | Departures::Gap => return Ok(None),
            }
        }
        Ok(Some(changes))
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
        let Some(changes) = self.changes(engine, &after, before.log_head).await? else {
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

fn outlook_at(line: &Line, position: u64) -> Outlook {
    Outlook::Waiting { position, behind: line.behind(position), wait: line.wait(position) }
}
