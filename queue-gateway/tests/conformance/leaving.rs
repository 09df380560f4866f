//! Leaving the line, or a slot.

use queue_gateway::line::{Claim, LineChange, Lost, Sequence, Standing};

use crate::fixture::{Fixture, is_admitted, waiting};

const LEFT: Standing = Standing::Absent { lost: Some(Lost::Left) };

pub(crate) async fn who_leaves_the_line_lets_the_others_up(f: Fixture) {
    f.configure(0.0, 10).await;
    let line = f.line_of(3).await;
    assert_eq!(f.leave(line[1]).await, waiting(2));
    assert_eq!(f.leave(line[1]).await, LEFT);
    assert_eq!(f.line().await, [1, 3]);
    assert_eq!(f.log().await, [LineChange::Departed { seq: Sequence(2) }], "leaving twice is logged once");
    f.leave(line[0]).await;
    f.leave(line[2]).await;
    assert_eq!(f.stats().await.last_seq, Sequence(3));
    assert!(f.line().await.is_empty());
}

pub(crate) async fn who_leaves_is_no_longer_ready(f: Fixture) {
    f.configure(1.0, 10).await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(2).await;
    assert_eq!(gateway.step(0).await.stats.ready, 2);
    f.leave(line[0]).await;
    assert_eq!(f.stats().await.ready, 1);
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(2).await, 1);
    assert!(is_admitted(f.status(line[1]).await));
    assert_eq!(f.status(line[0]).await, LEFT);
}

pub(crate) async fn who_leaves_while_active_frees_the_slot(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.line_of(1).await;
    gateway.step(0).await;
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(1).await, 0);
    assert!(is_admitted(f.leave(visitor).await));
    assert_eq!(f.status(visitor).await, LEFT);
    assert_eq!(f.engine.claim(&f.queue, token, f.member(), None).await.unwrap(), Claim::Gone);
    assert_eq!(gateway.admits(1).await, 1);
    assert_eq!(f.stats().await.totals.no_shows, 0, "they left, they did not let it run out");
    let log = f.log().await;
    assert_eq!((log.len(), &log[1]), (3, &LineChange::Ended { seq: Sequence(1), token }), "no change to the line");
}

pub(crate) async fn a_claimed_slot_is_not_ended_by_leaving(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    let holder = f.member();
    f.engine.claim(&f.queue, token, holder, None).await.unwrap();
    let before = f.status(visitor).await;
    assert_eq!(f.leave(visitor).await, before);
    assert_eq!(f.status(visitor).await, before);
    assert_eq!(f.stats().await.active, 1);
    let claim = f.engine.claim(&f.queue, token, holder, None).await.unwrap();
    assert!(matches!(claim, Claim::Bound { .. }), "they may go on buying: {claim:?}");
    assert!(f.engine.release(&f.queue, token).await.unwrap(), "it ends at the site");
}

pub(crate) async fn who_is_absent_leaves_nothing_behind(f: Fixture) {
    f.configure(0.0, 10).await;
    f.line_of(1).await;
    let before = f.stats().await;
    let stranger = f.visitor();
    assert_eq!(f.leave(stranger).await, Standing::UNKNOWN);
    assert_eq!(f.status(stranger).await, Standing::UNKNOWN);
    assert_eq!(f.stats().await, before);
}
