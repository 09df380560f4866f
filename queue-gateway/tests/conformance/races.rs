//! Two parties at once, from several engines on one store.

use std::{collections::HashMap, sync::Arc, time::Duration};

use contract::ids::VisitorId;
use queue_gateway::engine::QueueEngine;
use queue_gateway::line::{Claim, Contact, GatewayId, JoinRequest, LineChange, Report, Standing};
use tokio::task::JoinSet;

use crate::{
    fixture::{Fixture, is_admitted, join_request},
    gateway::empty_report,
};

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

/// Reports of gateways where all of these are present, which the store has heard once.
async fn reports(f: &Fixture, peers: &[Arc<dyn QueueEngine>], line: &[VisitorId]) -> Vec<Report> {
    let mut reports = Vec::new();
    for engine in peers {
        let mut gateway = f.gateway_on(engine.clone()).await;
        gateway.wanted = 10_000;
        gateway.present(line).await;
        gateway.step(0).await;
        reports.push(gateway.report(Vec::new()));
    }
    reports
}

pub(crate) async fn one_visitor_who_joins_many_times_at_once_has_one_place(f: Fixture) {
    f.configure(0.0, 10).await;
    let peers = f.peers(3).await;
    let visitor = f.visitor();
    let joins = (0..TASKS).map(|index| {
        let (engine, queue, token) = (peer(&peers, index), f.queue.clone(), f.token());
        async move { engine.join(&queue, join_request(visitor, token)).await.unwrap().unwrap() }
    });
    let joined = at_once(joins.collect::<Vec<_>>()).await;
    assert_eq!(joined.iter().filter(|joined| joined.fresh).count(), 1);
    assert!(joined.iter().all(|other| other.standing == joined[0].standing));
    assert_eq!((f.line().await, f.stats().await.last_seq.0), (vec![1], 1));
}

pub(crate) async fn many_gateways_admit_no_more_than_one(f: Fixture) {
    f.configure(0.0, 1_000).await;
    let line = f.line_of(300).await;
    f.set_rate(50.0).await;
    let peers = f.peers(4).await;
    let reports = reports(&f, &peers, &line).await;
    for round in 1..=5 {
        f.advance_ms(1_000);
        let steps = (0..TASKS).map(|index| {
            let (engine, queue) = (peer(&peers, index), f.queue.clone());
            let number = u64::try_from(round).unwrap() * 1_000 + index as u64;
            let report = Report { number, candidates: f.tokens(7), ..reports[index % peers.len()].clone() };
            async move { engine.step(&queue, &report).await.unwrap().admitted }
        });
        let admitted = at_once(steps.collect::<Vec<_>>()).await;
        assert_eq!(admitted.iter().sum::<u64>(), 50);
        assert_eq!(f.line().await, (50 * round + 1..=300).collect::<Vec<_>>(), "the lowest, whoever reports them");
    }
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.totals.admitted), (250, 250));
}

pub(crate) async fn whoever_leaves_while_being_admitted_is_counted_once(f: Fixture) {
    f.configure(0.0, 1_000).await;
    let line = f.line_of(200).await;
    f.set_rate(100.0).await;
    let peers = f.peers(4).await;
    let reports = reports(&f, &peers, &line).await;
    f.advance_ms(1_000);
    let steps = (0..50).map(|index| {
        let (engine, queue) = (peer(&peers, index), f.queue.clone());
        let report =
            Report { number: index as u64 + 9, candidates: f.tokens(2), ..reports[index % peers.len()].clone() };
        tokio::spawn(async move { engine.step(&queue, &report).await.unwrap().admitted })
    });
    let steps: Vec<_> = steps.collect();
    // From the front, where admission is.
    let leaves = line.iter().enumerate().map(|(index, visitor)| {
        let (engine, queue, visitor) = (peer(&peers, index), f.queue.clone(), *visitor);
        async move { engine.leave(&queue, visitor).await.unwrap() }
    });
    let left = at_once(leaves.collect::<Vec<_>>()).await;
    let mut admitted = 0;
    for step in steps {
        admitted += step.await.unwrap();
    }
    let left_active = left.iter().filter(|standing| is_admitted(**standing)).count() as u64;
    let left_waiting = left.iter().filter(|standing| matches!(standing, Standing::Waiting { .. })).count() as u64;
    assert_eq!((left_active + left_waiting, left_active), (200, admitted), "everybody left from exactly one place");
    let stats = f.stats().await;
    assert_eq!((stats.ready, stats.active, stats.totals.admitted), (0, 0, admitted));
    assert!(f.line().await.is_empty());
    let mut logged: HashMap<i64, u32> = HashMap::new();
    for change in f.log().await {
        match change {
            LineChange::Admitted { seq, .. } | LineChange::Departed { seq } => *logged.entry(seq.0).or_default() += 1,
            LineChange::Ended { .. } => {}
            other => panic!("nobody was passed: {other:?}"),
        }
    }
    assert_eq!(logged, (1..=200).map(|seq| (seq, 1)).collect());
}

pub(crate) async fn joins_and_admissions_at_once_keep_to_the_cap(f: Fixture) {
    f.configure(1_000.0, 20).await;
    let peers = f.peers(4).await;
    let first = f.line_of(30).await;
    let reports = reports(&f, &peers, &first).await;
    let steps = (0..4 * TASKS).map(|index| {
        let (engine, queue) = (peer(&peers, index), f.queue.clone());
        let (request, clock) = (join_request(f.visitor(), f.token()), f.clock.clone());
        let contact = Some(Contact { network: None });
        let report =
            Report { number: index as u64 + 9, candidates: f.tokens(5), ..reports[index % peers.len()].clone() };
        async move {
            clock.advance(Duration::from_millis(1));
            if index % 4 == 0 {
                engine.step(&queue, &report).await.unwrap();
            } else {
                let request = JoinRequest { contact, ..request };
                engine.join(&queue, request).await.unwrap().unwrap();
            }
            engine.stats(&queue).await.unwrap().active
        }
    });
    let active = at_once(steps.collect::<Vec<_>>()).await;
    assert!(active.iter().all(|active| *active <= 20), "{active:?}");
    f.advance_ms(1_000);
    let report = Report { number: 10_000, candidates: f.tokens(50), ..reports[0].clone() };
    let step = f.engine.step(&f.queue, &report).await.unwrap();
    assert_eq!(step.stats.active, 20);
    assert_eq!(f.line().await.len(), 30 + 3 * TASKS - 20);
}

pub(crate) async fn one_of_many_gateways_that_forget_a_visitor_leaves_them_ready(f: Fixture) {
    f.configure(0.0, 10).await;
    let line = f.line_of(1).await;
    let peers = f.peers(4).await;
    let reports = reports(&f, &peers, &line).await;
    let seq = f.status(line[0]).await.seq().unwrap();
    let steps = reports.into_iter().enumerate().map(|(index, report)| {
        let (engine, queue, visitor) = (peer(&peers, index), f.queue.clone(), line[0]);
        let gone = if index == 0 { Vec::new() } else { vec![(visitor, seq)] };
        async move { engine.step(&queue, &Report { gone, ..report }).await.unwrap() }
    });
    at_once(steps.collect::<Vec<_>>()).await;
    assert_eq!(f.stats().await.ready, 1);
}

pub(crate) async fn a_gateway_that_begins_many_times_at_once_is_one(f: Fixture) {
    f.configure(0.0, 10).await;
    f.line_of(3).await;
    let stats = f.stats().await;
    let peers = f.peers(3).await;
    let id = GatewayId(f.id());
    let steps = (0..TASKS).map(|index| {
        let (engine, queue) = (peer(&peers, index), f.queue.clone());
        let report = Report { gateway: id, number: index as u64 + 1, ..empty_report(&f, stats.epoch) };
        async move { engine.step(&queue, &report).await.unwrap() }
    });
    let steps = at_once(steps.collect::<Vec<_>>()).await;
    assert!(steps.iter().all(|step| step.known && step.present.len() == 1));
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
