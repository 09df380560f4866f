//! The log, from which gateways compute positions.

use std::collections::BTreeSet;

use bytes::Bytes;
use queue_gateway::line::{
    Epoch, History, JoinRequest, LONGEST_SNAPSHOT, LineChange, LogIndex, LogPage, Place, Sequence, Snapshot,
};

use crate::fixture::{Fixture, LOG_CAPACITY, join_request};

pub(crate) async fn the_log_tells_every_change_to_the_line(f: Fixture) {
    let epoch = f.configure(1.0, 10).await.epoch;
    f.admitted().await;
    let line = f.line_of(3).await;
    f.leave(line[1]).await;
    let place = Place { epoch: Epoch(epoch.0 - 100), seq: Sequence(1) };
    let back = f.visitor();
    f.ask(JoinRequest { held: Some(place), ..join_request(back, f.token()) }).await;
    let mut gateway = f.gateway_with(&[back]).await;
    gateway.step(0).await;
    f.advance_ms(1_000);
    let token = f.token();
    gateway.step_with(vec![token]).await;
    f.leave(back).await;
    let log = f.log().await;
    assert!(matches!(log[0], LineChange::Admitted { seq: Sequence(1), .. }));
    assert_eq!(log[1], LineChange::Departed { seq: Sequence(3) });
    assert_eq!(log[2], LineChange::Restored { seq: Sequence(-99) });
    assert_eq!(log[3], LineChange::Ready { seq: Sequence(-99) }, "a place of an older epoch has been passed");
    assert!(matches!(log[4], LineChange::Admitted { seq: Sequence(-99), visitor, .. } if visitor == back));
    assert_eq!(log[5], LineChange::Ended { seq: Sequence(-99), token }, "their slot has");
    assert_eq!((log.len(), f.stats().await.log_head), (6, LogIndex(6)), "joins are not in it");
}

pub(crate) async fn the_log_is_read_in_stretches(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    assert_eq!(f.entries(epoch, 0, 10).await, []);
    for visitor in f.line_of(5).await {
        f.leave(visitor).await;
    }
    let all = f.entries(epoch, 0, usize::MAX).await;
    assert_eq!(all, [1, 2, 3, 4, 5].map(|seq| LineChange::Departed { seq: Sequence(seq) }));
    assert_eq!(f.entries(epoch, 0, 2).await, all[..2]);
    assert_eq!(f.entries(epoch, 2, 2).await, all[2..4]);
    assert_eq!(f.entries(epoch, 4, 2).await, all[4..]);
    assert_eq!(f.entries(epoch, 5, 2).await, []);
    assert_eq!(f.entries(epoch, 1, 0).await, []);
}

/// As gateways start: the head, then the line page by page while it changes, then the log from that head.
pub(crate) async fn replaying_the_log_on_a_snapshot_gives_the_line(f: Fixture) {
    let epoch = f.configure(0.0, 100).await.epoch;
    let first = f.line_of(20).await;
    f.leave(first[3]).await;
    let head = f.stats().await.log_head;
    let mut mirror: BTreeSet<Sequence> = BTreeSet::new();
    let mut above = None;
    for (round, visitor) in first.iter().skip(4).step_by(3).enumerate() {
        let page = f.engine.line(&f.queue, above, 5).await.unwrap().places;
        above = page.last().copied().or(above);
        mirror.extend(page);
        f.leave(*visitor).await;
        let place = Place { epoch: Epoch(epoch.0 - 1_000), seq: Sequence(i64::try_from(round).unwrap()) };
        f.ask(JoinRequest { held: Some(place), ..join_request(f.visitor(), f.token()) }).await;
    }
    for change in f.entries(epoch, head.0, LOG_CAPACITY).await {
        match change {
            LineChange::Admitted { seq, .. } | LineChange::Departed { seq } => mirror.remove(&seq),
            LineChange::Restored { seq } => mirror.insert(seq),
            other => panic!("nobody was passed: {other:?}"),
        };
    }
    assert_eq!(mirror.into_iter().map(|seq| seq.0).collect::<Vec<_>>(), f.line().await);
}

pub(crate) async fn trimmed_entries_are_a_gap(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    let many = LOG_CAPACITY + 600;
    let leavers = (0..many).map(|_| {
        let (engine, queue, visitor, token) = (f.engine.clone(), f.queue.clone(), f.visitor(), f.token());
        tokio::spawn(async move {
            engine.join(&queue, join_request(visitor, token)).await.unwrap().unwrap();
            engine.leave(&queue, visitor).await.unwrap();
        })
    });
    for leaver in leavers.collect::<Vec<_>>() {
        leaver.await.unwrap();
    }
    let head = f.stats().await.log_head.0;
    assert_eq!(head, many as u64);
    assert_eq!(f.page(epoch, 0, 10).await, LogPage::Gap);
    let kept = f.entries(epoch, head - LOG_CAPACITY as u64, LOG_CAPACITY).await;
    assert_eq!(kept.len(), LOG_CAPACITY, "at least as many as the capacity says");
}

pub(crate) async fn another_epoch_and_the_future_are_a_gap(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    for visitor in f.line_of(2).await {
        f.leave(visitor).await;
    }
    for other in [Epoch(epoch.0 - 1), Epoch(epoch.0 + 1)] {
        assert_eq!(f.page(other, 0, 10).await, LogPage::Gap);
    }
    assert_eq!(f.page(epoch, 3, 10).await, LogPage::Gap, "a store that went back in time");
}

pub(crate) async fn the_newest_snapshot_is_kept_for_late_gateways(f: Fixture) {
    let epoch = f.configure(0.0, 1).await.epoch;
    let publish = async |epoch, head, order: &[u8]| {
        let order = Bytes::copy_from_slice(order);
        let snapshot = Snapshot { epoch, history: History(0), log_head: LogIndex(head), order };
        f.engine.publish(&f.queue, &snapshot).await.unwrap().0
    };
    let kept = async || f.engine.snapshot(&f.queue).await.unwrap();
    assert_eq!(kept().await, None);
    let line = f.line_of(3).await;
    f.leave(line[0]).await;
    assert_eq!(publish(epoch, 2, b"ahead").await, 0, "of a log that is not here");
    assert_eq!(publish(Epoch(epoch.0 - 1), 1, b"old").await, 0, "of another epoch");
    assert_eq!(publish(epoch, 1, &vec![0; LONGEST_SNAPSHOT + 1]).await, 0, "longer than any");
    assert_eq!(publish(epoch, 1, &[0, 255, 10, 13]).await, 1);
    let order = Bytes::from_static(&[0, 255, 10, 13]);
    let first = Snapshot { epoch, history: History(0), log_head: LogIndex(1), order };
    assert_eq!(kept().await, Some(first.clone()), "bytes are kept as they are");
    f.leave(line[1]).await;
    assert_eq!(publish(epoch, 2, b"too new").await, 1);
    assert_eq!(kept().await, Some(first));
}
