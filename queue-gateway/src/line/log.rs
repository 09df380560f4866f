//! The log of a line: every change that positions depend on.

use contract::ids::VisitorId;
use serde::{Deserialize, Serialize};

use super::{place::Sequence, turn::Admission};

/// Position in the departure log of a queue: the first entry has index 1. Zero stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogIndex(pub u64);

/// One change to the line that positions depend on; a plain join is not one, since sequences have no gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineChange {
    /// Left the line for a slot; carries all that is needed to mint the active token.
    Admitted {
        /// The order he had.
        seq: Sequence,
        /// Who.
        visitor: VisitorId,
        /// His slot.
        admission: Admission,
    },
    /// Left the line without a slot.
    Departed {
        /// The order he had.
        seq: Sequence,
    },
    /// Came back to a place of an older epoch; `seq` is zero or negative.
    Restored {
        /// His order, relative to the current epoch.
        seq: Sequence,
    },
}

/// A stretch of the departure log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departures {
    /// The entries after the asked index, oldest first and without a gap; at most as many as asked.
    Entries(Vec<LineChange>),
    /// Older entries were trimmed, or the epoch is another: take a snapshot and start from there.
    Gap,
}

/// The line at one moment, in bounded pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePage {
    /// Waiting sequences above the asked one, ascending; at most as many as asked. A short page is the last.
    pub waiting: Vec<Sequence>,
}
