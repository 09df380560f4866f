//! Whether positions and estimates are those of people who are there, some seconds after a visitor came.

use jiff::Timestamp;

use super::{Evidence, Finding, spread::Spread, to_f64};
use crate::rush::{
    diary::{Diary, SETTLED_AFTER, Settled},
    visit::Report,
};

/// Of the ghosts that came first, so large a share may still be in positions: a change that cannot be seen is told
/// later.
const STILL_COUNTED: f64 = 0.02;
/// Positions are told once a tick, a little late: they may count those who were admitted so many seconds before.
const LATE: f64 = 1.0;
/// Shorter waits say little about estimates, which are whole seconds.
const WORTH_AN_ESTIMATE: f64 = 5.0;

/// What was shown, against what came true.
#[derive(Debug)]
pub(super) struct Foresight {
    /// Places in the position shown that are not of people who were there and before the visitor.
    absent: Spread,
    /// Estimated over true waits, in percent.
    estimated: Spread,
    /// Waits no longer than the estimate that should hold nine times in ten.
    within_p90: f64,
    /// More in the median would be ghosts; none where no ghosts came first.
    most_absent: Option<f64>,
}

impl Foresight {
    pub(super) fn of(evidence: Evidence<'_>) -> Self {
        let people = evidence.reports.iter().filter(|report| report.part.role.is_waited_for());
        let shown: Vec<(&Diary, Settled)> =
            people.filter_map(|report| Some((&report.diary, report.diary.settled?))).collect();
        let absent = shown.iter().filter_map(|(diary, settled)| {
            let truly = 1 + there_before(evidence.reports, diary.order?, settled.at);
            Some(settled.position.saturating_sub(truly))
        });
        let judged: Vec<(f64, f64, f64)> = shown
            .iter()
            .filter_map(|(diary, settled)| {
                let estimate = settled.wait?;
                let truly = diary.turns.first()?.admitted_at.duration_since(settled.at).as_secs_f64();
                let told = |seconds: u64| std::time::Duration::from_secs(seconds).as_secs_f64();
                (truly >= WORTH_AN_ESTIMATE).then(|| (told(estimate.p50), told(estimate.p90), truly))
            })
            .collect();
        let (came_first, rate) = (evidence.arguments.crowd.ghosts_first, evidence.observed.rate_per_second);
        let within = judged.iter().filter(|(_, p90, truly)| truly <= p90).count();
        Self {
            absent: Spread::of(absent),
            estimated: Spread::of(judged.iter().map(|(p50, _, truly)| percent(p50 / truly))),
            within_p90: to_f64(within) / to_f64(judged.len().max(1)),
            most_absent: (came_first > 0).then(|| to_f64(came_first) * STILL_COUNTED + rate * LATE),
        }
    }
}

/// How many were there at that moment, and of an earlier place.
fn there_before(reports: &[Report], order: i64, at: Timestamp) -> u64 {
    let there = |diary: &Diary| diary.stretches().iter().any(|stretch| stretch.since <= at && at < stretch.until);
    let before = reports.iter().map(|report| &report.diary).filter(|diary| diary.order.is_some_and(|own| own < order));
    before.filter(|diary| there(diary)).count() as u64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ratios of waits are small and positive")]
fn percent(ratio: f64) -> u64 {
    (ratio * 100.0).round() as u64
}

impl Finding for Foresight {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if self.absent.count() > 0 {
            rows.push(("absent people in positions", format!("after {SETTLED_AFTER:?}: {}", self.absent.words())));
        }
        if self.estimated.count() > 0 {
            let (p10, p50, p90) = (self.estimated.at(0.1), self.estimated.at(0.5), self.estimated.at(0.9));
            let within = self.within_p90;
            rows.push((
                "estimates",
                format!("p10 {p10} %, p50 {p50} %, p90 {p90} % of the true wait; {within:.2} within their p90"),
            ));
        }
        rows
    }

    fn broken(&self) -> Vec<String> {
        let median = self.absent.at(0.5);
        let most = self.most_absent.filter(|_| self.absent.count() > 0);
        let counted = most.is_some_and(|most| median > percent(most / 100.0));
        let say = || format!("positions shown {SETTLED_AFTER:?} after coming count {median} people who are not there");
        counted.then(say).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::{crowd::Role, document::Document, observer::Observed, verdict::samples, visit::Outcome};

    fn broken(shown: u64) -> Vec<String> {
        let arguments = samples::arguments("--ghosts-first 1500");
        let visitor = |order: i64, position: u64| {
            let mut report = samples::report(Role::Buys, Outcome::SoldOut);
            report.diary.order = Some(order);
            report.diary.note(&Document::waiting_at(position), samples::at(0));
            report.diary.note(&Document::waiting_at(1), samples::at(10_000));
            report.diary.presence.admitted(samples::at(20_000));
            report
        };
        let reports = [visitor(1_501, shown - 1), visitor(1_502, shown)];
        Foresight::of(samples::evidence(&arguments, &reports, &Observed::default())).broken()
    }

    #[test]
    fn positions_some_seconds_after_coming_count_no_ghosts() {
        assert_eq!(broken(2), Vec::<String>::new());
        assert_eq!(broken(1_502), ["positions shown 5s after coming count 1500 people who are not there"]);
    }
}
