//! Places: an order in a queue, and the epoch that it counts from.

use serde::{Deserialize, Serialize};

/// When a queue's state came to be in its store, in microseconds since 1970 by the store's clock.
///
/// A store that lost its state begins a later epoch; that is how its tokens are told from older ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// A place's order in its queue: 1, 2, 3... in the order of joining, relative to the queue's current [`Epoch`].
///
/// Places restored from an older epoch are zero or negative: among themselves they keep their old order,
/// and all of them precede whoever joined since. The invited have an order of their own, far above: from
/// [`Sequence::INVITED`] on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub i64);

impl Sequence {
    /// Above every sequence that is ever issued; stores hold it exactly (Lua numbers are doubles).
    pub const LAST: Self = Self(1 << 53);
    /// Below every sequence, restored ones included.
    pub const FIRST: Self = Self(-(1 << 53));
}

/// Below every place of an older epoch that can be met until the year 2112, and far from every place of this one.
const NUMBERS_FROM: i64 = -(1 << 52);
/// No draw has more.
const MOST_NUMBERS: i64 = 1 << 32;

impl Sequence {
    /// Above every number of a draw, and below every place in the line.
    pub const ABOVE_NUMBERS: Self = Self(NUMBERS_FROM + MOST_NUMBERS);

    /// Where somebody stands who has a number of a draw, until it is drawn.
    ///
    /// # Panics
    /// With a number of 2^32 or more.
    pub fn of_number(number: u64) -> Self {
        let number = i64::try_from(number).ok().filter(|number| *number < MOST_NUMBERS);
        #[expect(clippy::expect_used, reason = "numbers count people")]
        Self(NUMBERS_FROM + number.expect("a number of a draw is below 2^32"))
    }

    /// The number of a draw that somebody has who stands here; `None` for a place in the line.
    pub fn number(self) -> Option<u64> {
        let number = self.0.checked_sub(NUMBERS_FROM)?;
        (1..MOST_NUMBERS).contains(&number).then(|| u64::try_from(number).ok()).flatten()
    }
}

/// Where the places of the invited begin that count from the current epoch, and below it those that were restored: half
/// the way from the first of the range to the last, which is 71 years.
const INVITED_ORIGIN: i64 = (1 << 52) + (1 << 51);

impl Sequence {
    /// Above every place in the general line, and not above any place of the invited.
    pub const INVITED: Self = Self(1 << 52);

    /// The place of the nth visitor, from 1 on, who was invited.
    pub fn of_invited(nth: u64) -> Self {
        Self(INVITED_ORIGIN.saturating_add_unsigned(nth).min(Self::LAST.0 - 1))
    }

    /// How many fresh places the priority lane has given up to this one of its places; none for a place that is none of
    /// them.
    pub fn nth_invited(self) -> u64 {
        u64::try_from(self.0 - INVITED_ORIGIN).unwrap_or(0)
    }

    /// Whether whoever stands here was invited: they stand in the priority lane.
    pub fn is_invited(self) -> bool {
        (Self::INVITED..Self::LAST).contains(&self)
    }

    /// Whether a place was given before the current epoch.
    pub fn is_restored(self) -> bool {
        self.0 <= if self.is_invited() { INVITED_ORIGIN } else { 0 }
    }
}

/// A place as a waiting token carries it: valid across epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The epoch in which the place was given.
    pub epoch: Epoch,
    /// The sequence relative to that epoch.
    pub seq: Sequence,
}

impl Place {
    /// The same place as a sequence relative to `current`.
    pub fn relative_to(self, current: Epoch) -> Sequence {
        Sequence(self.epoch.0.saturating_sub(current.0).saturating_add(self.seq.0))
    }
}
