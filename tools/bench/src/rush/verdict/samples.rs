//! Evidence for the tests of findings.

use clap::Parser;
use jiff::Timestamp;

use super::Evidence;
use crate::rush::{
    Arguments,
    crowd::{Part, Role},
    diary::{Diary, Turn},
    observer::Observed,
    visit::{Outcome, Report},
};

/// So many milliseconds after a run began.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
}

/// What was asked for, as on the command line.
pub(super) fn arguments(text: &str) -> Arguments {
    Arguments::parse_from(format!("rush {text}").split_whitespace())
}

/// Somebody who came, was told nothing, and ended so.
pub(super) fn report(role: Role, outcome: Outcome) -> Report {
    let part = Part { role, polls: false, address: "10.0.0.1".to_owned() };
    Report { part, diary: Diary::default(), shopping: None, outcome, afterwards: None }
}

/// An admission at this time, kept for 30 s.
pub(super) fn turn(millis: i64, arrived: bool) -> Turn {
    Turn {
        admitted_at: at(millis),
        told_at: at(millis + 20),
        arrive_before: Some(at(millis + 30_000)),
        arrived_at: arrived.then(|| at(millis + 40)),
        token: millis.to_string(),
    }
}

/// All of it together.
pub(super) fn evidence<'a>(arguments: &'a Arguments, reports: &'a [Report], observed: &'a Observed) -> Evidence<'a> {
    Evidence { arguments, reports, observed }
}
