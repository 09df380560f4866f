//! What happened in a rush, and whether every promise was kept.

use std::collections::BTreeMap;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use hdrhistogram::Histogram;
use jiff::Timestamp;

use super::{
    observer::Observed,
    sale::Sale,
    visit::{Outcome, Report},
};

/// The summary of a run.
#[derive(Debug)]
pub struct Verdict {
    visitors: usize,
    seats: usize,
    sold: usize,
    sold_at_server: usize,
    double_sold: usize,
    refused: usize,
    errors: BTreeMap<String, usize>,
    rises: u32,
    reconnects: u32,
    waits: Histogram<u64>,
    shopping: Histogram<u64>,
    admissions: Admissions,
    observed: Observed,
}

/// The admissions by the server's clock.
#[derive(Debug)]
struct Admissions {
    /// The most in any one second.
    busiest_second: usize,
    /// Over the whole run.
    mean_per_second: f64,
    /// By how many the fullest window of any length exceeds rate x window; may be one second's burst at most.
    excess: f64,
}

impl Verdict {
    pub(super) fn new(sale: &Sale, reports: &[Report], observed: &Observed, sold_at_server: usize) -> Self {
        let mut seats = BTreeMap::<u64, usize>::new();
        let (mut refused, mut errors) = (0, BTreeMap::new());
        for report in reports {
            match &report.outcome {
                Outcome::Bought { seat } => *seats.entry(*seat).or_default() += 1,
                Outcome::SoldOut => refused += 1,
                Outcome::Failed(why) => *errors.entry(why.clone()).or_default() += 1,
            }
        }
        let waits = || reports.iter().filter_map(|report| report.wait.as_ref());
        let times = waits().map(|wait| wait.admitted_at).collect();
        Self {
            visitors: reports.len(),
            seats: sale.seats as usize,
            sold: seats.values().sum(),
            sold_at_server,
            double_sold: seats.values().filter(|&&owners| owners > 1).count(),
            refused,
            errors,
            rises: waits().map(|wait| wait.rises).sum(),
            reconnects: waits().map(|wait| wait.reconnects).sum(),
            waits: histogram(waits().map(|wait| u64::try_from(wait.lasted.as_millis()).unwrap_or(u64::MAX))),
            shopping: histogram(reports.iter().filter(|r| r.wait.is_some()).map(|report| report.shopping_millis)),
            admissions: Admissions::new(times, observed.rate_per_second),
            observed: observed.clone(),
        }
    }

    /// Whether the run sold what there was, to one owner each, within rate and cap, without an error.
    pub fn kept(&self) -> bool {
        self.broken().is_empty()
    }

    /// Prints the run as a table and the verdict as a line.
    #[expect(clippy::print_stdout, reason = "the table is what the command is for")]
    pub fn print(&self) {
        println!("{}", self.table());
        for (error, times) in self.errors.iter().take(20) {
            println!("error x{times}: {error}");
        }
        let broken = self.broken();
        if broken.is_empty() {
            println!("verdict: every promise kept");
        }
        for promise in broken {
            println!("BROKEN: {promise}");
        }
    }

    fn table(&self) -> Table {
        let seconds = |millis: u64| format!("{}.{:03} s", millis / 1_000, millis % 1_000);
        let spread = |times: &Histogram<u64>| {
            let at = |quantile| seconds(times.value_at_quantile(quantile));
            format!("p50 {}, p90 {}, p99 {}, max {}", at(0.5), at(0.9), at(0.99), seconds(times.max()))
        };
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED);
        let errors: usize = self.errors.values().sum();
        table.add_row(["visitors", &self.visitors.to_string()]);
        table.add_row([
            "sold",
            &format!("{} of {} seats ({} in the store)", self.sold, self.seats, self.sold_at_server),
        ]);
        table.add_row(["refused, sold out", &self.refused.to_string()]);
        table.add_row(["errors", &errors.to_string()]);
        table.add_row(["seats with two owners", &self.double_sold.to_string()]);
        table.add_row(["wait in line", &spread(&self.waits)]);
        table.add_row(["admission to ticket or refusal", &spread(&self.shopping)]);
        table.add_row(["positions that rose", &self.rises.to_string()]);
        table.add_row(["streams opened again", &self.reconnects.to_string()]);
        let admissions = &self.admissions;
        table.add_row([
            "admissions",
            &format!(
                "mean {:.1}/s, busiest second {}, configured {:.1}/s, above rate x window by at most {:.1}",
                admissions.mean_per_second, admissions.busiest_second, self.observed.rate_per_second, admissions.excess,
            ),
        ]);
        let observed = &self.observed;
        let active =
            format!("at most {}, cap {}, seen {} times", observed.most_active, observed.active_cap, observed.looks);
        table.add_row(["active users", &active]);
        table.add_row(["longest line", &observed.most_waiting.to_string()]);
        table
    }

    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut promise = |kept: bool, what: String| {
            if !kept {
                broken.push(what);
            }
        };
        let expected = self.seats.min(self.visitors);
        promise(self.sold == expected, format!("{} sold where {expected} should be", self.sold));
        promise(
            self.sold_at_server == self.sold,
            format!("the store says {} seats are sold, the buyers say {}", self.sold_at_server, self.sold),
        );
        promise(self.double_sold == 0, format!("{} seats have two owners", self.double_sold));
        promise(self.errors.is_empty(), format!("{} visits failed", self.errors.values().sum::<usize>()));
        promise(self.refused == self.visitors - expected, format!("{} were refused cleanly", self.refused));
        promise(self.rises == 0, format!("{} positions rose", self.rises));
        // The times carry microseconds and the rate is a binary fraction: allow for the rounding, not for a visitor.
        let burst = self.observed.rate_per_second.max(1.0) + 0.01;
        let excess = self.admissions.excess;
        promise(excess <= burst, format!("admissions exceed rate x window by {excess:.2}, one burst is {burst:.2}"));
        let observed = &self.observed;
        promise(
            observed.most_active <= observed.active_cap,
            format!("{} active users under a cap of {}", observed.most_active, observed.active_cap),
        );
        promise(observed.looks > 0, "the queue's public state never answered".to_owned());
        broken
    }
}

impl Admissions {
    fn new(mut times: Vec<Timestamp>, rate: f64) -> Self {
        times.sort_unstable();
        let seconds: Vec<f64> = times.iter().map(|time| time.duration_since(times[0]).as_secs_f64()).collect();
        let busiest_second = (0..seconds.len())
            .map(|first| seconds.partition_point(|&time| time < seconds[first] + 1.0) - first)
            .max()
            .unwrap_or(0);
        let span = seconds.last().copied().unwrap_or(0.0);
        let mean_per_second = if span > 0.0 { to_f64(seconds.len()) / span } else { 0.0 };
        Self { busiest_second, mean_per_second, excess: excess(&seconds, rate) }
    }
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

fn histogram(millis: impl Iterator<Item = u64>) -> Histogram<u64> {
    /// Longer than any run; what lasts longer still is counted as this.
    const LONGEST: u64 = 24 * 60 * 60 * 1_000;
    #[expect(clippy::expect_used, reason = "both bounds and the three significant figures are in range")]
    let mut histogram = Histogram::new_with_max(LONGEST, 3).expect("a valid histogram");
    for millis in millis {
        histogram.saturating_record(millis);
    }
    histogram
}

/// Counts of visitors are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts of visitors are far below 2^52")]
fn to_f64(count: usize) -> f64 {
    count as f64
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
    fn long_waits_are_told_as_long() {
        let waits = histogram([10, 20_000, 30_000].into_iter());
        assert!(waits.value_at_quantile(0.5).abs_diff(20_000) < 50 && waits.max().abs_diff(30_000) < 50);
    }

    #[test]
    fn a_whole_burst_and_then_the_rate_is_within_the_promise() {
        let burst = std::iter::repeat_n(0.0, 10);
        let steady = (1..=50).map(|i| f64::from(i) / 10.0);
        let times: Vec<f64> = burst.chain(steady).collect();
        assert!((excess(&times, 10.0) - 10.0).abs() < 1e-9);
    }
}
