//! When a queue opens, drains and closes: to the microsecond, by the store's clock.

use std::time::Duration;

use jiff::Timestamp;
use queue_gateway::line::{
    BY_SETTINGS, Baseline, Change, Closing, Control, ControlChange, JoinRefused, Lever, NEVER, NoJoins, QueueState,
    Schedule, Standing,
};

use crate::fixture::{Fixture, GRACE, baseline, is_admitted, join_request, waiting};

impl Fixture {
    /// Opens in a minute, takes joins for the last ten seconds of it, and closes two minutes later.
    async fn configure_with_hours(&self, rate: f64) {
        let opens_at = self.now() + Duration::from_mins(1);
        let schedule = Schedule {
            opens_at: Some(opens_at),
            pre_queue: Duration::from_secs(10),
            closes_at: Some(opens_at + Duration::from_mins(2)),
            ..Schedule::default()
        };
        self.configure_as(Baseline { schedule, ..baseline(rate, 1_000) }).await;
    }

    async fn is_refused(&self) -> Option<JoinRefused> {
        self.engine.join(&self.queue, join_request(self.visitor(), self.token())).await.unwrap().err()
    }

    pub(crate) async fn state(&self) -> QueueState {
        self.stats().await.state()
    }

    async fn order(&self, order: impl FnOnce(&Control, Timestamp) -> ControlChange) {
        let stats = self.stats().await;
        self.control(order(&stats.control, stats.now)).await;
    }
}

const MICROSECOND: Duration = Duration::from_micros(1);

pub(crate) async fn joins_are_taken_from_the_pre_queue_until_the_closing(f: Fixture) {
    f.configure_with_hours(1.0).await;
    f.advance(Duration::from_secs(50) - MICROSECOND);
    assert_eq!((f.is_refused().await, f.state().await), (Some(NoJoins::Scheduled.into()), QueueState::Scheduled));
    f.advance(MICROSECOND);
    assert_eq!((f.is_refused().await, f.state().await), (None, QueueState::PreQueue));
    f.advance(Duration::from_secs(130) - MICROSECOND);
    assert_eq!((f.is_refused().await, f.state().await), (None, QueueState::Open));
    f.advance(MICROSECOND);
    assert_eq!((f.is_refused().await, f.state().await), (Some(NoJoins::Closed.into()), QueueState::Closed));
    assert_eq!(f.line().await, [1, 2], "places are kept");
}

pub(crate) async fn whoever_has_a_place_keeps_it_whatever_the_queue_does(f: Fixture) {
    f.configure(0.0, 10).await;
    let visitor = f.visitor();
    f.join(visitor).await;
    f.order(Control::to_close).await;
    assert_eq!(f.join(visitor).await.standing, waiting(1));
    f.control(ControlChange { opens_at: Some(Some(f.now() + GRACE)), ..ControlChange::default() }).await;
    f.control(ControlChange { closes_at: Some(Some(Closing::Never)), ..ControlChange::default() }).await;
    assert_eq!(f.state().await, QueueState::Scheduled);
    assert_eq!(f.join(visitor).await.standing, waiting(1));
    assert_eq!(f.status(visitor).await, waiting(1));
}

pub(crate) async fn nobody_is_admitted_before_the_opening_and_credit_counts_from_it(f: Fixture) {
    f.configure_with_hours(10.0).await;
    let mut gateway = f.gateway().await;
    gateway.step(0).await;
    f.advance_ms(55_000);
    assert_eq!(f.come(f.visitor()).await.standing, waiting(1), "nor does anybody go straight in");
    gateway.line_of(20).await;
    for _ in 0..5 {
        assert_eq!(gateway.admits(50).await, 0);
        f.advance_ms(900);
    }
    // The last step was 1.4 seconds ago, half a second of them before the opening.
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(50).await, 5);
}

pub(crate) async fn nobody_is_admitted_from_the_closing_on(f: Fixture) {
    f.configure_with_hours(10.0).await;
    f.advance_ms(60_000);
    let mut gateway = f.gateway().await;
    gateway.line_of(30).await;
    gateway.step(0).await;
    f.advance(Duration::from_mins(2) - MICROSECOND);
    assert_eq!(gateway.admits(3).await, 3);
    f.advance(MICROSECOND);
    assert_eq!(gateway.admits(50).await, 0);
    f.advance_ms(5_000);
    assert_eq!(gateway.admits(50).await, 0);
    f.order(Control::to_open).await;
    assert_eq!(gateway.admits(50).await, 0, "no credit is banked");
    f.advance_ms(500);
    assert_eq!(gateway.admits(50).await, 5);
}

pub(crate) async fn a_draining_queue_lets_in_those_in_the_line_and_nobody_new(f: Fixture) {
    f.configure(10.0, 1_000).await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(8).await;
    gateway.step(0).await;
    f.order(Control::to_drain).await;
    assert_eq!((f.is_refused().await, f.state().await), (Some(NoJoins::Draining.into()), QueueState::Draining));
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(50).await, 8);
    assert!(is_admitted(f.status(line[7]).await));
    f.advance_ms(10_000);
    let idle = f.engine.join(&f.queue, join_request(f.visitor(), f.token())).await.unwrap();
    assert_eq!(idle, Err(NoJoins::Draining.into()), "also when there is room");
    f.order(Control::to_open).await;
    assert_eq!(f.is_refused().await, None);
}

pub(crate) async fn the_grace_time_runs_only_while_the_queue_admits(f: Fixture) {
    f.configure(1_000.0, 1_000).await;
    let mut gateway = f.gateway().await;
    let away = f.visitor();
    f.join(away).await;
    gateway.line_of(1).await;
    f.advance_ms(1_000);
    gateway.step(10).await;
    gateway.end().await;
    assert_eq!(f.line().await, [1], "passed, and away");
    f.order(Control::to_close).await;
    f.advance(2 * GRACE);
    f.order(Control::to_open).await;
    f.advance(GRACE - Duration::from_secs(2));
    let mut other = f.gateway().await;
    other.step(0).await;
    assert_eq!(f.status(away).await, waiting(1), "while it was closed nobody could have come back");
    other.end().await;
    f.advance(Duration::from_secs(4));
    assert_eq!(f.status(away).await, Standing::UNKNOWN, "it is over");
}

pub(crate) async fn an_operators_times_go_over_those_of_the_settings(f: Fixture) {
    f.configure_with_hours(1.0).await;
    let settings = f.stats().await.control.baseline.schedule;
    let later = settings.opens_at.unwrap() + Duration::from_secs(7);
    f.control(ControlChange { opens_at: Some(Some(later)), ..ControlChange::default() }).await;
    f.control(ControlChange { closes_at: Some(Some(Closing::Never)), ..ControlChange::default() }).await;
    let control = f.stats().await.control;
    assert_eq!((control.opens_at(), control.closes_at()), (Some(later), None));
    f.control(ControlChange { opens_at: Some(None), closes_at: Some(None), ..ControlChange::default() }).await;
    let control = f.stats().await.control;
    assert_eq!((control.opens_at(), control.closes_at()), (settings.opens_at, settings.closes_at));
}

pub(crate) async fn changed_times_are_on_record(f: Fixture) {
    f.configure_with_hours(1.0).await;
    let settings = f.stats().await.control.baseline.schedule;
    f.order(Control::to_open).await;
    f.control(ControlChange { closes_at: Some(Some(Closing::Never)), ..ControlChange::default() }).await;
    f.configure(1.0, 1_000).await;
    let record = f.engine.changes(&f.queue, 9).await.unwrap();
    let text = |at: Timestamp| Some(at.as_microsecond().to_string());
    let of = |change: &Change| (change.by.clone(), change.lever, change.from.clone(), change.to.clone());
    let by_settings = |lever, from, to| (BY_SETTINGS.to_owned(), lever, from, to);
    let ten_seconds = Some("10000000".to_owned());
    let expected = [
        by_settings(Lever::BaselineClosesAt, settings.closes_at.and_then(text), None),
        by_settings(Lever::PreQueue, ten_seconds, Some("0".to_owned())),
        by_settings(Lever::BaselineOpensAt, settings.opens_at.and_then(text), None),
        ("Ada".to_owned(), Lever::ClosesAt, None, Some(NEVER.to_string())),
        ("Ada".to_owned(), Lever::OpensAt, None, text(f.now())),
    ];
    assert_eq!(record.iter().map(of).collect::<Vec<_>>(), expected);
}
