//! Whether anybody whose visit was over has a place again.

use super::{Evidence, Finding};
use crate::rush::{diary::Turn, document::State};

/// Turns that were given twice.
#[derive(Debug)]
pub(super) struct Afterwards {
    /// Visitors who were asked long after their visit.
    asked: usize,
    /// Of them, those with a place or a slot.
    again: usize,
    /// Visitors who were admitted once more after they had come to the site.
    second_turns: usize,
}

impl Afterwards {
    pub(super) fn of(evidence: Evidence<'_>) -> Self {
        let told = || evidence.reports.iter().filter_map(|report| report.afterwards.as_ref());
        let twice = |turns: &[Turn]| turns.iter().rev().skip(1).any(|turn| turn.arrived_at.is_some());
        Self {
            asked: told().count(),
            again: told().filter(|state| **state != State::Left).count(),
            second_turns: evidence.reports.iter().filter(|report| twice(&report.diary.turns)).count(),
        }
    }
}

impl Finding for Afterwards {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { asked, again, second_turns } = self;
        vec![("a second turn", format!("{second_turns}; {again} of {asked} had a place long after their visit"))]
    }

    fn broken(&self) -> Vec<String> {
        let Self { asked, again, second_turns } = self;
        let again =
            (*again > 0).then(|| format!("{again} of {asked} visitors had a place again after their visit was over"));
        let twice =
            (*second_turns > 0).then(|| format!("{second_turns} visitors came to the site and got a second turn"));
        again.into_iter().chain(twice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::{crowd::Role, observer::Observed, verdict::samples, visit::Outcome};

    fn broken(turns: &[bool], afterwards: State) -> Vec<String> {
        let arguments = samples::arguments("");
        let mut report = samples::report(Role::Buys, Outcome::Bought { seat: 1 });
        report.afterwards = Some(afterwards);
        report.diary.turns = turns.iter().zip(0..).map(|(arrived, at)| samples::turn(at * 40_000, *arrived)).collect();
        Afterwards::of(samples::evidence(&arguments, &[report], &Observed::default())).broken()
    }

    #[test]
    fn whose_turn_is_over_has_no_place() {
        assert_eq!(broken(&[true], State::Left), Vec::<String>::new());
        for again in [State::Waiting, State::Parked] {
            assert_eq!(broken(&[true], again), ["1 of 1 visitors had a place again after their visit was over"]);
        }
    }

    #[test]
    fn a_second_turn_is_for_those_alone_who_did_not_come_the_first_time() {
        assert_eq!(broken(&[false, true], State::Left), Vec::<String>::new());
        assert_eq!(broken(&[true, false], State::Left), ["1 visitors came to the site and got a second turn"]);
    }
}
