//! The log: the newest changes to the line, numbered.

use std::collections::VecDeque;

use crate::line::{LineChange, LogIndex, LogPage};

/// A ring of the newest entries.
#[derive(Debug)]
pub(super) struct Log {
    entries: VecDeque<LineChange>,
    head: u64,
    capacity: usize,
}

impl Log {
    /// An empty log that keeps the newest `capacity` entries.
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), head: 0, capacity }
    }

    /// Goes on after an entry that somebody remembers, and that is not here.
    pub(super) fn go_on_after(&mut self, head: LogIndex) {
        if head.0 > self.head {
            self.entries.clear();
            self.head = head.0;
        }
    }

    /// Begins another history: nobody goes on from what they followed before.
    pub(super) fn break_off(&mut self) {
        self.entries.clear();
        self.head += 1;
    }

    /// Adds an entry; the oldest makes room.
    pub(super) fn append(&mut self, change: LineChange) {
        if self.entries.len() >= self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(change);
        self.head += 1;
    }

    /// The index of the newest entry.
    pub(super) fn head(&self) -> LogIndex {
        LogIndex(self.head)
    }

    /// Up to `limit` entries after `after`, or `Gap` where they are not all here.
    pub(super) fn after(&self, after: LogIndex, limit: usize) -> LogPage {
        let trimmed = self.head - self.entries.len() as u64;
        if after.0 < trimmed || after.0 > self.head {
            return LogPage::Gap;
        }
        let skip = usize::try_from(after.0 - trimmed).unwrap_or(usize::MAX);
        LogPage::Entries(self.entries.iter().skip(skip).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Sequence;

    fn departed(seq: i64) -> LineChange {
        LineChange::Departed { seq: Sequence(seq) }
    }

    #[test]
    fn entries_are_found_by_index_and_trimmed_ones_are_a_gap() {
        let mut log = Log::new(3);
        assert_eq!(log.after(LogIndex(0), 9), LogPage::Entries(vec![]));
        for seq in 1..=5 {
            log.append(departed(seq));
        }
        assert_eq!(log.head(), LogIndex(5));
        assert_eq!(log.after(LogIndex(1), 9), LogPage::Gap);
        assert_eq!(log.after(LogIndex(2), 2), LogPage::Entries(vec![departed(3), departed(4)]));
        assert_eq!(log.after(LogIndex(5), 9), LogPage::Entries(vec![]));
        assert_eq!(log.after(LogIndex(6), 9), LogPage::Gap, "an index from the future is of another history");
    }
}
