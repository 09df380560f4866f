//! How figures are spread.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A histogram of whole numbers.
#[derive(Clone, Debug)]
pub(super) struct Spread(Histogram<u64>);

impl Spread {
    pub(super) fn of(values: impl Iterator<Item = u64>) -> Self {
        /// Longer than any run in milliseconds; what is larger still is counted as this.
        const LARGEST: u64 = 24 * 60 * 60 * 1_000;
        #[expect(clippy::expect_used, reason = "both bounds and the three significant figures are in range")]
        let mut histogram = Histogram::new_with_max(LARGEST, 3).expect("a valid histogram");
        for value in values {
            histogram.saturating_record(value);
        }
        Self(histogram)
    }

    /// Of durations, in milliseconds.
    pub(super) fn of_durations(durations: impl Iterator<Item = Duration>) -> Self {
        Self::of(durations.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value that this share of all does not exceed.
    pub(super) fn at(&self, share: f64) -> u64 {
        self.0.value_at_quantile(share)
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        self.told(|value| value.to_string())
    }

    /// In words, for milliseconds.
    pub(super) fn seconds(&self) -> String {
        self.told(|millis| format!("{}.{:03} s", millis / 1_000, millis % 1_000))
    }

    fn told(&self, word: impl Fn(u64) -> String) -> String {
        if self.0.is_empty() {
            return "-".to_owned();
        }
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| word(self.at(share)));
        format!("p50 {p50}, p90 {p90}, p99 {p99}, max {}", word(self.0.max()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_waits_are_told_as_long() {
        let waits = Spread::of([10, 20_000, 30_000].into_iter());
        assert!(waits.at(0.5).abs_diff(20_000) < 50 && waits.at(1.0).abs_diff(30_000) < 50);
        assert_eq!(Spread::of(std::iter::empty()).words(), "-");
    }
}
