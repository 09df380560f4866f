//! How a copy follows its line: by the log while it reaches back, else by reading the line in full.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use contract::ids::ActiveTokenId;

use super::{Bookmark, LOG_PAGE, Line, Mirror, News, Seen, memory::Slots};
use crate::{
    engine::{EngineError, QueueEngine},
    line::{Drawn, Histogram, LineChange, LogIndex, LogPage, Lots, Order, RememberedSlot, Sequence, Stats, Tail},
};

/// Sequences read in one call when the line is read in full.
const LINE_PAGE: usize = 10_000;
/// Farther behind than this, reading the line in full is cheaper than replaying the log.
const MOST_REPLAYED: u64 = 50_000;
/// Whose readings follow one another: the steps', and those between them.
const STEPS: usize = 0;
const READINGS: usize = 1;
/// By how many seconds the clocks of gateways and store may differ before a lost place is taken for a kept one.
const CLOCKS_DIFFER: i64 = 60;

/// A stretch of the log against what was applied.
enum Continuation {
    /// These entries follow.
    Entries(Vec<LineChange>),
    /// There is more than the log still has, or than is worth replaying.
    TooMuch,
    /// What was applied before is no longer there: the log is another than the one that was followed.
    OtherHistory,
}

impl Mirror {
    /// Whether the store has another line than the one that was followed, or waits for what gateways remember.
    pub(crate) fn is_missed_by(&self, tail: &Tail) -> bool {
        tail.rejoining || self.epoch().is_some_and(|epoch| epoch != tail.epoch)
    }

    /// Whether a store shows less in the reply to a step, asked for at `bookmark`, than to steps before.
    pub(crate) fn went_back_at(&self, bookmark: Bookmark, tail: &Tail) -> bool {
        self.copies.load(Ordering::Acquire) == bookmark.copy && self.went_back(tail, STEPS)
    }

    /// Takes in a step's reply, whose tail was asked for at `bookmark`; from a store that has been `set_back`, and goes on, the
    /// line is read anew.
    pub(crate) async fn follow_step(
        &self,
        engine: &dyn QueueEngine,
        bookmark: Bookmark,
        tail: Tail,
        stats: Stats,
        present: Vec<Histogram>,
        set_back: bool,
    ) -> Result<News, EngineError> {
        let _turn = self.following.acquire().await;
        let news = if set_back { self.recover(engine).await? } else { self.take_in(engine, bookmark, tail).await? };
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
        let same_copy = self.copies.load(Ordering::Acquire) == bookmark.copy;
        // Only a step knows what to do about that.
        if self.is_missed_by(&tail) || same_copy && self.went_back(&tail, READINGS) {
            return Err(EngineError::Unavailable("the store has lost the line".to_owned()));
        }
        self.take_in(engine, bookmark, tail).await
    }

    async fn take_in(&self, engine: &dyn QueueEngine, bookmark: Bookmark, tail: Tail) -> Result<News, EngineError> {
        if self.copies.load(Ordering::Acquire) != bookmark.copy {
            return Ok(News::Overtaken);
        }
        if tail.rejoining {
            return Ok(News::Rejoining);
        }
        if self.is_rejoining() && self.epoch() == Some(tail.epoch) {
            // What was logged meanwhile was about a line that was not all there.
            let news = self.rebuild(engine).await?;
            self.rejoining.store(!matches!(news, News::Rebuilt), Ordering::Relaxed);
            return Ok(news);
        }
        self.rejoining.store(false, Ordering::Relaxed);
        self.catch_up(engine, bookmark.after, tail).await
    }

    /// Whether a store shows less than it did to the same reader before: neither number falls within an epoch unless
    /// writes were lost.
    fn went_back(&self, tail: &Tail, reader: usize) -> bool {
        let now = Seen { epoch: tail.epoch, last_seq: tail.last_seq, log_head: tail.log_head };
        let mut seen = self.seen.lock();
        let went_back = seen[reader].is_some_and(|seen| {
            seen.epoch == now.epoch && (now.log_head < seen.log_head || now.last_seq < seen.last_seq)
        });
        // What was seen stays until the line has been read anew: a reading that fails must not make it be forgotten.
        if !went_back {
            seen[reader] = Some(now);
        }
        went_back
    }

    async fn catch_up(&self, engine: &dyn QueueEngine, after: LogIndex, tail: Tail) -> Result<News, EngineError> {
        self.draw_ahead(&tail).await;
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
            self.draw_ahead(&tail).await;
            if tail.epoch != epoch {
                return Ok(Continuation::TooMuch);
            }
        }
    }

    /// Makes the draw that a tail tells of, before it is applied: it may take a second, in which everybody may read on.
    async fn draw_ahead(&self, tail: &Tail) {
        let LogPage::Entries(entries) = &tail.page else { return };
        let decided = entries.iter().find_map(|change| match change {
            LineChange::Drawn(lots) => Some(lots),
            _ => None,
        });
        let is_open = self.read(|line| line.epoch == tail.epoch && line.drawn().is_none());
        if let (Some(lots), Some(true)) = (decided, is_open) {
            let drawn = draw_aside(lots.clone()).await;
            if let Some(line) = self.line.write().as_mut().filter(|line| line.epoch == tail.epoch) {
                line.draw(drawn);
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
        let slots = self.slots_of(engine).await?;
        let after = engine.stats(&self.queue).await?;
        // Places that were dealt while they were read would be taken for others.
        let same_draw = after.control.draw.lots() == before.control.draw.lots();
        let rejoins = [&before, &after].iter().any(|stats| stats.control.rejoins(stats.now));
        if rejoins || after.epoch != before.epoch || after.log_head < before.log_head || !same_draw {
            return Ok(News::Unsettled);
        }
        let drawn = match before.control.draw.lots() {
            Some(lots) => Some(draw_aside(lots).await),
            None => None,
        };
        let log_head = before.log_head;
        let order = Order::rebuild(before.extent(), &places, &front, drawn);
        let mut fresh = Line::new(order, slots, before);
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

    /// All slots. Many may expire at one moment, but not a whole page of them.
    async fn slots_of(&self, engine: &dyn QueueEngine) -> Result<Slots, EngineError> {
        let mut all: BTreeMap<ActiveTokenId, RememberedSlot> = BTreeMap::new();
        let mut from = None;
        loop {
            let page = engine.slots(&self.queue, from, LINE_PAGE).await?;
            from = page.last().map(|slot| slot.expires_at);
            let (is_short, known) = (page.len() < LINE_PAGE, all.len());
            all.extend(page.into_iter().map(|slot| (slot.token, slot)));
            if is_short || all.len() == known {
                return Ok(Slots::new(all.into_values()));
            }
        }
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

/// Where nobody waits for it.
async fn draw_aside(lots: Lots) -> Arc<Drawn> {
    let numbers = lots.numbers;
    let drawn = tokio::task::spawn_blocking(move || Arc::new(lots.draw()));
    drawn.await.unwrap_or_else(|error| panic!("a draw of {numbers} numbers failed: {error}"))
}

/// What the line is read in full from.
#[derive(Clone, Copy, Debug)]
enum List {
    /// Every place.
    Line,
    /// The passed ones whose visitors are ready.
    Front,
}
