//! Who is admitted, and how fast.

use std::time::Duration;

use queue_gateway::line::{AdmissionLimits, Contact, JoinRequest, LineChange, Progress, Report, Sequence, Standing};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::fixture::{ACTIVE, ARRIVE, CLAIM, Fixture, is_admitted, join_request, waiting};

pub(crate) async fn whoever_finds_nobody_waiting_is_admitted_at_once(f: Fixture) {
    f.configure(10.0, 10).await;
    let (visitor, candidate) = (f.visitor(), f.token());
    let request = JoinRequest { contact: Some(Contact { network: None }), ..join_request(visitor, candidate) };
    let joined = f.ask(request).await;
    let Standing::Admitted { seq, admission } = joined.standing else { panic!("not admitted: {joined:?}") };
    let now = f.now();
    assert_eq!((seq, joined.fresh), (Sequence(1), true));
    assert_eq!((admission.token, admission.admitted_at, admission.progress), (candidate, now, Progress::Admitted));
    assert_eq!((admission.arrive_before, admission.expires_at), (now + ARRIVE, now + ACTIVE));
    assert_eq!(admission.claim_before, now + ARRIVE + CLAIM, "the earliest that it can be");
    assert_eq!(f.status(visitor).await, joined.standing);
    assert_eq!(f.log().await, [LineChange::Admitted { seq, visitor, admission }]);
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.unclaimed, stats.totals.admitted), (1, 1, 1));
    assert!(f.line().await.is_empty());
}

pub(crate) async fn whoever_finds_somebody_present_waiting_waits(f: Fixture) {
    f.configure(10.0, 10).await;
    f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.line_of(1).await;
    gateway.step(0).await;
    f.advance_ms(5_000);
    let newcomer = f.visitor();
    assert_eq!(f.come(newcomer).await.standing, waiting(3), "credit is there, but so is somebody before them");
    gateway.present(&[newcomer]).await;
    assert_eq!(gateway.admits(10).await, 2);
    f.advance_ms(100);
    assert!(f.line().await.is_empty());
    f.admitted().await;
}

pub(crate) async fn whoever_joins_waits_while_a_gateway_does_not_tell_of_all_who_are_present(f: Fixture) {
    f.configure(10.0, 10).await;
    let mut gateway = f.gateway().await;
    let report = Report { covers: Sequence(100), ..gateway.report(Vec::new()) };
    assert_eq!(gateway.send(report).await.stats.ready, 0);
    assert_eq!(f.come(f.visitor()).await.standing, waiting(1), "somebody present may stand above place 100");
    gateway.end().await;
    f.admitted().await;
}

pub(crate) async fn an_idle_queue_banks_no_burst(f: Fixture) {
    f.configure(50.0, 1_000).await;
    let mut gateway = f.gateway().await;
    gateway.step(100).await;
    f.advance(Duration::from_hours(1));
    gateway.step(100).await;
    f.admitted().await;
    gateway.line_of(5).await;
    assert_eq!(gateway.admits(100).await, 0, "an hour without visitors is worth one admission");
    f.advance_ms(40);
    assert_eq!(gateway.admits(100).await, 2);
}

pub(crate) async fn time_in_which_nobody_present_waits_banks_no_burst(f: Fixture) {
    f.configure(50.0, 1_000).await;
    let line = f.line_of(100).await;
    let mut gateway = f.gateway().await;
    gateway.pass(Duration::from_secs(10)).await;
    gateway.present(&line).await;
    assert_eq!(gateway.admits(100).await, 1, "a line of absent visitors is an idle one");
    f.advance_ms(40);
    assert_eq!(gateway.admits(100).await, 2);
}

pub(crate) async fn a_second_of_waiting_is_worth_a_second_of_admissions(f: Fixture) {
    f.configure(0.0, 1_000).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(30).await;
    gateway.step(0).await;
    f.set_rate(10.0).await;
    assert_eq!(gateway.admits(100).await, 0);
    f.advance_ms(250);
    assert_eq!(gateway.admits(100).await, 2);
    f.advance_ms(50);
    assert_eq!(gateway.admits(100).await, 1, "the half left over is not lost");
    f.advance_ms(60_000);
    assert_eq!(gateway.admits(100).await, 10, "nobody asked for a minute: one second's worth");
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(4).await, 4, "no more than there are candidates");
    assert_eq!(gateway.admits(100).await, 6, "what they left over stays");
}

pub(crate) async fn a_rate_of_nothing_admits_nobody(f: Fixture) {
    f.configure(0.0, 10).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(2).await;
    gateway.step(0).await;
    f.advance(Duration::from_hours(1));
    assert_eq!(gateway.admits(10).await, 0);
    gateway.end().await;
    assert_eq!(f.come(f.visitor()).await.standing, waiting(3));
}

pub(crate) async fn half_an_admission_a_second_is_one_every_two_seconds(f: Fixture) {
    f.configure(0.5, 100).await;
    f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.line_of(10).await;
    gateway.step(0).await;
    let mut admitted = Vec::new();
    for _ in 0..12 {
        f.advance_ms(500);
        admitted.push(gateway.admits(10).await);
    }
    assert_eq!(admitted, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
    f.advance(Duration::from_secs(100));
    assert_eq!(gateway.admits(10).await, 1, "the burst is one admission");
}

pub(crate) async fn a_candidate_is_given_out_once(f: Fixture) {
    f.configure(0.0, 100).await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(6).await;
    gateway.step(0).await;
    f.set_rate(10.0).await;
    f.advance_ms(1_000);
    let (a, b, c) = (f.token(), f.token(), f.token());
    assert_eq!(gateway.step_with(vec![a, a]).await.admitted, 1);
    assert_eq!(gateway.step_with(vec![a, b]).await.admitted, 1, "as when a call whose reply was lost is repeated");
    assert_eq!(gateway.step_with(vec![c, a, c]).await.admitted, 1, "twice in one call, with another between");
    let token = |standing| match standing {
        Standing::Admitted { admission, .. } => admission.token,
        other => panic!("{other:?}"),
    };
    for (visitor, candidate) in line.iter().zip([a, b, c]) {
        assert_eq!(token(f.status(*visitor).await), candidate);
    }
    assert_eq!(f.stats().await.active, 3);
    for visitor in &line[3..] {
        f.leave(*visitor).await;
    }
    let request = JoinRequest { contact: Some(Contact { network: None }), ..join_request(f.visitor(), a) };
    assert_eq!(f.ask(request).await.standing, waiting(7), "there is room, but the candidate is somebody's token");
}

/// Random joins, steps and pauses between them; every pair of moments is a window.
pub(crate) async fn admissions_in_any_window_stay_within_the_rate_and_one_burst(mut f: Fixture) {
    for seed in 0..6 {
        let mut rng = StdRng::seed_from_u64(seed);
        let rate = [0.5, 1.0, 7.0, 30.0, 133.3][rng.random_range(0..5)];
        let limits = AdmissionLimits { rate_per_second: rate, cap: 100_000 };
        let queue = Fixture { queue: format!("window-{seed}").parse().unwrap(), ..f };
        queue.configure(rate, limits.cap).await;
        let mut gateway = queue.gateway().await;
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
                1 => gateway.admits(rng.random_range(0..200)).await,
                _ => {
                    let mut at_once = 0;
                    for _ in 0..rng.random_range(1..20) {
                        let visitor = queue.visitor();
                        match queue.come(visitor).await.standing {
                            Standing::Admitted { .. } => at_once += 1,
                            _ => gateway.present(&[visitor]).await,
                        }
                    }
                    at_once
                }
            };
            admissions.push((at, admitted));
        }
        drop(gateway);
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
    let mut gateway = f.gateway().await;
    gateway.line_of(10).await;
    gateway.step(0).await;
    for _ in 0..5 {
        f.advance_ms(1_000);
        assert_eq!(gateway.step(10).await.stats.active, 3);
    }
    f.leave(first).await;
    assert_eq!(gateway.admits(10).await, 1, "a slot that is free is given out");
    assert_eq!(f.line().await, (5..=11).collect::<Vec<i64>>());
}

pub(crate) async fn thousands_are_admitted_in_one_step(f: Fixture) {
    f.configure(0.0, 10_000).await;
    let line = f.crowd_of(5_000).await;
    assert_eq!(f.line().await, (1..=5_000).collect::<Vec<i64>>());
    f.set_rate(4_500.0).await;
    let mut gateway = f.gateway_with(&line).await;
    gateway.step(0).await;
    f.advance_ms(1_000);
    let step = gateway.step(6_000).await;
    assert_eq!((step.admitted, step.stats.active), (4_500, 4_500));
    assert_eq!(f.line().await, (4_501..=5_000).collect::<Vec<i64>>());
    assert!(is_admitted(f.status(line[4_499]).await));
}
