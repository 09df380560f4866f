//! A queue in numbers.

use jiff::Timestamp;

use super::{
    control::Control,
    life::QueueState,
    log::LogIndex,
    place::{Epoch, Sequence},
};

/// A queue in numbers, as its store counts them. How many wait and how many were passed follows from the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// The queue's epoch.
    pub epoch: Epoch,
    /// The highest sequence issued; zero before the first join.
    pub last_seq: Sequence,
    /// The newest entry of the log.
    pub log_head: LogIndex,
    /// The highest place that was ever admitted: whoever stands at or before it has been passed.
    /// [`Sequence::FIRST`] before the first admission.
    pub watermark: Sequence,
    /// All places up to here have expired but for those that were kept. [`Sequence::FIRST`] before the first expiry.
    pub expired_through: Sequence,
    /// Live slots.
    pub active: u64,
    /// Live slots that nobody has claimed.
    pub unclaimed: u64,
    /// Entries of the ready set: present visitors near the front, once for each gateway where they are.
    pub ready: u64,
    /// Client networks that are held to one unclaimed slot.
    pub held_back: u64,
    /// Since the epoch began.
    pub totals: Totals,
    /// What governs the queue.
    pub control: Control,
    /// The store's time of this reply.
    pub now: Timestamp,
}

impl Stats {
    /// What the queue was doing at the moment of this reply.
    pub fn state(&self) -> QueueState {
        self.control.state(self.now)
    }

    /// Whether it admitted visitors then, as far as its state goes.
    pub fn admits(&self) -> bool {
        self.control.admits(self.now)
    }
}

/// What a queue has done since its epoch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Visitors admitted from the line.
    pub admitted: u64,
    /// Of them, those who came to the site.
    pub arrived: u64,
    /// Slots whose visitor did not come to the site in time.
    pub no_shows: u64,
    /// Slots whose visitor came to the site and did not claim the token in time.
    pub not_claimed: u64,
}
