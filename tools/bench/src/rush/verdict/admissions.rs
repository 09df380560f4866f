//! The admissions by the store's clock, against rate and burst.

use jiff::Timestamp;

use super::{Evidence, Finding, to_f64};
use crate::rush::diary::Diary;

/// How fast people were admitted.
#[derive(Debug)]
pub(super) struct Admissions {
    /// In force.
    rate: f64,
    /// The most in any one second.
    busiest_second: usize,
    /// From the coming of the first visitor to the last admission of one who was waited for.
    mean_per_second: f64,
    /// By how many the fullest window of any length exceeds rate x window; may be one second's burst at most.
    excess: f64,
    /// The share of the rate that must be reached.
    least: f64,
}

impl Admissions {
    pub(super) fn of(evidence: Evidence<'_>) -> Self {
        let diaries = || evidence.reports.iter().map(|report| &report.diary);
        let mut times: Vec<Timestamp> = diaries().flat_map(|diary| &diary.turns).map(|turn| turn.admitted_at).collect();
        times.sort_unstable();
        let people = evidence.reports.iter().filter(|report| report.part.role.is_waited_for());
        let last = people.filter_map(|report| Some(report.diary.turn()?.admitted_at)).max();
        let came = diaries().filter_map(Diary::came_at).min();
        let mean_per_second = came.zip(last.or(times.last().copied())).map_or(0.0, |(came, last)| {
            let within = times.partition_point(|time| *time <= last);
            to_f64(within) / last.duration_since(came).as_secs_f64().max(0.001)
        });
        let first = times.first().copied().unwrap_or_default();
        let seconds: Vec<f64> = times.iter().map(|time| time.duration_since(first).as_secs_f64()).collect();
        let rate = evidence.observed.rate_per_second;
        Self {
            rate,
            busiest_second: busiest_second(&seconds),
            mean_per_second,
            excess: excess(&seconds, rate),
            least: evidence.arguments.promised.least_rate,
        }
    }
}

impl Finding for Admissions {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { rate, busiest_second, mean_per_second, excess, .. } = self;
        let figures = format!(
            "mean {mean_per_second:.1}/s, busiest second {busiest_second}, configured {rate:.1}/s, above rate x window \
             by at most {excess:.1}"
        );
        vec![("admissions", figures)]
    }

    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        // The times carry microseconds and the rate is a binary fraction: allow for the rounding, not for a visitor.
        let burst = self.rate.max(1.0) + 0.01;
        if self.excess > burst {
            broken.push(format!("admissions exceed rate x window by {:.2}, one burst is {burst:.2}", self.excess));
        }
        let least = self.least * self.rate;
        if self.mean_per_second < least {
            let mean = self.mean_per_second;
            broken
                .push(format!("those who were there were admitted at {mean:.1}/s, at least {least:.1}/s is promised"));
        }
        broken
    }
}

fn busiest_second(seconds: &[f64]) -> usize {
    let in_the_second_from = |first: usize| seconds.partition_point(|&time| time < seconds[first] + 1.0) - first;
    (0..seconds.len()).map(in_the_second_from).max().unwrap_or(0)
}

/// The largest `admissions - rate x window` over all windows that begin and end with an admission, in one pass:
/// for each end, the best beginning is the one with the least `admissions before it - rate x its time`.
fn excess(seconds: &[f64], rate: f64) -> f64 {
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for (before, time) in seconds.iter().enumerate() {
        least = least.min(to_f64(before) - rate * time);
        most = most.max(to_f64(before + 1) - rate * time - least);
    }
    most
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_excess_is_that_of_the_fullest_window(mut millis in prop::collection::vec(0_u32..5_000, 1..40), rate in 0.5..30.0) {
            millis.sort_unstable();
            let seconds: Vec<f64> = millis.iter().map(|&m| f64::from(m) / 1_000.0).collect();
            let by_hand = (0..seconds.len())
                .flat_map(|i| (i..seconds.len()).map(move |j| (i, j)))
                .map(|(i, j)| to_f64(j - i + 1) - rate * (seconds[j] - seconds[i]))
                .fold(0.0, f64::max);
            prop_assert!((excess(&seconds, rate) - by_hand).abs() < 1e-9);
        }
    }

    #[test]
    fn a_whole_burst_and_then_the_rate_is_within_the_promise() {
        let burst = std::iter::repeat_n(0.0, 10);
        let steady = (1..=50).map(|i| f64::from(i) / 10.0);
        let times: Vec<f64> = burst.chain(steady).collect();
        assert!((excess(&times, 10.0) - 10.0).abs() < 1e-9);
        assert_eq!(busiest_second(&times), 19, "ten at once, and nine before the second is over");
    }

    #[test]
    fn too_slow_is_broken_where_a_rate_is_promised() {
        let at = |mean_per_second, least| {
            let slow = Admissions { rate: 50.0, busiest_second: 9, mean_per_second, excess: 0.0, least };
            slow.broken().len()
        };
        assert_eq!([at(30.0, 0.0), at(30.0, 0.9), at(48.0, 0.9)], [0, 1, 0]);
    }
}
