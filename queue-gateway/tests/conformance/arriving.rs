//! From the admission to the claim: the time to arrive, and signs of life.

use std::time::Duration;

use contract::ids::{ActiveTokenId, VisitorId};
use queue_gateway::line::{Admission, Baseline, Claim, Lifetimes, Lost, Progress, Standing};

use crate::fixture::{ACTIVE, ARRIVE, CLAIM, CLAIM_AT_MOST, Fixture, LIFETIMES, baseline, is_admitted, waiting};

const SECOND: Duration = Duration::from_secs(1);
const NOT_CLAIMED: Standing = Standing::Absent { lost: Some(Lost::NotClaimed) };

async fn arrive(f: &Fixture, token: ActiveTokenId) -> Standing {
    f.engine.arrive(&f.queue, token).await.unwrap()
}

async fn admission(f: &Fixture, visitor: VisitorId) -> Admission {
    match f.status(visitor).await {
        Standing::Admitted { admission, .. } => admission,
        other => panic!("expected a slot, is {other:?}"),
    }
}

pub(crate) async fn an_arrival_begins_the_time_for_a_claim(f: Fixture) {
    f.configure(10.0, 10).await;
    let (visitor, token) = f.admitted().await;
    f.advance(ARRIVE - SECOND);
    let standing = arrive(&f, token).await;
    assert_eq!(standing, f.status(visitor).await);
    let slot = admission(&f, visitor).await;
    assert_eq!((slot.progress, slot.claim_before), (Progress::Arrived, f.now() + CLAIM));
    let stats = f.stats().await;
    assert_eq!((stats.totals.arrived, stats.unclaimed, stats.active), (1, 1, 1));
    f.advance(CLAIM - SECOND);
    assert!(is_admitted(f.status(visitor).await));
    f.advance(SECOND);
    assert_eq!(f.status(visitor).await, NOT_CLAIMED);
    f.sweep().await;
    assert_eq!(f.status(visitor).await, NOT_CLAIMED);
    let stats = f.stats().await;
    assert_eq!((stats.totals.not_claimed, stats.totals.no_shows, stats.active), (1, 0, 0));
    assert!(f.line().await.is_empty(), "whoever came to the site does not have the place again");
}

pub(crate) async fn signs_of_life_prolong_the_time_for_a_claim_up_to_a_limit(f: Fixture) {
    f.configure(10.0, 10).await;
    let (visitor, token) = f.admitted().await;
    let limit = f.now() + CLAIM_AT_MOST;
    arrive(&f, token).await;
    for _ in 0..3 {
        f.advance(SECOND * 20);
        let expected = (f.now() + CLAIM).min(limit);
        assert!(is_admitted(arrive(&f, token).await));
        assert_eq!(admission(&f, visitor).await.claim_before, expected);
    }
    assert_eq!(admission(&f, visitor).await.claim_before, limit);
    assert_eq!(f.stats().await.totals.arrived, 1, "one visitor arrives once");
    f.advance(SECOND * 20);
    assert_eq!(arrive(&f, token).await, Standing::UNKNOWN);
    assert_eq!(f.status(visitor).await, NOT_CLAIMED);
}

pub(crate) async fn a_sign_of_life_never_shortens_what_was_promised(f: Fixture) {
    f.configure(10.0, 10).await;
    let (visitor, token) = f.admitted().await;
    arrive(&f, token).await;
    let promised = admission(&f, visitor).await.claim_before;
    let lifetimes = Lifetimes { claim: SECOND, claim_at_most: SECOND, ..LIFETIMES };
    f.configure_as(Baseline { lifetimes, ..baseline(10.0, 10) }).await;
    f.advance(SECOND * 2);
    arrive(&f, token).await;
    assert_eq!(admission(&f, visitor).await.claim_before, promised);
}

pub(crate) async fn whoever_polls_has_until_the_next_poll_and_the_time_to_arrive(f: Fixture) {
    f.configure(10.0, 10).await;
    let line = f.line_of(2).await;
    let mut gateway = f.gateway().await;
    gateway.polled(&line[..1], SECOND * 20).await;
    gateway.present(&line[1..]).await;
    gateway.step(0).await;
    f.advance(SECOND);
    gateway.step(2).await;
    let (polling, streaming) = (admission(&f, line[0]).await, admission(&f, line[1]).await);
    assert_eq!(polling.arrive_before, f.now() - SECOND + SECOND * 20 + ARRIVE, "due 20 s after it was reported");
    assert_eq!(streaming.arrive_before, f.now() + ARRIVE);
    gateway.pass(ARRIVE).await;
    assert_eq!(f.status(line[1]).await, waiting(2));
    gateway.pass(SECOND * 18).await;
    assert!(is_admitted(f.status(line[0]).await));
    gateway.pass(SECOND).await;
    assert_eq!(f.status(line[0]).await, waiting(1));
}

pub(crate) async fn whoever_polls_at_several_gateways_has_until_the_latest_poll(f: Fixture) {
    f.configure(10.0, 10).await;
    let line = f.line_of(2).await;
    let (mut one, mut other) = (f.gateway().await, f.gateway().await);
    one.polled(&line, SECOND * 3).await;
    other.polled(&line, SECOND * 40).await;
    let reported = f.now();
    one.step(0).await;
    other.step(0).await;
    f.advance(SECOND);
    one.step(1).await;
    f.advance(SECOND / 10);
    other.step(1).await;
    for visitor in line {
        assert_eq!(admission(&f, visitor).await.arrive_before, reported + SECOND * 40 + ARRIVE);
    }
}

pub(crate) async fn a_later_poll_moves_the_time_to_arrive(f: Fixture) {
    f.configure(1.0, 10).await;
    f.admitted().await;
    let line = f.line_of(1).await;
    let mut gateway = f.gateway().await;
    gateway.polled(&line, SECOND * 5).await;
    gateway.step(0).await;
    gateway.polled(&line, SECOND * 30).await;
    f.advance(SECOND);
    gateway.step(1).await;
    assert_eq!(admission(&f, line[0]).await.arrive_before, f.now() + SECOND * 30 + ARRIVE);
}

pub(crate) async fn a_claim_counts_as_an_arrival(f: Fixture) {
    f.configure(10.0, 10).await;
    let (visitor, token) = f.admitted().await;
    let claim = f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    assert!(matches!(claim, Claim::Bound { .. }));
    let slot = admission(&f, visitor).await;
    let stats = f.stats().await;
    assert_eq!((slot.progress, stats.totals.arrived, stats.unclaimed), (Progress::Claimed, 1, 0));
    assert_eq!(arrive(&f, token).await, f.status(visitor).await);
    assert_eq!(admission(&f, visitor).await, slot, "a sign of life changes nothing about a claimed slot");
    f.advance(ACTIVE - SECOND);
    assert!(is_admitted(f.status(visitor).await));
}

pub(crate) async fn an_arrived_visitor_may_leave(f: Fixture) {
    f.configure(10.0, 10).await;
    let (visitor, token) = f.admitted().await;
    arrive(&f, token).await;
    assert!(is_admitted(f.leave(visitor).await));
    assert_eq!(f.status(visitor).await, Standing::Absent { lost: Some(Lost::Left) });
    assert_eq!(arrive(&f, token).await, Standing::UNKNOWN);
}
