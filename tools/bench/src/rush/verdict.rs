//! What happened in a rush, and whether every promise was kept.

mod active;
mod admissions;
mod afterwards;
mod foresight;
mod ghosts;
mod loss;
mod one_at_a_time;
mod order;
mod sales;
#[cfg(test)]
mod samples;
mod spread;
mod waits;

use std::{fmt::Debug, time::Duration};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};

use super::{Arguments, observer::Observed, visit::Report};

/// The time for which a slot is kept where no visitor was told of one: the gateways' default.
const ARRIVAL: Duration = Duration::from_secs(30);
/// Who polls seldom has longer; nobody waits for a verdict longer than this.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(150);

/// The summary of a run.
#[derive(Debug)]
pub struct Verdict(Vec<Box<dyn Finding>>);

/// One thing that a run shows.
trait Finding: Debug + Send {
    /// Figures for the table: what, and how much.
    fn rows(&self) -> Vec<(&'static str, String)>;

    /// A sentence for everything that was promised and not kept.
    fn broken(&self) -> Vec<String>;
}

/// What a verdict goes by.
#[derive(Clone, Copy, Debug)]
struct Evidence<'a> {
    arguments: &'a Arguments,
    reports: &'a [Report],
    observed: &'a Observed,
}

impl Verdict {
    pub(super) fn new(
        arguments: &Arguments,
        reports: &[Report],
        observed: &Observed,
        sold_at_server: Option<usize>,
        admitted_first: usize,
    ) -> Self {
        let evidence = Evidence { arguments, reports, observed };
        Self(vec![
            Box::new(sales::Sales::of(evidence, sold_at_server)),
            Box::new(waits::Waits::of(evidence)),
            Box::new(order::Order::of(evidence)),
            Box::new(foresight::Foresight::of(evidence)),
            Box::new(admissions::Admissions::of(evidence)),
            Box::new(active::Active::of(evidence)),
            Box::new(loss::StoreLoss::of(evidence)),
            Box::new(afterwards::Afterwards::of(evidence)),
            Box::new(ghosts::Ghosts::of(evidence, admitted_first)),
        ])
    }

    /// Whether every promise was kept.
    pub fn kept(&self) -> bool {
        self.broken().is_empty()
    }

    /// A sentence for every promise that was not kept.
    pub fn broken(&self) -> Vec<String> {
        self.0.iter().flat_map(|finding| finding.broken()).collect()
    }

    /// Prints the run as a table and the verdict as lines.
    #[expect(clippy::print_stdout, reason = "the table is what the command is for")]
    pub fn print(&self) {
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED);
        for (what, figures) in self.0.iter().flat_map(|finding| finding.rows()) {
            table.add_row([what, &figures]);
        }
        println!("{table}");
        let broken = self.broken();
        if broken.is_empty() {
            println!("verdict: every promise kept");
        }
        for promise in broken {
            println!("BROKEN: {promise}");
        }
    }
}

/// The longest time for which a slot was kept without an arrival, by what visitors were told.
pub(super) fn longest_arrival<'a>(reports: impl Iterator<Item = &'a Report>) -> Duration {
    let turns = reports.flat_map(|report| &report.diary.turns);
    let kept = turns.filter_map(|turn| turn.arrive_before?.duration_since(turn.admitted_at).try_into().ok());
    kept.max().unwrap_or(ARRIVAL).min(LONGEST_ARRIVAL)
}

/// Counts of visitors are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts of visitors are far below 2^52")]
fn to_f64(count: usize) -> f64 {
    count as f64
}
