//! Time that nobody could use does not count, and clocks that jump cost nobody a turn.

use std::time::Duration;

use queue_gateway::line::{Lost, Sequence, Standing};

use crate::fixture::{ACTIVE, ARRIVE, CLAIM, Fixture, GRACE, is_admitted, waiting};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

pub(crate) async fn the_time_to_arrive_stands_still_while_no_gateway_steps(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    gateway.step(0).await;
    let (visitor, _) = f.admitted().await;
    f.advance(MINUTE);
    let Standing::Admitted { admission, .. } = f.status(visitor).await else { panic!("lost to an outage") };
    assert_eq!(admission.arrive_before, f.now() + ARRIVE - SECOND, "a second of that minute counts");
    gateway.step(0).await;
    gateway.pass(ARRIVE - SECOND * 2).await;
    assert!(is_admitted(f.status(visitor).await));
    f.advance(SECOND);
    assert_eq!(f.status(visitor).await, waiting(1));
}

pub(crate) async fn the_time_for_a_claim_stands_still_while_no_gateway_steps(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    gateway.step(0).await;
    let (visitor, token) = f.admitted().await;
    f.engine.arrive(&f.queue, token).await.unwrap();
    f.advance(MINUTE);
    gateway.pass(CLAIM - SECOND).await;
    assert!(is_admitted(f.status(visitor).await));
    gateway.pass(SECOND).await;
    assert_eq!(f.status(visitor).await, Standing::Absent { lost: Some(Lost::NotClaimed) });
}

pub(crate) async fn the_grace_time_stands_still_while_no_gateway_steps(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(1).await;
    f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.step(0).await;
    f.advance(HOUR);
    assert_eq!(f.status(line[0]).await, waiting(1));
    gateway.pass(GRACE - SECOND * 2).await;
    assert_eq!(f.status(line[0]).await, waiting(1));
    gateway.present(&line).await;
    assert_eq!(gateway.admits(1).await, 1, "whoever was cut off comes back in time");
}

pub(crate) async fn line_time_runs_when_no_gateway_is_registered(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(1).await;
    let (visitor, _) = f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.step(0).await;
    gateway.end().await;
    f.advance(ARRIVE);
    assert_eq!(f.status(visitor).await, waiting(2));
    f.advance(GRACE - ARRIVE);
    assert_eq!(f.status(line[0]).await, Standing::UNKNOWN);
}

pub(crate) async fn a_gateway_is_not_gone_because_the_store_was_away(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(2).await;
    let mut one = f.gateway_with(&line[..1]).await;
    let mut two = f.gateway_with(&line[1..]).await;
    one.step(0).await;
    two.step(0).await;
    f.advance(MINUTE);
    let step = two.step(0).await;
    assert_eq!((step.stats.ready, step.present.len()), (2, 2));
    assert!(one.step(1).await.known);
    assert!(is_admitted(f.status(line[0]).await));
}

pub(crate) async fn a_token_expires_by_the_stores_clock_whatever_the_gateways_do(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    gateway.step(0).await;
    let (visitor, token) = f.admitted().await;
    f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    f.advance(ACTIVE - Duration::from_micros(1));
    assert!(is_admitted(f.status(visitor).await));
    f.advance(Duration::from_micros(1));
    assert_eq!(f.status(visitor).await, Standing::Absent { lost: Some(Lost::Ended) });
    assert_eq!(f.stats().await.active, 0);
}

pub(crate) async fn the_grace_time_stands_still_while_paused_and_the_time_to_arrive_does_not(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(1).await;
    let (visitor, _) = f.admitted().await;
    f.pause(true).await;
    let mut gateway = f.gateway().await;
    gateway.pass(GRACE * 3).await;
    assert_eq!(f.status(line[0]).await, waiting(1));
    assert_eq!(f.status(visitor).await, waiting(2), "nobody needs admission to arrive");
    f.pause(false).await;
    gateway.pass(GRACE - SECOND).await;
    assert_eq!((f.status(line[0]).await, f.status(visitor).await), (waiting(1), waiting(2)));
    gateway.pass(SECOND).await;
    assert_eq!(f.status(line[0]).await, Standing::UNKNOWN);
    assert_eq!(f.stats().await.expired_through, Sequence(2));
}

pub(crate) async fn a_clock_that_steps_back_gives_no_credit_and_does_not_halt_it(f: Fixture) {
    f.configure(2.0, 100).await;
    f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.line_of(20).await;
    gateway.step(0).await;
    f.clock.step_back(HOUR);
    assert_eq!(gateway.admits(9).await, 0);
    f.advance_ms(500);
    assert_eq!(gateway.admits(9).await, 1);
    for _ in 0..5 {
        f.clock.step_back(HOUR);
        assert_eq!(gateway.admits(9).await, 0, "nor when it steps back again and again");
    }
    f.advance_ms(500);
    assert_eq!(gateway.admits(9).await, 1);
}

pub(crate) async fn a_clock_that_steps_back_costs_and_gives_nobody_line_time(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(1).await;
    let (visitor, _) = f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.pass(SECOND * 4).await;
    f.clock.step_back(HOUR);
    assert!(is_admitted(f.status(visitor).await));
    gateway.step(0).await;
    let Standing::Admitted { admission, .. } = f.status(visitor).await else { panic!("lost by the clock") };
    assert_eq!(admission.arrive_before, f.now() + ARRIVE - SECOND * 4);
    gateway.pass(ARRIVE - SECOND * 5).await;
    assert!(is_admitted(f.status(visitor).await));
    gateway.pass(SECOND).await;
    assert_eq!(f.status(visitor).await, waiting(2));
    gateway.pass(GRACE - ARRIVE - SECOND).await;
    assert_eq!(f.status(line[0]).await, waiting(1));
    gateway.pass(SECOND).await;
    assert_eq!(f.status(line[0]).await, Standing::UNKNOWN);
}

pub(crate) async fn a_clock_that_jumps_ahead_and_back_costs_nobody_a_turn(f: Fixture) {
    f.configure(1.0, 100).await;
    let (visitor, _) = f.admitted().await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(1).await;
    gateway.step(0).await;
    for _ in 0..3 {
        f.advance(HOUR / 60);
        gateway.step(0).await;
        f.clock.step_back(HOUR / 60);
        gateway.step(0).await;
    }
    assert!(is_admitted(f.status(visitor).await), "three seconds have passed for the line");
    assert_eq!(f.status(line[0]).await, waiting(2));
    gateway.pass(ARRIVE - SECOND * 3).await;
    assert_eq!(f.status(visitor).await, waiting(1));
}
