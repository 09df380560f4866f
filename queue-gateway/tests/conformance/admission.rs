//! Who is admitted, and how fast.

use std::time::Duration;

use contract::clock::Clock;
use jiff::Timestamp;
use queue_gateway::line::{AdmissionLimits, LineChange, Sequence, Standing};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::fixture::{ACTIVE, CLAIM, Fixture, is_admitted, waiting};

pub(crate) async fn whoever_finds_the_line_empty_is_admitted_at_once(f: Fixture) {
    f.configure(10.0, 10).await;
    let (visitor, candidate) = (f.visitor(), f.token());
    let joined = f.engine.join(&f.queue, visitor, None, candidate).await.unwrap();
    let Standing::Admitted { seq, admission } = joined.standing else { panic!("not admitted: {joined:?}") };
    let now = Timestamp::from_microsecond(f.clock.now().as_microsecond()).unwrap();
    assert_eq!((seq, joined.fresh), (Sequence(1), true));
    assert_eq!((admission.token, admission.admitted_at), (candidate, now));
    assert_eq!((admission.claim_before, admission.expires_at), (now + CLAIM, now + ACTIVE));
    assert_eq!(f.status(visitor).await, joined.standing);
    assert_eq!(f.log().await, [LineChange::Admitted { seq, visitor, admission }]);
    let stats = f.stats().await;
    assert_eq!((stats.waiting, stats.active, stats.admitted_total), (0, 1, 1));
}

pub(crate) async fn whoever_finds_somebody_waiting_waits(f: Fixture) {
    f.configure(10.0, 10).await;
    f.admitted().await;
    f.line_of(1).await;
    f.advance_ms(5_000);
    assert_eq!(f.join(f.visitor()).await.standing, waiting(3), "credit is there, but so is somebody before him");
    assert_eq!(f.promote(10).await.admitted, 2);
    f.advance_ms(100);
    assert!(f.line().await.is_empty());
    f.admitted().await;
}

pub(crate) async fn an_idle_queue_banks_no_burst(f: Fixture) {
    f.configure(50.0, 1_000).await;
    f.promote(100).await;
    f.advance(Duration::from_hours(1));
    f.promote(100).await;
    f.admitted().await;
    f.line_of(5).await;
    assert_eq!(f.promote(100).await.admitted, 0, "an hour without visitors is worth one admission");
    f.advance_ms(40);
    assert_eq!(f.promote(100).await.admitted, 2);
}

pub(crate) async fn promotion_takes_the_front_of_the_line(f: Fixture) {
    f.configure(0.0, 10).await;
    let line = f.line_of(5).await;
    f.set_rate(3.0).await;
    f.advance_ms(1_000);
    let candidates = f.tokens(5);
    let promotion = f.engine.promote(&f.queue, &candidates).await.unwrap();
    assert_eq!(promotion.admitted, 3);
    assert_eq!((promotion.stats.waiting, promotion.stats.active), (2, 3));
    for (index, visitor) in line.iter().enumerate() {
        match f.status(*visitor).await {
            Standing::Admitted { admission, .. } => assert_eq!(admission.token, candidates[index]),
            standing => assert_eq!((index >= 3, standing), (true, waiting(i64::try_from(index).unwrap() + 1))),
        }
    }
}

pub(crate) async fn a_second_of_waiting_is_worth_a_second_of_admissions(f: Fixture) {
    f.configure(0.0, 1_000).await;
    f.line_of(30).await;
    f.set_rate(10.0).await;
    assert_eq!(f.promote(100).await.admitted, 0);
    f.advance_ms(250);
    assert_eq!(f.promote(100).await.admitted, 2);
    f.advance_ms(50);
    assert_eq!(f.promote(100).await.admitted, 1, "the half left over is not lost");
    f.advance_ms(60_000);
    assert_eq!(f.promote(100).await.admitted, 10, "nobody asked for a minute: one second's worth");
    f.advance_ms(1_000);
    assert_eq!(f.promote(4).await.admitted, 4, "no more than there are candidates");
    assert_eq!(f.promote(100).await.admitted, 6, "what they left over stays");
}

pub(crate) async fn a_rate_of_nothing_admits_nobody(f: Fixture) {
    f.configure(0.0, 10).await;
    f.line_of(2).await;
    f.advance(Duration::from_hours(1));
    assert_eq!(f.promote(10).await.admitted, 0);
}

pub(crate) async fn half_an_admission_a_second_is_one_every_two_seconds(f: Fixture) {
    f.configure(0.5, 100).await;
    f.admitted().await;
    f.line_of(10).await;
    let mut admitted = Vec::new();
    for _ in 0..12 {
        f.advance_ms(500);
        admitted.push(f.promote(10).await.admitted);
    }
    assert_eq!(admitted, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
    f.advance(Duration::from_secs(100));
    assert_eq!(f.promote(10).await.admitted, 1, "the burst is one admission");
}

pub(crate) async fn a_candidate_is_given_out_once(f: Fixture) {
    f.configure(0.0, 100).await;
    let line = f.line_of(4).await;
    f.set_rate(10.0).await;
    f.advance_ms(1_000);
    let (a, b) = (f.token(), f.token());
    let promote = async |candidates: &[_]| f.engine.promote(&f.queue, candidates).await.unwrap().admitted;
    assert_eq!(promote(&[a, a]).await, 1);
    assert_eq!(promote(&[a, b]).await, 1, "as when a call whose reply was lost is repeated");
    let token = |standing| match standing {
        Standing::Admitted { admission, .. } => admission.token,
        other => panic!("{other:?}"),
    };
    assert_eq!((token(f.status(line[0]).await), token(f.status(line[1]).await)), (a, b));
    f.leave(line[2]).await;
    f.leave(line[3]).await;
    let joined = f.engine.join(&f.queue, f.visitor(), None, a).await.unwrap();
    assert_eq!(joined.standing, waiting(5), "there is room, but his candidate is somebody's token");
}

/// Random joins, promotions and pauses between them; every pair of moments is a window.
pub(crate) async fn admissions_in_any_window_stay_within_the_rate_and_one_burst(mut f: Fixture) {
    for seed in 0..6 {
        let mut rng = StdRng::seed_from_u64(seed);
        let rate = [0.5, 1.0, 7.0, 30.0, 133.3][rng.random_range(0..5)];
        let limits = AdmissionLimits { rate_per_second: rate, cap: 100_000 };
        let queue = Fixture { queue: format!("window-{seed}").parse().unwrap(), ..f };
        queue.configure(rate, limits.cap).await;
        let mut admissions: Vec<(f64, u64)> = Vec::new();
        let mut at = 0.0;
        for _ in 0..80 {
            let admitted = match rng.random_range(0..3) {
                0 => {
                    let step = rng.random_range(0..1_500);
                    queue.advance_ms(step);
                    at += f64::from(u32::try_from(step).unwrap()) / 1e3;
                    0
                }
                1 => queue.promote(rng.random_range(0..200)).await.admitted,
                _ => {
                    let mut at_once = 0;
                    for _ in 0..rng.random_range(1..20) {
                        at_once += u64::from(is_admitted(queue.join(queue.visitor()).await.standing));
                    }
                    at_once
                }
            };
            admissions.push((at, admitted));
        }
        assert!(admissions.iter().any(|(_, admitted)| *admitted > 0), "seed {seed} shows nothing");
        for first in 0..admissions.len() {
            let mut sum = 0;
            for (until, admitted) in &admissions[first..] {
                sum += admitted;
                let most = rate * (until - admissions[first].0) + limits.burst();
                #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
                let sum = sum as f64;
                assert!(sum <= most + 1e-6, "seed {seed}: {sum} admissions from {} to {until}", admissions[first].0);
            }
        }
        f = queue;
    }
}

pub(crate) async fn the_cap_is_never_exceeded(f: Fixture) {
    f.configure(100.0, 3).await;
    let (first, _) = f.admitted().await;
    f.line_of(10).await;
    for _ in 0..5 {
        f.advance_ms(1_000);
        let promotion = f.promote(10).await;
        assert_eq!(promotion.stats.active, 3);
    }
    f.leave(first).await;
    assert_eq!(f.promote(10).await.admitted, 1, "a slot that is free is given out");
    let rest = f.line().await;
    assert_eq!(rest.len(), 7);
    for seq in rest {
        assert!(seq > 4);
    }
}

pub(crate) async fn thousands_are_promoted_in_one_step(f: Fixture) {
    f.configure(0.0, 10_000).await;
    // Not `line_of`: one by one they would take a while.
    let joins = (0..5_000).map(|_| {
        let (engine, queue, visitor, token) = (f.engine.clone(), f.queue.clone(), f.visitor(), f.token());
        tokio::spawn(async move { engine.join(&queue, visitor, None, token).await.map(|joined| joined.standing) })
    });
    for join in joins.collect::<Vec<_>>() {
        assert!(matches!(join.await.unwrap().unwrap(), Standing::Waiting { .. }));
    }
    assert_eq!(f.line().await, (1..=5_000).collect::<Vec<i64>>());
    f.set_rate(4_500.0).await;
    f.advance_ms(1_000);
    let promotion = f.promote(6_000).await;
    assert_eq!((promotion.admitted, promotion.stats.waiting, promotion.stats.active), (4_500, 500, 4_500));
    assert_eq!(f.line().await, (4_501..=5_000).collect::<Vec<i64>>());
}
