//! A queue in numbers.

use jiff::Timestamp;

use super::{
    control::Control,
    lane::Lane,
    life::QueueState,
    log::{History, LogIndex},
    order::Extent,
    place::{Epoch, Sequence},
};

/// A queue in numbers, as its store counts them. How many wait and how many were passed follows from the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// The queue's epoch.
    pub epoch: Epoch,
    /// And its history.
    pub history: History,
    /// The highest sequence issued; zero before the first join.
    pub last_seq: Sequence,
    /// The newest entry of the log.
    pub log_head: LogIndex,
    /// The highest place that was ever admitted: whoever stands at or before it has been passed.
    /// [`Sequence::FIRST`] before the first admission.
    pub watermark: Sequence,
    /// All places up to here have expired but for those that were kept. [`Sequence::FIRST`] before the first expiry.
    pub expired_through: Sequence,
    /// The highest place that the priority lane has given.
    pub last_invited: Sequence,
    /// The highest place of the invited that was ever admitted. [`Sequence::FIRST`] before the first admission.
    pub invited_watermark: Sequence,
    /// Live slots.
    pub active: u64,
    /// Live slots that nobody has claimed.
    pub unclaimed: u64,
    /// Entries of the ready set: present visitors near the front, once for each gateway where they are.
    pub ready: u64,
    /// Those of them who were invited.
    pub ready_invited: u64,
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

    /// Entries of the ready set in a lane.
    pub fn ready_in(&self, lane: Lane) -> u64 {
        match lane {
            Lane::General => self.ready.saturating_sub(self.ready_invited),
            Lane::Invited => self.ready_invited,
        }
    }

    /// The rate at which a lane is to move, as things stand: all of it while nobody of the other lane may come in.
    pub fn rate_of(&self, lane: Lane) -> f64 {
        let other = match lane {
            Lane::General => Lane::Invited,
            Lane::Invited => Lane::General,
        };
        let share = match lane {
            _ if self.ready_in(other) == 0 || !self.admits(other) => 1.0,
            Lane::Invited => self.control.invited_share().fraction(),
            Lane::General => 1.0 - self.control.invited_share().fraction(),
        };
        share * self.control.limits().rate_per_second
    }

    /// Up to where the line has come.
    pub fn extent(&self) -> Extent {
        let Self { last_seq, watermark, expired_through, last_invited, invited_watermark, .. } = *self;
        Extent { last_seq, watermark, expired_through, last_invited, invited_watermark }
    }

    /// Whether it admitted visitors of this lane then, as far as its state goes.
    pub fn admits(&self, lane: Lane) -> bool {
        self.control.admits(lane, self.now)
    }
}

impl Totals {
    /// Visitors admitted from a lane.
    pub fn admitted_from(&self, lane: Lane) -> u64 {
        match lane {
            Lane::General => self.admitted.saturating_sub(self.admitted_invited),
            Lane::Invited => self.admitted_invited,
        }
    }
}

/// What a queue has done since its epoch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Visitors admitted from the line.
    pub admitted: u64,
    /// Those of them who were invited.
    pub admitted_invited: u64,
    /// Of them, those who came to the site.
    pub arrived: u64,
    /// Slots whose visitor did not come to the site in time.
    pub no_shows: u64,
    /// Slots whose visitor came to the site and did not claim the token in time.
    pub not_claimed: u64,
}
