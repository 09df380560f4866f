//! How long it took, and whether anything that a visitor was told was taken back.

use super::{Evidence, Finding, spread::Spread};

/// The waits of all visitors.
#[derive(Debug)]
pub(super) struct Waits {
    in_line: Spread,
    shopping: Spread,
    rises: u32,
    /// How many visitors saw one.
    rose_for: usize,
    worst_rise: Option<(u64, u64)>,
    regressions: u32,
    reconnects: u32,
}

impl Waits {
    pub(super) fn of(evidence: Evidence<'_>) -> Self {
        let diaries = || evidence.reports.iter().map(|report| &report.diary);
        let people = evidence.reports.iter().filter(|report| report.part.role.is_waited_for());
        Self {
            in_line: Spread::of_durations(people.filter_map(|report| report.diary.wait())),
            shopping: Spread::of_durations(evidence.reports.iter().filter_map(|report| report.shopping)),
            rises: diaries().map(|diary| diary.rises).sum(),
            rose_for: diaries().filter(|diary| diary.rises > 0).count(),
            worst_rise: diaries().filter_map(|diary| diary.worst_rise).max_by_key(|(from, to)| to - from),
            regressions: diaries().map(|diary| diary.regressions).sum(),
            reconnects: diaries().map(|diary| diary.reconnects).sum(),
        }
    }
}

impl Waits {
    fn risen(&self) -> String {
        let worst = self.worst_rise.map_or_else(String::new, |(from, to)| format!(", the worst from {from} to {to}"));
        format!("{} times, for {} visitors{worst}", self.rises, self.rose_for)
    }
}

impl Finding for Waits {
    fn rows(&self) -> Vec<(&'static str, String)> {
        vec![
            ("wait in line", self.in_line.seconds()),
            ("arrival to ticket or refusal", self.shopping.seconds()),
            ("positions that rose", self.risen()),
            ("admitted, then told to wait", self.regressions.to_string()),
            ("streams opened again", self.reconnects.to_string()),
        ]
    }

    fn broken(&self) -> Vec<String> {
        let rose = (self.rises > 0).then(|| format!("positions rose: {}", self.risen()));
        let back = (self.regressions > 0)
            .then(|| format!("{} times somebody who was admitted was told to wait", self.regressions));
        rose.into_iter().chain(back).collect()
    }
}
