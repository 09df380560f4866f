//! How a copy follows its line: by the log while it reaches back, else by a snapshot or the line in full.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use contract::ids::ActiveTokenId;

use super::{Bookmark, LOG_PAGE, Line, Mirror, News, memory::Slots};
use crate::{
    engine::{EngineError, QueueEngine},
    line::{
        Drawn, GatewayId, Histogram, History, LineChange, LogIndex, LogPage, Lots, Order, RememberedSlot, Sequence,
        Stats, Tail,
    },
};

/// Sequences read in one call when the line is read in full.
const LINE_PAGE: usize = 10_000;
/// Farther behind than this, a new copy is cheaper than replaying the log.
const MOST_REPLAYED: u64 = 50_000;
/// To replay an entry of the log costs the store about as much as to read so many places.
const PLACES_PER_ENTRY: u64 = 4;

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

    /// Whether a store shows less in a reply that was asked for at `bookmark` than was known here before: neither
    /// number falls within an epoch unless writes were lost.
    pub(crate) fn went_back(&self, bookmark: Bookmark, tail: &Tail) -> bool {
        let knew_more = tail.log_head < bookmark.head || tail.last_seq < bookmark.newest;
        bookmark.epoch == tail.epoch && self.is_same_copy(bookmark) && knew_more
    }

    /// Whether the store has waited, since this was followed, for what gateways remember.
    fn is_of_another_history(&self, tail: &Tail) -> bool {
        self.read(|line| line.epoch == tail.epoch && line.history != tail.history).unwrap_or(false)
    }

    /// Whether the store goes on with a later history, in which what is known here was not told: from then on it counts for
    /// nothing.
    pub(crate) fn lapses_by(&self, tail: &Tail) -> bool {
        let is_later = self.read(|line| line.epoch == tail.epoch && line.history < tail.history).unwrap_or(false);
        let lapses = is_later && !self.told.load(Ordering::Relaxed);
        self.lapsed.fetch_or(lapses, Ordering::Relaxed);
        lapses
    }

    /// Goes on with a history in which all that is known here was told; false where it was not.
    fn adopt(&self, history: History) -> bool {
        let was_told = self.told.swap(false, Ordering::Relaxed);
        if let Some(line) = self.line.write().as_mut().filter(|_| was_told) {
            line.history = history;
        }
        was_told
    }

    pub(super) fn is_same_copy(&self, bookmark: Bookmark) -> bool {
        self.copies.load(Ordering::Acquire) == bookmark.copy
    }

    /// Takes in a step's reply, whose tail was asked for at `bookmark`; from a store that has been `set_back`, and goes
    /// on, the line is read anew.
    pub(crate) async fn follow_step(
        &self,
        engine: &dyn QueueEngine,
        bookmark: Bookmark,
        tail: Tail,
        stats: Stats,
        present: Vec<(GatewayId, Histogram)>,
        set_back: bool,
    ) -> Result<News, EngineError> {
        let _turn = self.following.acquire().await;
        if !tail.rejoining && self.rejoining.swap(false, Ordering::Relaxed) {
            self.doubt_what_was_told(stats.now);
        }
        // A store that waits has no line to read.
        let is_to_be_read_anew = set_back && !tail.rejoining;
        let news =
            if is_to_be_read_anew { self.recover(engine).await? } else { self.take_in(engine, bookmark, tail).await? };
        // A copy that was made meanwhile is newer than these numbers.
        let same_copy = self.is_same_copy(bookmark);
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
        // Only a step knows what to do about that.
        let is_lost = self.is_missed_by(&tail) || self.went_back(bookmark, &tail) || self.is_of_another_history(&tail);
        if self.is_rejoining() || is_lost {
            return Err(EngineError::Unavailable("the store has lost the line".to_owned()));
        }
        self.take_in(engine, bookmark, tail).await
    }

    async fn take_in(&self, engine: &dyn QueueEngine, bookmark: Bookmark, tail: Tail) -> Result<News, EngineError> {
        if !self.is_same_copy(bookmark) {
            return Ok(News::Overtaken);
        }
        if tail.rejoining {
            return Ok(News::Rejoining);
        }
        self.catch_up(engine, bookmark.after, tail).await
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
        if self.is_of_another_history(&tail) && !self.adopt(tail.history) {
            return self.recover(engine).await;
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
        self.doubt_what_was_told(engine.stats(&self.queue).await?.now);
        match self.copy_anew(engine, true).await? {
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
            if self.is_of_another_history(&tail) {
                return Ok(Continuation::OtherHistory);
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

    /// Copies the line anew: from the snapshot that another gateway has left, or from its beginning, and the log after
    /// it; or in full, where that is less.
    async fn rebuild(&self, engine: &dyn QueueEngine) -> Result<News, EngineError> {
        self.copy_anew(engine, false).await
    }

    /// The same; it may give up what is known here and not in the store.
    async fn copy_anew(&self, engine: &dyn QueueEngine, gives_up: bool) -> Result<News, EngineError> {
        let before = engine.stats(&self.queue).await?;
        let copy = match self.copy_from_snapshot(engine, &before).await? {
            Some(copy) => Some(copy),
            None => self.copy_in_full(engine, &before).await?,
        };
        let Some((mut fresh, after)) = copy else { return Ok(News::Unsettled) };
        fresh.note_step(after, Vec::new());
        let mut line = self.line.write();
        if let Some(old) = line.as_ref().filter(|old| !gives_up && old.epoch == fresh.epoch) {
            if old.knows_more_than(&fresh) {
                // The store was set back meanwhile, and is to be told: nobody else may remember it.
                return Ok(News::Unsettled);
            }
            fresh.note_issued(old.last_seq());
        }
        if let Some(old) = line.take() {
            fresh.inherit(old);
        }
        *line = Some(fresh);
        drop(line);
        self.set_told(false);
        self.lapsed.store(false, Ordering::Relaxed);
        self.copies.fetch_add(1, Ordering::Release);
        Ok(News::Rebuilt)
    }

    /// The line by a snapshot and the log after it; `None` where the log does not reach back so far, or to read the
    /// line in full is less.
    async fn copy_from_snapshot(
        &self,
        engine: &dyn QueueEngine,
        before: &Stats,
    ) -> Result<Option<(Line, Stats)>, EngineError> {
        let kept = engine.snapshot(&self.queue).await?;
        let kept = kept.filter(|kept| kept.epoch == before.epoch && kept.log_head <= before.log_head);
        let from = kept.as_ref().map_or(LogIndex(0), |kept| kept.log_head);
        let places = before.last_seq.0.abs_diff(before.expired_through.0.max(0));
        if (before.log_head.0 - from.0).saturating_mul(PLACES_PER_ENTRY) > places {
            return Ok(None);
        }
        let drawn = drawn_by(before).await;
        let order = match kept {
            Some(kept) => Order::from_bytes(&kept.order, drawn),
            None => Some(Order::beginning(drawn)),
        };
        let Some(order) = order else { return Ok(None) };
        let slots = self.slots_of(engine).await?;
        let fresh = Line::new(order, slots, Stats { log_head: from, ..before.clone() });
        self.caught_up(engine, fresh, before).await
    }

    /// The line page by page, while it moves on, and what happened meanwhile; `None` where the store changed under our
    /// hands.
    async fn copy_in_full(
        &self,
        engine: &dyn QueueEngine,
        before: &Stats,
    ) -> Result<Option<(Line, Stats)>, EngineError> {
        let places = self.pages(engine, List::Line).await?;
        let front = self.pages(engine, List::Front).await?;
        let slots = self.slots_of(engine).await?;
        let drawn = drawn_by(before).await;
        let order = Order::rebuild(before.extent(), &places, &front, drawn);
        self.caught_up(engine, Line::new(order, slots, before.clone()), before).await
    }

    /// The line with what the log has gained since, and the queue in numbers.
    async fn caught_up(
        &self,
        engine: &dyn QueueEngine,
        mut fresh: Line,
        before: &Stats,
    ) -> Result<Option<(Line, Stats)>, EngineError> {
        let after = engine.stats(&self.queue).await?;
        // Places that were dealt while they were read would be taken for others.
        let same_draw = after.control.draw.lots() == before.control.draw.lots();
        let rejoins = [before, &after].iter().any(|stats| stats.control.rejoins(stats.now));
        let same_line = (after.epoch, after.history) == (before.epoch, before.history);
        if rejoins || !same_line || after.log_head < before.log_head || !same_draw {
            return Ok(None);
        }
        while fresh.head < after.log_head {
            let tail = engine.tail(&self.queue, after.epoch, fresh.head, LOG_PAGE).await?;
            match tail.page {
                LogPage::Entries(changes) if !changes.is_empty() && tail.history == after.history => {
                    fresh.follow(&changes, after.last_seq);
                }
                _ => return Ok(None),
            }
        }
        Ok(Some((fresh, after)))
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

/// The outcome of a draw that is decided by these numbers.
async fn drawn_by(stats: &Stats) -> Option<Arc<Drawn>> {
    match stats.control.draw.lots() {
        Some(lots) => Some(draw_aside(lots).await),
        None => None,
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
