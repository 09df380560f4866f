//! One line as of one moment.

use std::{sync::Arc, time::Duration};

use crate::line::{
    LineChange, Sequence, Stats,
    estimate::{Pace, RateWindow, WaitRange},
    rank::Rank,
};

/// How readily those who wait give up, per second. Not measured yet: as if nobody ever did, which errs to the late side.
const HAZARD: f64 = 0.0;

/// Who waits, and what governs the line, as of [`Line::stats`].
#[derive(Debug)]
pub(crate) struct Line {
    /// The queue in numbers; `rank` has applied the log exactly up to its head.
    pub(crate) stats: Arc<Stats>,
    /// The newest entry applied; `None` where nothing has been since the line was read in full.
    pub(crate) last: Option<LineChange>,
    rank: Rank,
    waiting: u64,
    rates: RateWindow,
    /// `None` while admission is paused.
    pace: Option<Pace>,
}

impl Line {
    pub(crate) fn new(rank: Rank, stats: Stats) -> Self {
        let (rates, stats) = (RateWindow::default(), Arc::new(stats));
        let mut line = Self { waiting: 0, last: None, rank, rates, pace: None, stats };
        line.take_stock();
        line
    }

    /// How many wait ahead of a place, whether or not it is in the line.
    pub(crate) fn ahead(&self, seq: Sequence) -> u64 {
        self.rank.ahead(seq)
    }

    /// The position of a place that is in the line at this moment.
    pub(crate) fn position(&self, seq: Sequence) -> Option<u64> {
        self.rank.position(seq)
    }

    /// How many wait behind this position.
    pub(crate) fn behind(&self, position: u64) -> u64 {
        self.waiting.saturating_sub(position)
    }

    /// How long it takes from this position.
    pub(crate) fn wait(&self, position: u64) -> Option<WaitRange> {
        self.pace.and_then(|pace| pace.wait(position, HAZARD))
    }

    /// Applies the log between the present moment and that of `stats`.
    pub(crate) fn advance(&mut self, changes: &[LineChange], stats: Stats) {
        for change in changes {
            match *change {
                LineChange::Admitted { seq, .. } | LineChange::Departed { seq } => self.rank.depart(seq),
                LineChange::Restored { seq } => self.rank.restore(seq),
            }
        }
        self.last = changes.last().copied().or(self.last);
        let before = std::mem::replace(&mut self.stats, Arc::new(stats));
        let busy = before.waiting > 0 && !before.control.paused && !self.stats.control.paused;
        if busy {
            let elapsed = Duration::try_from(self.stats.now.duration_since(before.now)).unwrap_or_default();
            self.rates.record(elapsed, self.stats.admitted_total.saturating_sub(before.admitted_total));
        }
        self.take_stock();
    }

    /// Goes on with the history of a copy that this one replaces: the queue moves as before.
    pub(crate) fn inherit_pace(&mut self, old: Self) {
        self.rates = old.rates;
        self.take_stock();
    }

    fn take_stock(&mut self) {
        let control = &self.stats.control;
        self.waiting = self.rank.waiting(self.stats.last_seq);
        self.pace = (!control.paused).then(|| self.rates.pace(control.limits().rate_per_second));
    }
}
