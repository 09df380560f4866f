//! What it cost that the store lost everything in mid-line.
//!
//! The public state shows a loss for as long as the line is being given back. It says what the last step told, so the
//! loss itself may lie a tick before the last look that showed nothing of it; what was admitted from then on until it
//! was seen is the *lost stretch*, of which the gateways may not have heard.

use std::time::Duration;

use jiff::Timestamp;

use super::{Evidence, Finding, order::STEP};
use crate::rush::{
    arguments::{GhostKind, Promised},
    crowd::Role,
    diary::Diary,
    observer::Loss,
    visit::Report,
};

/// A loss of the store.
#[derive(Debug)]
pub(super) struct StoreLoss {
    resumes_within: Option<Duration>,
    cost: Option<Cost>,
    streams_ended: u32,
}

/// What it met, and what it cost.
#[derive(Debug)]
struct Cost {
    /// From the last look before it to the next admission.
    resumed_after: Option<Duration>,
    /// Whom it met.
    met: Met,
    in_lost_stretch: usize,
}

/// How many it met in each situation: a run without them says nothing of what becomes of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Met {
    waiting: usize,
    away: usize,
    on_their_way: usize,
    at_the_shop: usize,
    done: usize,
}

impl StoreLoss {
    pub(super) fn of(evidence: Evidence<'_>) -> Self {
        let Evidence { arguments, reports, observed } = evidence;
        let cost = observed.loss.map(|loss| {
            let turns = || reports.iter().flat_map(|report| &report.diary.turns);
            let next = turns().map(|turn| turn.admitted_at).filter(|at| *at > loss.seen_at).min();
            Cost {
                resumed_after: next.and_then(|next| next.duration_since(loss.whole_at).try_into().ok()),
                met: Met::by(loss, reports),
                in_lost_stretch: in_lost_stretch(loss, reports, arguments.promised),
            }
        });
        Self {
            resumes_within: arguments.promised.resumes_within.map(Duration::from_secs),
            cost,
            streams_ended: reports.iter().map(|report| report.diary.reconnects).sum(),
        }
    }
}

/// How many were admitted of whom the gateways may not have heard.
pub(super) fn in_lost_stretch(loss: Loss, reports: &[Report], promised: Promised) -> usize {
    let since = loss.whole_at.checked_sub(promised.tick() + STEP).unwrap_or(loss.whole_at);
    let turns = reports.iter().flat_map(|report| &report.diary.turns);
    turns.filter(|turn| (since..=loss.seen_at).contains(&turn.admitted_at)).count()
}

impl Met {
    fn by(loss: Loss, reports: &[Report]) -> Self {
        let count = |is: fn(Loss, &Report) -> bool| reports.iter().filter(|report| is(loss, report)).count();
        Self {
            waiting: count(|loss, report| waits(loss, &report.diary)),
            away: count(|loss, report| {
                let comes_back = report.part.role == Role::Ghost(GhostKind::Return);
                let came = report.diary.came_at().is_some_and(|came| came < loss.whole_at);
                comes_back && came && !waits(loss, &report.diary) && report.diary.arrived_at() > Some(loss.seen_at)
            }),
            on_their_way: count(|loss, report| {
                report.diary.turns.iter().any(|turn| {
                    turn.told_at < loss.whole_at && turn.arrived_at.is_some_and(|arrived| arrived > loss.seen_at)
                })
            }),
            at_the_shop: count(|loss, report| {
                report.diary.arrived_at().is_some_and(|arrived| arrived < loss.whole_at)
                    && left_at(report).is_some_and(|left| left > loss.seen_at)
            }),
            done: count(|loss, report| {
                report.afterwards.is_some() && left_at(report).is_some_and(|left| left < loss.whole_at)
            }),
        }
    }

    /// What a run that met nobody of some kind does not show.
    fn unproven(&self) -> impl Iterator<Item = &'static str> {
        let Self { waiting, away, on_their_way, at_the_shop, done } = *self;
        let kinds = [
            (waiting, "waiting"),
            (away, "away"),
            (on_their_way, "on the way to the shop"),
            (at_the_shop, "at the shop"),
            (done, "done"),
        ];
        kinds.into_iter().filter(|(met, _)| *met == 0).map(|(_, kind)| kind)
    }
}

fn waits(loss: Loss, diary: &Diary) -> bool {
    diary.stretches().iter().any(|stretch| stretch.since < loss.whole_at && loss.seen_at < stretch.until)
}

/// When somebody left the site.
fn left_at(report: &Report) -> Option<Timestamp> {
    report.diary.arrived_at()?.checked_add(report.shopping?).ok()
}

impl Finding for StoreLoss {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let Some(Cost { resumed_after, met, in_lost_stretch }) = &self.cost else { return Vec::new() };
        let Met { waiting, away, on_their_way, at_the_shop, done } = met;
        let resumed = resumed_after.map_or_else(
            || "nobody was admitted again".to_owned(),
            |after| format!("admitted again {:.1} s later", after.as_secs_f64()),
        );
        vec![
            ("the store lost its line", format!("{resumed}, {in_lost_stretch} in the lost stretch")),
            (
                "who were then",
                format!(
                    "{waiting} waiting, {away} away, {on_their_way} on the way, {at_the_shop} at the shop, {done} done"
                ),
            ),
        ]
    }

    fn broken(&self) -> Vec<String> {
        let Some(within) = self.resumes_within else { return Vec::new() };
        let Some(cost) = &self.cost else {
            return vec!["the store was to lose its line, and was not seen to".to_owned()];
        };
        let mut broken: Vec<String> = match cost.resumed_after {
            None => vec!["nobody was admitted after the store had lost its line".to_owned()],
            Some(after) if after > within => {
                vec![format!(
                    "the line moved on {:.1} s after the store had lost it, {within:?} is promised",
                    after.as_secs_f64()
                )]
            }
            Some(_) => Vec::new(),
        };
        if self.streams_ended > 0 {
            broken.push(format!("{} streams ended although no gateway was stopped", self.streams_ended));
        }
        broken.extend(
            cost.met
                .unproven()
                .map(|kind| format!("nobody was {kind} when the store lost its line: the run says nothing of them")),
        );
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::{
        document::{Document, State},
        observer::Observed,
        presence::Presence,
        verdict::samples::{self, at},
        visit::Outcome,
    };

    fn loss() -> Loss {
        Loss { whole_at: at(9_900), seen_at: at(10_000), most_active: 0 }
    }

    /// Came at 0, was admitted then and then, came to the site, and left it some seconds later.
    fn visitor(role: Role, admitted: i64, arrived: i64, left: i64) -> Report {
        let mut report = samples::report(role, Outcome::SoldOut);
        report.diary.note(&Document::waiting_at(9), at(0));
        report.diary.presence.admitted(at(admitted));
        let turn = samples::turn(admitted, false);
        report.diary.turns.push(crate::rush::diary::Turn { arrived_at: Some(at(arrived)), ..turn });
        report.shopping = (at(left).duration_since(at(arrived))).try_into().ok();
        report.afterwards = Some(State::Left);
        report
    }

    /// One in each situation.
    fn crowd() -> Vec<Report> {
        let mut away = visitor(Role::Ghost(GhostKind::Return), 15_000, 15_100, 16_000);
        away.diary.presence = Presence::default();
        vec![
            visitor(Role::Buys, 13_000, 13_100, 14_000),
            away,
            visitor(Role::Buys, 9_700, 11_000, 12_000),
            visitor(Role::Buys, 6_000, 7_000, 11_000),
            visitor(Role::Buys, 1_000, 2_000, 3_000),
        ]
    }

    fn broken(reports: &[Report], loss: Option<Loss>) -> Vec<String> {
        let arguments = samples::arguments("--resumes-within 4");
        let observed = Observed { loss, ..Observed::default() };
        StoreLoss::of(samples::evidence(&arguments, reports, &observed)).broken()
    }

    #[test]
    fn a_loss_that_costs_nothing_breaks_no_promise() {
        assert_eq!(broken(&crowd(), Some(loss())), Vec::<String>::new());
        let met = Met::by(loss(), &crowd());
        assert_eq!(met, Met { waiting: 1, away: 1, on_their_way: 1, at_the_shop: 1, done: 1 });
    }

    #[test]
    fn a_loss_that_nobody_saw_or_that_met_nobody_proves_nothing() {
        assert_eq!(broken(&crowd(), None), ["the store was to lose its line, and was not seen to"]);
        let said = broken(&crowd()[..1], Some(loss()));
        let nobody =
            |kind: &str| format!("nobody was {kind} when the store lost its line: the run says nothing of them");
        assert_eq!(said, ["away", "on the way to the shop", "at the shop", "done"].map(nobody));
    }

    #[test]
    fn a_line_that_stands_and_a_stream_that_ends_are_found() {
        let mut late = crowd();
        for report in &mut late[..2] {
            report.diary.turns[0].admitted_at = at(14_500);
        }
        assert_eq!(
            broken(&late, Some(loss())),
            ["the line moved on 4.6 s after the store had lost it, 4s is promised"]
        );
        for report in &mut late[..2] {
            report.diary.turns[0].admitted_at = at(9_000);
        }
        late[3].diary.reconnects = 2;
        assert_eq!(
            broken(&late, Some(loss())),
            [
                "nobody was admitted after the store had lost its line",
                "2 streams ended although no gateway was stopped",
            ]
        );
    }

    #[test]
    fn the_lost_stretch_begins_a_tick_before_the_last_look() {
        let arguments = samples::arguments("--tick 250");
        let admitted = |millis| visitor(Role::Buys, millis, millis + 100, millis + 200);
        let reports = [9_500, 9_600, 10_000, 10_100].map(admitted);
        assert_eq!(in_lost_stretch(loss(), &reports, arguments.promised), 2);
    }
}
