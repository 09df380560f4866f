//! Leaving, and having a stream open.

use contract::ids::VisitorId;
use queue_gateway::line::{ConnectionId, LineChange, Sequence, Standing};
use uuid::Uuid;

use crate::fixture::{CLAIM, Fixture, is_admitted, waiting};

fn connection(number: u128) -> ConnectionId {
    ConnectionId(Uuid::from_u128(number))
}

async fn connect(f: &Fixture, visitor: VisitorId, number: u128) -> Standing {
    f.engine.connect(&f.queue, visitor, connection(number)).await.unwrap()
}

async fn disconnect(f: &Fixture, visitor: VisitorId, number: u128) -> bool {
    f.engine.disconnect(&f.queue, visitor, connection(number)).await.unwrap()
}

pub(crate) async fn who_leaves_the_line_lets_the_others_up(f: Fixture) {
    f.configure(0.0, 10).await;
    let line = f.line_of(3).await;
    assert_eq!(f.leave(line[1]).await, waiting(2));
    assert_eq!(f.leave(line[1]).await, Standing::Absent);
    assert_eq!(f.line().await, [1, 3]);
    assert_eq!(f.log().await, [LineChange::Departed { seq: Sequence(2) }], "leaving twice is logged once");
    f.leave(line[0]).await;
    f.leave(line[2]).await;
    let stats = f.stats().await;
    assert_eq!((stats.waiting, stats.last_seq), (0, Sequence(3)));
}

pub(crate) async fn who_leaves_while_active_frees_his_slot(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, _) = f.admitted().await;
    f.line_of(1).await;
    f.advance_ms(1_000);
    assert_eq!(f.promote(1).await.admitted, 0);
    assert!(is_admitted(f.leave(visitor).await));
    assert_eq!(f.status(visitor).await, Standing::Absent);
    assert_eq!(f.promote(1).await.admitted, 1);
    assert_eq!(f.stats().await.unclaimed_total, 0, "he left, he did not let it run out");
    assert_eq!(f.log().await.len(), 2, "the end of a slot is no change to the line");
}

pub(crate) async fn who_is_absent_leaves_nothing_behind(f: Fixture) {
    f.configure(0.0, 10).await;
    f.line_of(1).await;
    let before = f.stats().await;
    let stranger = f.visitor();
    assert_eq!(f.leave(stranger).await, Standing::Absent);
    assert_eq!(f.status(stranger).await, Standing::Absent);
    assert_eq!(connect(&f, stranger, 1).await, Standing::Absent);
    assert_eq!(f.stats().await, before);
}

pub(crate) async fn a_late_disconnect_does_not_undo_a_newer_connect(f: Fixture) {
    f.configure(0.0, 10).await;
    let visitor = f.line_of(1).await[0];
    assert_eq!(connect(&f, visitor, 1).await, waiting(1));
    assert_eq!(connect(&f, visitor, 2).await, waiting(1));
    assert!(!disconnect(&f, visitor, 1).await);
    assert_eq!(f.stats().await.connected, 1);
    assert!(disconnect(&f, visitor, 2).await);
    assert!(!disconnect(&f, visitor, 2).await);
    assert_eq!(f.stats().await.connected, 0);
}

pub(crate) async fn only_those_present_are_recorded_as_connected(f: Fixture) {
    f.configure(1.0, 10).await;
    let (active, _) = f.admitted().await;
    let (released, token) = {
        f.advance_ms(1_000);
        f.admitted().await
    };
    let line = f.line_of(2).await;
    for visitor in [active, released, line[0], line[1]] {
        connect(&f, visitor, 1).await;
    }
    assert_eq!(f.stats().await.connected, 4);
    f.leave(line[0]).await;
    f.engine.release(&f.queue, token).await.unwrap();
    assert_eq!(f.stats().await.connected, 2);
    f.advance_ms(1_000);
    assert_eq!(f.promote(1).await.stats.connected, 2, "he is still there, now with a slot");
    f.advance(CLAIM);
    assert_eq!(f.stats().await.connected, 0);
    assert!(!disconnect(&f, active, 1).await);
}
