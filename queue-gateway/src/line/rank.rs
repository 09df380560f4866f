//! The exact rank of every place in a line, from departures alone.
//!
//! Sequences have no gaps, so nobody needs to be told of a join: the position of a sequence is what stands below it
//! minus who departed from there. Only departures are stored, one bit each; places restored from an older epoch, which
//! are zero or negative and sparse, are stored themselves.

mod departed;

use self::departed::Departed;
use super::{place::Sequence, sparse::Sparse};

/// Who still waits in a line, answering positions in well under a microsecond.
///
/// Positive sequences wait unless they departed; zero and negative ones wait once restored, until they depart.
/// Memory: one bit for each sequence between the front of the line and its last departure, eight bytes (up to sixteen
/// after splits) for each restored place. The part before the front is dropped, so a sale may go on for ever.
#[derive(Clone, Debug, Default)]
pub struct Rank {
    departed: Departed,
    restored: Sparse,
}

impl Rank {
    /// The rank of a line given in full, as a snapshot shows it: of the sequences up to `last_seq` exactly `waiting`
    /// remain. Sequences after `last_seq` count as waiting, whether or not the snapshot met them.
    pub fn rebuild(last_seq: Sequence, waiting: impl Iterator<Item = Sequence>) -> Self {
        let mut departed = Departed::everybody(ordinal(last_seq).unwrap_or(0));
        let mut restored = Sparse::default();
        for seq in waiting {
            match ordinal(seq) {
                Some(ordinal) => departed.keep(ordinal),
                None => restored.insert(seq.0),
            }
        }
        departed.index();
        Self { departed, restored }
    }

    /// The rank whose departures are these, as [`departed`](Self::departed) and [`restored`](Self::restored) tell them;
    /// `None` for none that they tell.
    pub fn of(base: u64, departed: &[u8], restored: Sparse) -> Option<Self> {
        Some(Self { departed: Departed::of(base, departed)?, restored })
    }

    /// Up to where all have departed, and a bit for each place after that, the lowest first: whether it has.
    pub fn departed(&self) -> (u64, Vec<u8>) {
        self.departed.bits()
    }

    /// The places of older epochs that are in the line, ascending.
    pub fn restored(&self) -> impl Iterator<Item = i64> + '_ {
        self.restored.iter()
    }

    /// The rank of the same line after its places up to `last_seq` have been exchanged, each for another of them.
    #[must_use]
    pub fn exchanged(&self, last_seq: Sequence, place: impl Fn(Sequence) -> Sequence) -> Self {
        let place = |seq: Sequence| if seq.0 > 0 { place(seq) } else { seq };
        Self::rebuild(last_seq, self.standing(last_seq).map(place))
    }

    /// Every place in the line up to `last_seq`, ascending.
    pub fn standing(&self, last_seq: Sequence) -> impl Iterator<Item = Sequence> {
        let restored = self.restored.iter().map(Sequence);
        restored.chain((1..=last_seq.0).map(Sequence).filter(|seq| self.holds(*seq)))
    }

    /// Takes a place out of the line. Repeating is harmless.
    pub fn depart(&mut self, seq: Sequence) {
        match ordinal(seq) {
            Some(ordinal) => self.departed.insert(ordinal),
            None => self.restored.remove(seq.0),
        }
    }

    /// Puts a place of an older epoch into the line. Repeating is harmless, and so is a place of this epoch, which
    /// never comes back.
    pub fn restore(&mut self, seq: Sequence) {
        if ordinal(seq).is_none() {
            self.restored.insert(seq.0);
        }
    }

    /// Whether a place is in the line.
    pub fn holds(&self, seq: Sequence) -> bool {
        match ordinal(seq) {
            Some(ordinal) => !self.departed.contains(ordinal),
            None => self.restored.contains(seq.0),
        }
    }

    /// The 1-based position of a waiting place; `None` for one that is not in the line.
    pub fn position(&self, seq: Sequence) -> Option<u64> {
        self.holds(seq).then(|| self.ahead(seq) + 1)
    }

    /// Takes every place up to and including this one out of the line.
    pub fn depart_through(&mut self, seq: Sequence) {
        if let Some(ordinal) = ordinal(seq) {
            self.departed.insert_through(ordinal);
        }
        self.restored.remove_through(seq.0);
    }

    /// How many wait with a place before this one, which need not be in the line itself.
    pub fn ahead(&self, seq: Sequence) -> u64 {
        match ordinal(seq) {
            Some(ordinal) => self.restored.len() + (ordinal - 1) - self.departed.below(ordinal),
            None => self.restored.below(seq.0),
        }
    }

    /// How many wait in all when `last_seq` is the newest sequence.
    pub fn waiting(&self, last_seq: Sequence) -> u64 {
        self.ahead(Sequence(last_seq.0.max(0).saturating_add(1)))
    }

    /// Bytes held on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.departed.heap_bytes() + self.restored.heap_bytes()
    }
}

/// The sequence as a count from 1, or `None` for a place of an older epoch.
fn ordinal(seq: Sequence) -> Option<u64> {
    u64::try_from(seq.0).ok().filter(|&ordinal| ordinal > 0)
}

#[cfg(test)]
mod tests;
