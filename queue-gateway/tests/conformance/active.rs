//! The slots of those who have been admitted.

use std::time::Duration;

use queue_gateway::line::{AdmissionLimits, Baseline, Claim, Lifetimes, LineChange, Standing};

use crate::fixture::{ACTIVE, CLAIM, Fixture, is_admitted};

const JUST_BEFORE: Duration = Duration::from_micros(1);

pub(crate) async fn an_unclaimed_slot_is_free_after_its_claim_time(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    f.advance(CLAIM - JUST_BEFORE);
    assert!(is_admitted(f.status(visitor).await));
    assert_eq!(f.stats().await.active, 1);
    f.advance(JUST_BEFORE);
    assert_eq!(f.status(visitor).await, Standing::Absent);
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.unclaimed_total, stats.admitted_total), (0, 1, 1));
    assert_eq!(f.engine.claim(&f.queue, token, f.member(), None).await.unwrap(), Claim::Gone);
    assert!(!f.engine.release(&f.queue, token).await.unwrap());
    assert_eq!(f.leave(visitor).await, Standing::Absent);
    f.admitted().await;
}

pub(crate) async fn a_claimed_slot_lives_until_the_token_expires(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    let Standing::Admitted { admission, .. } = f.status(visitor).await else { panic!("not admitted") };
    f.advance(CLAIM - JUST_BEFORE);
    let claim = f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    assert_eq!(claim, Claim::Bound { expires_at: admission.expires_at });
    f.advance(ACTIVE - CLAIM);
    assert!(is_admitted(f.status(visitor).await));
    f.advance(JUST_BEFORE);
    assert_eq!(f.status(visitor).await, Standing::Absent);
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.unclaimed_total), (0, 0));
}

pub(crate) async fn claiming_again_is_harmless_and_others_are_refused(f: Fixture) {
    f.configure(10.0, 1).await;
    let (_, token) = f.admitted().await;
    let (holder, other) = (f.member(), f.member());
    let claim = async |member| f.engine.claim(&f.queue, token, member, None).await.unwrap();
    let bound = claim(holder).await;
    assert!(matches!(bound, Claim::Bound { .. }));
    f.advance_ms(1_000);
    assert_eq!(claim(holder).await, bound);
    assert_eq!(claim(other).await, Claim::HeldByAnother);
    f.advance(ACTIVE);
    assert_eq!((claim(holder).await, claim(other).await), (Claim::Gone, Claim::Gone));
}

pub(crate) async fn a_token_that_nobody_gave_out_is_gone(f: Fixture) {
    f.configure(10.0, 1).await;
    assert_eq!(f.engine.claim(&f.queue, f.token(), f.member(), None).await.unwrap(), Claim::Gone);
    assert!(!f.engine.release(&f.queue, f.token()).await.unwrap());
}

pub(crate) async fn releasing_frees_the_slot_at_once(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    f.line_of(1).await;
    f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    f.advance_ms(1_000);
    assert_eq!(f.promote(5).await.admitted, 0);
    assert!(f.engine.release(&f.queue, token).await.unwrap());
    assert!(!f.engine.release(&f.queue, token).await.unwrap());
    assert_eq!(f.status(visitor).await, Standing::Absent);
    assert_eq!(f.promote(5).await.admitted, 1);
    assert!(f.join(visitor).await.fresh, "he may queue again");
}

pub(crate) async fn a_slot_never_outlives_its_token(f: Fixture) {
    let lifetimes = Lifetimes { claim: Duration::from_mins(1), active: Duration::from_secs(20) };
    let baseline = Baseline { limits: AdmissionLimits { rate_per_second: 10.0, cap: 5 }, lifetimes };
    f.engine.configure(&f.queue, baseline).await.unwrap();
    let (visitor, _) = f.admitted().await;
    let Standing::Admitted { admission, .. } = f.status(visitor).await else { panic!("not admitted") };
    assert_eq!(admission.claim_before, admission.expires_at);
    f.advance(lifetimes.active);
    assert_eq!(f.status(visitor).await, Standing::Absent);
}

/// An engine may meet overdue slots in bounded sweeps; replies must not show it.
pub(crate) async fn more_slots_than_one_sweep_takes_run_out_at_once(f: Fixture) {
    f.configure(0.0, 2_500).await;
    let joins = (0..2_600).map(|_| {
        let (engine, queue, visitor, token) = (f.engine.clone(), f.queue.clone(), f.visitor(), f.token());
        tokio::spawn(async move { engine.join(&queue, visitor, None, token).await.map(|_| visitor) })
    });
    let mut visitors = Vec::new();
    for join in joins.collect::<Vec<_>>() {
        visitors.push(join.await.unwrap().unwrap());
    }
    f.set_rate(2_500.0).await;
    f.advance_ms(1_000);
    assert_eq!(f.promote(2_500).await.admitted, 2_500);
    let [.., LineChange::Admitted { visitor, .. }, LineChange::Admitted { admission, .. }] = f.log().await[..] else {
        panic!("not admitted")
    };
    f.advance(CLAIM);
    // The last to be swept are the first to be asked for.
    assert_eq!(f.engine.claim(&f.queue, admission.token, f.member(), None).await.unwrap(), Claim::Gone);
    assert_eq!(f.status(visitor).await, Standing::Absent);
    assert_eq!(f.stats().await.active, 0);
    assert_eq!(f.promote(3_000).await.stats.active, 100);
    let mut waiting_or_active = 0;
    for visitor in &visitors {
        waiting_or_active += u64::from(f.status(*visitor).await != Standing::Absent);
    }
    assert_eq!(waiting_or_active, 100);
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.unclaimed_total, stats.admitted_total), (100, 2_500, 2_600));
}
