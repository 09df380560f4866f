//! A queue in numbers.

use jiff::Timestamp;

use super::{
    control::Control,
    log::LogIndex,
    place::{Epoch, Sequence},
};

/// A queue in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// The queue's epoch.
    pub epoch: Epoch,
    /// The highest sequence issued; zero before the first join.
    pub last_seq: Sequence,
    /// The newest entry of the departure log.
    pub log_head: LogIndex,
    /// Visitors in the line.
    pub waiting: u64,
    /// Live slots.
    pub active: u64,
    /// Visitors in the line or active who have a stream open.
    pub connected: u64,
    /// Visitors admitted since the epoch began.
    pub admitted_total: u64,
    /// Slots that ran out unclaimed since the epoch began.
    pub unclaimed_total: u64,
    /// What governs the queue.
    pub control: Control,
    /// The store's time of this reply.
    pub now: Timestamp,
}

/// Reply to one promotion step.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    /// How many visitors this step admitted.
    pub admitted: u64,
    /// The queue after the step.
    pub stats: Stats,
}
