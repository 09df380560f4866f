//! Two parties at once, from several engines on one store.

use std::{collections::HashMap, sync::Arc};

use queue_gateway::engine::QueueEngine;
use queue_gateway::line::{Claim, LineChange, Standing};
use tokio::task::JoinSet;

use crate::fixture::{Fixture, is_admitted};

const TASKS: usize = 64;

/// Runs `tasks` at once and returns their results.
async fn at_once<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    tasks.into_iter().collect::<JoinSet<T>>().join_all().await
}

fn peer(peers: &[Arc<dyn QueueEngine>], index: usize) -> Arc<dyn QueueEngine> {
    peers[index % peers.len()].clone()
}

pub(crate) async fn one_visitor_who_joins_many_times_at_once_has_one_place(f: Fixture) {
    f.configure(0.0, 10).await;
    let peers = f.peers(3).await;
    let visitor = f.visitor();
    let joins = (0..TASKS).map(|index| {
        let (engine, queue, token) = (peer(&peers, index), f.queue.clone(), f.token());
        async move { engine.join(&queue, visitor, None, token).await.unwrap() }
    });
    let joined = at_once(joins.collect::<Vec<_>>()).await;
    assert_eq!(joined.iter().filter(|joined| joined.fresh).count(), 1);
    assert!(joined.iter().all(|other| other.standing == joined[0].standing));
    assert_eq!((f.stats().await.waiting, f.stats().await.last_seq.0), (1, 1));
}

pub(crate) async fn many_promoters_admit_no_more_than_one(f: Fixture) {
    f.configure(0.0, 1_000).await;
    f.line_of(300).await;
    f.set_rate(50.0).await;
    let peers = f.peers(4).await;
    for _ in 0..5 {
        f.advance_ms(1_000);
        let promotions = (0..TASKS).map(|index| {
            let (engine, queue, tokens) = (peer(&peers, index), f.queue.clone(), f.tokens(7));
            async move { engine.promote(&queue, &tokens).await.unwrap().admitted }
        });
        let admitted = at_once(promotions.collect::<Vec<_>>()).await;
        assert_eq!(admitted.iter().sum::<u64>(), 50);
    }
    let stats = f.stats().await;
    assert_eq!((stats.waiting, stats.active, stats.admitted_total), (50, 250, 250));
}

pub(crate) async fn whoever_leaves_while_being_promoted_is_counted_once(f: Fixture) {
    f.configure(0.0, 1_000).await;
    let line = f.line_of(200).await;
    f.set_rate(100.0).await;
    f.advance_ms(1_000);
    let peers = f.peers(4).await;
    let promotions = (0..50).map(|index| {
        let (engine, queue, tokens) = (peer(&peers, index), f.queue.clone(), f.tokens(2));
        tokio::spawn(async move { engine.promote(&queue, &tokens).await.unwrap().admitted })
    });
    let promotions: Vec<_> = promotions.collect();
    // From the front, where the promoters are.
    let leaves = line.iter().enumerate().map(|(index, visitor)| {
        let (engine, queue, visitor) = (peer(&peers, index), f.queue.clone(), *visitor);
        async move { engine.leave(&queue, visitor).await.unwrap() }
    });
    let left = at_once(leaves.collect::<Vec<_>>()).await;
    let mut admitted = 0;
    for promotion in promotions {
        admitted += promotion.await.unwrap();
    }
    let left_active = left.iter().filter(|standing| is_admitted(**standing)).count() as u64;
    let left_waiting = left.iter().filter(|standing| matches!(standing, Standing::Waiting { .. })).count() as u64;
    assert_eq!((left_active + left_waiting, left_active), (200, admitted), "everybody left from exactly one place");
    let stats = f.stats().await;
    assert_eq!((stats.waiting, stats.active, stats.admitted_total), (0, 0, admitted));
    let mut logged: HashMap<i64, u32> = HashMap::new();
    for change in f.log().await {
        match change {
            LineChange::Admitted { seq, .. } | LineChange::Departed { seq } => *logged.entry(seq.0).or_default() += 1,
            LineChange::Restored { .. } => panic!("nobody came back: {change:?}"),
        }
    }
    assert_eq!(logged, (1..=200).map(|seq| (seq, 1)).collect());
}

pub(crate) async fn joins_and_promotions_at_once_keep_to_the_cap(f: Fixture) {
    f.configure(1_000.0, 20).await;
    let peers = f.peers(4).await;
    let steps = (0..4 * TASKS).map(|index| {
        let (engine, queue) = (peer(&peers, index), f.queue.clone());
        let (visitor, token, tokens, clock) = (f.visitor(), f.token(), f.tokens(5), f.clock.clone());
        async move {
            clock.advance(std::time::Duration::from_millis(1));
            if index % 4 == 0 {
                engine.promote(&queue, &tokens).await.unwrap();
            } else {
                engine.join(&queue, visitor, None, token).await.unwrap();
            }
            engine.stats(&queue).await.unwrap().active
        }
    });
    let active = at_once(steps.collect::<Vec<_>>()).await;
    assert!(active.iter().all(|active| *active <= 20), "{active:?}");
    f.advance_ms(1_000);
    let stats = f.promote(50).await.stats;
    assert_eq!((stats.active, stats.waiting), (20, 172));
}

pub(crate) async fn a_slot_claimed_by_many_at_once_has_one_holder(f: Fixture) {
    f.configure(10.0, 10).await;
    let (_, token) = f.admitted().await;
    let peers = f.peers(3).await;
    let claims = (0..TASKS).map(|index| {
        let (engine, queue, holder) = (peer(&peers, index), f.queue.clone(), f.member());
        async move { engine.claim(&queue, token, holder, None).await.unwrap() }
    });
    let claims = at_once(claims.collect::<Vec<_>>()).await;
    assert_eq!(claims.iter().filter(|claim| matches!(claim, Claim::Bound { .. })).count(), 1);
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::HeldByAnother).count(), TASKS - 1);
}
