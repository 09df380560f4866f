use super::*;
use crate::line::{AdmissionLimits, Baseline, DrawSecret, Invitations, Lifetimes, Share};

/// Just before joins are taken, then, just before it opens, then, just before it closes, then.
const FROM_BEGINNING_TO_END: [QueueState; 6] = [
    QueueState::Scheduled,
    QueueState::PreQueue,
    QueueState::PreQueue,
    QueueState::Open,
    QueueState::Open,
    QueueState::Closed,
];

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Joins from 40 on, opens at 100, closes at 200.
fn control() -> Control {
    let lifetime = Duration::from_mins(1);
    let baseline = Baseline {
        as_of: Timestamp::UNIX_EPOCH,
        limits: AdmissionLimits { rate_per_second: 1.0, cap: 1 },
        lifetimes: Lifetimes {
            arrive: lifetime,
            claim: lifetime,
            claim_at_most: lifetime,
            active: lifetime,
            come_back: Duration::ZERO,
            grace: lifetime,
        },
        max_places: 10,
        schedule: Schedule {
            opens_at: Some(second(100)),
            pre_queue: Duration::from_mins(1),
            opening: Opening::Fifo,
            beacon_source: None,
            closes_at: Some(second(200)),
        },
        invitations: None,
        message: None,
    };
    Control::begin(baseline, DrawSecret([7; 32]))
}

fn after(control: &Control, change: &ControlChange) -> Control {
    Control {
        opens_at_override: change.opens_at.unwrap_or(control.opens_at_override),
        closes_at_override: change.closes_at.unwrap_or(control.closes_at_override),
        drains_at: change.drains_at.unwrap_or(control.drains_at),
        paused: change.paused.unwrap_or(control.paused),
        ..control.clone()
    }
}

#[test]
fn a_scheduled_queue_lives_by_its_times() {
    let control = control();
    let states = [39, 40, 99, 100, 199, 200].map(|at| control.state(second(at)));
    assert_eq!(states, FROM_BEGINNING_TO_END);
    let refusals = [39, 40, 199, 200].map(|at| control.no_joins(Lane::General, second(at)));
    assert_eq!(refusals, [Some(NoJoins::Scheduled), None, None, Some(NoJoins::Closed)]);
}

#[test]
fn the_invited_come_in_before_the_opening_and_do_not_wait_for_the_draw() {
    let share = Share::of_thousandths(200).unwrap();
    let mut control = control();
    control.baseline.invitations = Some(Invitations { share, presale: Duration::from_secs(30) });
    let states = [9, 10, 69, 70, 100, 200].map(|at| control.state_of(Lane::Invited, second(at)));
    assert_eq!(states, FROM_BEGINNING_TO_END);
    assert_eq!(control.state(second(99)), QueueState::PreQueue, "nobody else does");
    control.draw = Draw { settled: Some(Opening::Draw), numbers: Some(3), ..control.draw };
    assert_eq!([Lane::General, Lane::Invited].map(|lane| control.admits(lane, second(150))), [false, true]);
    control.baseline.invitations = None;
    assert!(!control.admits(Lane::Invited, second(150)), "it invites nobody any more");
}

#[test]
fn a_queue_that_waits_for_its_draw_is_not_open_yet() {
    let draw = Draw { settled: Some(Opening::Draw), numbers: Some(3), ..control().draw };
    let pending = Control { draw, ..control() };
    assert_eq!(
        (pending.state(second(150)), pending.no_joins(Lane::General, second(150))),
        (QueueState::PreQueue, None)
    );
    let drawn = Control { draw: Draw { drawn_at: Some(second(160)), ..pending.draw.clone() }, ..pending };
    assert_eq!(drawn.state(second(160)), QueueState::Open);
    assert_eq!(drawn.opening(), Opening::Fifo, "whoever joins from now on comes after it");
}

#[test]
fn what_is_told_of_the_opening_is_what_will_happen() {
    let mut control = control();
    control.baseline.schedule.opening = Opening::Draw;
    assert_eq!((control.opening(), control.would_number(second(99))), (Opening::Draw, true));
    assert!(!control.would_number(second(100)), "it has opened");
    let settled = Draw { settled: Some(Opening::Fifo), ..control.draw.clone() };
    assert_eq!(Control { draw: settled, ..control.clone() }.opening(), Opening::Fifo);
    control.baseline.schedule.opens_at = None;
    assert_eq!(control.opening(), Opening::Fifo, "nobody joins before an opening that has no time");
}

#[test]
fn a_named_source_makes_the_draw_wait_for_its_beacon() {
    let draw = Draw { settled: Some(Opening::Draw), numbers: Some(3), ..control().draw };
    let without = Control { draw, ..control() };
    assert_eq!(without.decisive_lots().map(|lots| lots.beacon), Some(String::new()));
    let mut named = without;
    named.baseline.schedule.beacon_source = Some("too late".to_owned());
    assert!(named.decisive_lots().is_some(), "the source is that of the first number");
    named.draw.source = Some("drand".to_owned());
    named.baseline.schedule.beacon_source = None;
    assert_eq!(named.decisive_lots(), None);
    named.draw.beacon = Some("4242".to_owned());
    assert_eq!(named.decisive_lots().map(|lots| lots.beacon), Some("4242".to_owned()));
}

#[test]
fn a_pause_shows_from_the_opening_on() {
    let control = Control { paused: true, ..control() };
    assert_eq!(control.state(second(99)), QueueState::PreQueue);
    assert_eq!(control.state(second(100)), QueueState::Paused);
    assert_eq!(control.state(second(200)), QueueState::Closed);
}

#[test]
fn a_queue_that_drains_takes_no_joins_whatever_else_it_does() {
    let control = Control { drains_at: Some(second(50)), ..control() };
    assert_eq!(
        (control.no_joins(Lane::General, second(49)), control.no_joins(Lane::General, second(50))),
        (None, Some(NoJoins::Draining))
    );
    assert_eq!((control.state(second(50)), control.state(second(100))), (QueueState::PreQueue, QueueState::Draining));
    let paused = Control { paused: true, ..control };
    assert_eq!(paused.state(second(100)), QueueState::Paused);
    assert_eq!(paused.no_joins(Lane::General, second(100)), Some(NoJoins::Draining));
    assert!(!paused.admits(Lane::General, second(100)));
}

#[test]
fn an_operator_opens_a_queue_at_any_time_of_its_life() {
    for at in [10, 60, 150, 250].map(second) {
        for before in [control(), Control { paused: true, drains_at: Some(second(5)), ..control() }] {
            let opened = after(&before, &before.to_open(at));
            assert_eq!((opened.state(at), opened.no_joins(Lane::General, at)), (QueueState::Open, None), "at {at}");
        }
    }
    let early = after(&control(), &control().to_open(second(60)));
    assert_eq!(early.state(second(200)), QueueState::Closed, "the closing stands");
}

#[test]
fn an_operator_drains_and_closes_a_queue() {
    let drained = after(&control(), &control().to_drain(second(120)));
    assert_eq!(drained.state(second(120)), QueueState::Draining);
    assert_eq!(drained.to_drain(second(130)), ControlChange::default(), "it drains already");
    let closed = after(&drained, &drained.to_close(second(130)));
    assert_eq!((closed.state(second(129)), closed.state(second(130))), (QueueState::Draining, QueueState::Closed));
    assert_eq!(closed.to_close(second(140)), ControlChange::default());
    let reopened = after(&closed, &closed.to_open(second(150)));
    assert_eq!(reopened.state(second(500)), QueueState::Open, "until an operator closes it again");
}
