//! Only those who are present are admitted, the lowest of them first.

use std::{collections::BTreeSet, time::Duration};

use queue_gateway::line::{LineChange, Report, Sequence};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::fixture::{Fixture, is_admitted, waiting};

const SECOND: Duration = Duration::from_secs(1);

/// The places of those whom the log admits, in its order.
pub(crate) async fn admitted_places(f: &Fixture) -> Vec<i64> {
    let admitted = |entry| match entry {
        LineChange::Admitted { seq, .. } => Some(seq.0),
        _ => None,
    };
    f.log().await.into_iter().filter_map(admitted).collect()
}

pub(crate) async fn absent_visitors_are_never_admitted_and_hold_nobody_up(f: Fixture) {
    f.configure(1.0, 100).await;
    let ghosts = f.line_of(5).await;
    let mut gateway = f.gateway().await;
    let present = gateway.line_of(3).await;
    for _ in 0..10 {
        gateway.step(5).await;
        f.advance(SECOND);
    }
    assert_eq!(admitted_places(&f).await, [6, 7, 8]);
    assert!(is_admitted(f.status(present[2]).await));
    for (seq, ghost) in (1..).zip(ghosts) {
        assert_eq!(f.status(ghost).await, waiting(seq), "passed, and still there to come back to");
    }
}

pub(crate) async fn ten_thousand_ghosts_at_the_front_are_crossed_in_a_few_steps(f: Fixture) {
    f.configure(50.0, 1_000).await;
    f.crowd_of(10_000).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(100).await;
    gateway.step(0).await;
    let mut admitted = Vec::new();
    for _ in 0..3 {
        f.advance(SECOND);
        admitted.push(gateway.admits(100).await);
    }
    assert_eq!(admitted, [50, 50, 0]);
    assert_eq!(admitted_places(&f).await, (10_001..=10_100).collect::<Vec<_>>());
    assert_eq!(f.stats().await.log_head.0, 100, "no entry a ghost");
}

/// Honest gateways that know only a stretch of the line each, held against the set of all who are present.
pub(crate) async fn the_lowest_of_all_who_are_present_are_admitted(f: Fixture) {
    let mut rng = StdRng::seed_from_u64(7);
    f.configure(1_000.0, 10_000).await;
    let line = f.crowd_of(300).await;
    let mut gateways = [f.gateway().await, f.gateway().await, f.gateway().await];
    let mut present: BTreeSet<i64> = BTreeSet::new();
    for gateway in &mut gateways {
        gateway.wanted = 10;
    }
    for (seq, visitor) in (1..).zip(&line) {
        if rng.random_bool(0.6) {
            gateways[rng.random_range(0..3)].present(&[*visitor]).await;
            present.insert(seq);
        }
    }
    for gateway in &mut gateways {
        gateway.step(0).await;
    }
    let mut last = 0;
    while !present.is_empty() {
        f.advance(Duration::from_millis(100));
        let of = rng.random_range(0..3);
        let admitted = gateways[of].admits(rng.random_range(0..9)).await;
        let log = admitted_places(&f).await;
        let lowest: Vec<i64> = present.iter().take(usize::try_from(admitted).unwrap()).copied().collect();
        assert_eq!(log[last..], lowest, "the lowest who are present, and in order");
        present.retain(|seq| !lowest.contains(seq));
        last = log.len();
    }
}

pub(crate) async fn a_gateway_that_covers_less_holds_admission_at_its_cover(f: Fixture) {
    f.configure(100.0, 100).await;
    let line = f.line_of(8).await;
    let mut whole = f.gateway_with(&line).await;
    let mut partly = f.gateway().await;
    let report = Report { covers: Sequence(4), ..partly.report(Vec::new()) };
    partly.send(report).await;
    whole.step(0).await;
    f.advance(SECOND);
    assert_eq!(whole.admits(10).await, 4, "one who is present beyond place 4 may not have been reported yet");
    assert_eq!(admitted_places(&f).await, [1, 2, 3, 4]);
    partly.step(0).await;
    assert_eq!(whole.admits(10).await, 4);
}

pub(crate) async fn nobody_is_admitted_at_a_place_that_a_gateway_did_not_know_of(f: Fixture) {
    f.configure(100.0, 100).await;
    let line = f.line_of(8).await;
    let mut whole = f.gateway_with(&line).await;
    let mut other = f.gateway().await;
    let report = Report { newest: Sequence(4), ..other.report(Vec::new()) };
    other.send(report).await;
    whole.step(0).await;
    f.advance(SECOND);
    assert_eq!(whole.admits(10).await, 4, "somebody may have joined at place 5, and not be reported yet");
    other.step(0).await;
    assert_eq!(whole.admits(10).await, 4);
}

pub(crate) async fn nobody_goes_straight_in_before_somebody_who_has_just_joined(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    let report = Report { newest: Sequence(0), ..gateway.report(Vec::new()) };
    gateway.send(report).await;
    assert!(is_admitted(f.come(f.visitor()).await.standing));
    f.come(f.visitor()).await;
    f.advance(SECOND);
    let report = Report { newest: Sequence(1), ..gateway.report(Vec::new()) };
    gateway.send(report).await;
    assert_eq!(f.come(f.visitor()).await.standing, waiting(3), "the second may be there");
    let report = Report { newest: Sequence(3), ..gateway.report(Vec::new()) };
    gateway.send(report).await;
    assert!(is_admitted(f.come(f.visitor()).await.standing), "it was not");
}

pub(crate) async fn whoever_is_reported_within_the_cover_goes_before_whoever_stands_beyond_it(f: Fixture) {
    f.configure(2.0, 100).await;
    let line = f.line_of(4).await;
    let mut early = f.gateway_with(&line[2..]).await;
    let mut late = f.gateway_with(&line[..2]).await;
    let unread = Report { ready: Vec::new(), covers: Sequence::FIRST, ..late.report(Vec::new()) };
    late.send(unread).await;
    early.step(0).await;
    f.advance(SECOND);
    assert_eq!(early.admits(2).await, 0, "the other gateway has not looked yet");
    late.present(&line[..2]).await;
    late.end().await;
    late.step(0).await;
    assert_eq!(early.admits(2).await, 2);
    assert_eq!(admitted_places(&f).await, [1, 2]);
}

pub(crate) async fn a_visitor_at_two_gateways_is_present_as_long_as_one_has_them(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(2).await;
    let mut one = f.gateway_with(&line).await;
    let mut two = f.gateway_with(&line[..1]).await;
    one.step(0).await;
    assert_eq!(two.step(0).await.stats.ready, 3, "one entry for each gateway");
    one.absent(&line[..1]);
    one.step(0).await;
    f.advance(SECOND);
    assert_eq!(one.admits(1).await, 1);
    assert_eq!(admitted_places(&f).await, [1]);
    two.absent(&line[..1]);
    assert_eq!(two.step(0).await.stats.ready, 1, "an admission ends all entries of a visitor");
}

pub(crate) async fn whoever_is_gone_from_every_gateway_is_not_admitted(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(2).await;
    let mut one = f.gateway_with(&line).await;
    let mut two = f.gateway_with(&line[..1]).await;
    one.step(0).await;
    two.step(0).await;
    one.absent(&line[..1]);
    two.absent(&line[..1]);
    one.step(0).await;
    two.step(0).await;
    f.advance(SECOND);
    assert_eq!(one.admits(1).await, 1);
    assert_eq!(admitted_places(&f).await, [2]);
}

pub(crate) async fn whoever_has_no_place_does_not_become_ready(f: Fixture) {
    f.configure(10.0, 100).await;
    let line = f.line_of(2).await;
    let mut late = f.gateway_with(&line).await;
    f.leave(line[0]).await;
    let mut other = f.gateway_with(&line[1..]).await;
    assert_eq!(other.admits(1).await, 1);
    assert_eq!(late.step(0).await.stats.ready, 0, "one has left, and one has a slot");
}
