//! The log of a line: every change that positions depend on, and what gateways are to remember of slots.

use contract::ids::{ActiveTokenId, MemberId, VisitorId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    draw::Lots,
    place::{Epoch, Sequence},
    turn::Admission,
};

/// Position in the log of a queue: the first entry has index 1. Zero stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogIndex(pub u64);

/// Which history of a line it is: the store's time in microseconds at which it last went on after it had waited for
/// what gateways remember; zero before that. Whoever follows another and has told nothing may know what nobody else
/// does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct History(pub i64);

/// One change to the line that positions depend on, or to a slot that has to outlive its store; a plain join is
/// neither, since sequences have no gaps. One by invitation is: the invited are few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineChange {
    /// Left the line for a slot; carries all that is needed to mint the active token. Whoever stands before the highest
    /// admitted place has been passed.
    Admitted {
        /// At this place.
        seq: Sequence,
        /// Who stood there.
        visitor: VisitorId,
        /// The slot that they hold from now on.
        admission: Admission,
    },
    /// Has a fresh place in the priority lane.
    Invited {
        /// The place.
        seq: Sequence,
    },
    /// Left the line without a slot.
    Departed {
        /// At this place.
        seq: Sequence,
    },
    /// The queue has opened, and its draw is decided: whoever stands at a number of it stands at a place that follows
    /// from this. The store deals the places out after it.
    Drawn(Lots),
    /// Came back to a place of an older epoch.
    Restored {
        /// The place, relative to the current epoch.
        seq: Sequence,
    },
    /// The site has bound a slot to a member: told once, with all that there is to remember of the slot, since a
    /// readmitted visitor's has not been told before.
    Claimed {
        /// The slot.
        token: ActiveTokenId,
        /// Who was admitted.
        visitor: VisitorId,
        /// The place that they had; zero for one whom this claim has readmitted from nowhere.
        seq: Sequence,
        /// When they were.
        admitted_at: Timestamp,
        /// Until when they may buy.
        expires_at: Timestamp,
        /// Who buys with it.
        holder: MemberId,
    },
    /// The slot of somebody who was admitted at this place has ended for good.
    Ended {
        /// The place that they had; zero for one whom a claim has readmitted from nowhere.
        seq: Sequence,
        /// The slot.
        token: ActiveTokenId,
    },
    /// Was admitted, did not arrive, and has the place again: passed, and not ready.
    Returned {
        /// At this place.
        seq: Sequence,
        /// The slot that has ended by it.
        token: ActiveTokenId,
    },
    /// Somebody who was passed is ready again, and so goes before everybody who was not.
    Ready {
        /// At this place.
        seq: Sequence,
    },
    /// Somebody who was passed and had come back is away again.
    Away {
        /// At this place.
        seq: Sequence,
    },
    /// Every place after the last such range, up to and including `through`, has departed, but for some that are named.
    Expired {
        /// The last place of the range.
        through: Sequence,
        /// Places of the range that somebody has come back to, ascending.
        kept: Vec<Sequence>,
    },
}

/// A stretch of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPage {
    /// The entries after the asked index, oldest first and without a gap; at most as many as asked.
    Entries(Vec<LineChange>),
    /// Older entries were trimmed, or the epoch is another: take a snapshot and start from there.
    Gap,
}

/// The end of the log, as every reply about it tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The queue's epoch.
    pub epoch: Epoch,
    /// And its history.
    pub history: History,
    /// The highest sequence issued; zero before the first join.
    pub last_seq: Sequence,
    /// The newest entry of the log.
    pub log_head: LogIndex,
    /// The store waits for what gateways remember: until it has heard them it says nothing of the line.
    pub rejoining: bool,
    /// What was asked for.
    pub page: LogPage,
}

/// The line at one moment, in bounded pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePage {
    /// Places above the asked one, ascending; at most as many as asked. A short page is the last.
    pub places: Vec<Sequence>,
}
