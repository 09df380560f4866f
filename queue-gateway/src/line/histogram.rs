//! How many are present up to a place: a few counts that a gateway can tell in every step.

use super::place::Sequence;

/// Counts by place, in at most [`Histogram::BUCKETS`] stretches of equal width.
///
/// Within a stretch people are taken to be spread evenly, so an answer is off by less than the count of one stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The first place of the first stretch.
    pub first: i64,
    /// Places in a stretch, at least 1 where there are counts.
    pub width: u64,
    /// People in each stretch.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Most stretches.
    pub const BUCKETS: usize = 64;

    /// Counts these places, which must ascend.
    pub fn of(places: impl Iterator<Item = Sequence> + Clone) -> Self {
        let (Some(first), Some(last)) = (places.clone().next(), places.clone().last()) else { return Self::default() };
        let span = last.0.abs_diff(first.0) + 1;
        let width = span.div_ceil(Self::BUCKETS as u64);
        let bucket = |place: Sequence| usize::try_from(place.0.abs_diff(first.0) / width).unwrap_or(0);
        let mut counts = vec![0; bucket(last) + 1];
        for place in places {
            counts[bucket(place)] += 1;
        }
        Self { first: first.0, width, counts }
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// About how many stand before this place.
    pub fn below(&self, place: Sequence) -> u64 {
        if place.0 <= self.first || self.width == 0 {
            return 0;
        }
        let ahead = place.0.abs_diff(self.first);
        let whole = usize::try_from(ahead / self.width).unwrap_or(usize::MAX);
        let Some(partial) = self.counts.get(whole) else { return self.total() };
        let part = u128::from(*partial) * u128::from(ahead % self.width) / u128::from(self.width);
        self.counts[..whole].iter().sum::<u64>() + u64::try_from(part).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nobody_is_before_anybody_in_an_empty_one() {
        let none = Histogram::of(std::iter::empty());
        assert_eq!((none.total(), none.below(Sequence(9))), (0, 0));
    }

    proptest! {
        #[test]
        fn an_answer_is_off_by_less_than_one_stretch(places in proptest::collection::btree_set(-5_000..50_000_i64, 1..600), asked in -6_000..60_000_i64) {
            let histogram = Histogram::of(places.iter().copied().map(Sequence));
            prop_assert!(histogram.counts.len() <= Histogram::BUCKETS);
            prop_assert_eq!(histogram.total(), places.len() as u64);
            let exact = places.range(..asked).count() as u64;
            let slack = histogram.counts.iter().max().copied().unwrap_or(0);
            prop_assert!(histogram.below(Sequence(asked)).abs_diff(exact) <= slack);
        }

        #[test]
        fn answers_never_fall_with_the_place(places in proptest::collection::btree_set(0..50_000_i64, 1..600), asked in 0..60_000_i64) {
            let histogram = Histogram::of(places.iter().copied().map(Sequence));
            prop_assert!(histogram.below(Sequence(asked)) <= histogram.below(Sequence(asked + 1)));
        }
    }
}
