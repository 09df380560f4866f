//! How long clients are told to wait, drawn at random: those who came together do not come again together.

use std::ops::RangeInclusive;

use rand::Rng as _;

use crate::line::latest_pause;

/// A number of seconds from the range.
#[expect(clippy::disallowed_methods, reason = "nothing depends on which pause is drawn, so no test needs to choose it")]
pub(super) fn drawn(seconds: RangeInclusive<u64>) -> u64 {
    rand::rng().random_range(seconds)
}

/// At least these seconds, and at most the latest pause that stands for them.
pub(super) fn spread(seconds: u64) -> u64 {
    drawn(seconds..=latest_pause(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_spread_but_never_early() {
        let pauses: Vec<u64> = (0..200).map(|_| spread(20)).collect();
        assert!(pauses.iter().all(|pause| (20..=25).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
        assert!((0..200).any(|_| spread(1) == 2));
    }
}
