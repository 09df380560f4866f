//! The slots of those who have been admitted.

use std::time::Duration;

use queue_gateway::line::{Baseline, Claim, Lifetimes, LineChange, Lost, Revocation, Sequence, Standing};

use crate::fixture::{ACTIVE, ARRIVE, Fixture, LIFETIMES, baseline, is_admitted, waiting};

const JUST_BEFORE: Duration = Duration::from_micros(1);
const ENDED: Standing = Standing::Absent { lost: Some(Lost::Ended) };

pub(crate) async fn an_unused_slot_is_free_after_the_time_to_arrive(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    f.advance(ARRIVE - JUST_BEFORE);
    assert!(is_admitted(f.status(visitor).await));
    assert_eq!(f.stats().await.active, 1);
    f.advance(JUST_BEFORE);
    assert_eq!(f.status(visitor).await, waiting(1), "a first no-show has the place again");
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.unclaimed, stats.totals.admitted), (0, 0, 1));
    assert_eq!(f.engine.claim(&f.queue, token, f.member(), None).await.unwrap(), Claim::Gone);
    assert!(!f.engine.release(&f.queue, token).await.unwrap());
    assert_eq!(f.stats().await.totals.no_shows, 1);
    f.admitted().await;
}

pub(crate) async fn a_claimed_slot_lives_until_the_token_expires(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    let Standing::Admitted { admission, .. } = f.status(visitor).await else { panic!("not admitted") };
    f.advance(ARRIVE - JUST_BEFORE);
    let claim = f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    assert_eq!(claim, Claim::Bound { expires_at: admission.expires_at });
    f.advance(ACTIVE - ARRIVE);
    assert!(is_admitted(f.status(visitor).await));
    f.advance(JUST_BEFORE);
    assert_eq!(f.status(visitor).await, ENDED);
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.totals.no_shows, stats.totals.not_claimed), (0, 0, 0));
    f.sweep().await;
    assert_eq!(f.status(visitor).await, ENDED);
}

pub(crate) async fn claiming_again_is_harmless_and_others_are_refused(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    let (holder, other) = (f.member(), f.member());
    let claim = async |member| f.engine.claim(&f.queue, token, member, None).await.unwrap();
    let bound = claim(holder).await;
    let Claim::Bound { expires_at } = bound else { panic!("{bound:?}") };
    f.advance_ms(1_000);
    assert_eq!(claim(holder).await, bound);
    assert_eq!(claim(other).await, Claim::HeldByAnother);
    let admitted_at = expires_at - ACTIVE;
    let claimed = LineChange::Claimed { token, visitor, seq: Sequence(1), admitted_at, expires_at, holder };
    assert_eq!(f.log().await[1..], [claimed], "told once");
    f.advance(ACTIVE);
    assert_eq!((claim(holder).await, claim(other).await), (Claim::Gone, Claim::Gone));
}

pub(crate) async fn a_token_that_nobody_gave_out_is_gone(f: Fixture) {
    f.configure(10.0, 1).await;
    let token = f.token();
    assert_eq!(f.engine.claim(&f.queue, token, f.member(), None).await.unwrap(), Claim::Gone);
    assert_eq!(f.engine.arrive(&f.queue, token).await.unwrap(), Standing::UNKNOWN);
    assert!(!f.engine.release(&f.queue, token).await.unwrap());
}

pub(crate) async fn revoking_frees_a_slot_that_the_site_has_not_claimed(f: Fixture) {
    f.configure(10.0, 2).await;
    let revoke = async |token| f.engine.revoke(&f.queue, token).await.unwrap();
    let (visitor, token) = f.admitted().await;
    assert_eq!(revoke(token).await, Revocation::Ended);
    assert_eq!(f.status(visitor).await, Standing::Absent { lost: Some(Lost::Revoked) });
    assert_eq!(f.engine.claim(&f.queue, token, f.member(), None).await.unwrap(), Claim::Gone);
    assert_eq!((revoke(token).await, f.stats().await.active), (Revocation::NotLive, 0));
    f.advance_ms(1_000);
    let (visitor, token) = f.admitted().await;
    f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    assert_eq!(revoke(token).await, Revocation::Claimed, "the site ends it");
    assert!(is_admitted(f.status(visitor).await));
    assert_eq!(revoke(f.token()).await, Revocation::NotLive);
}

pub(crate) async fn releasing_frees_the_slot_at_once(f: Fixture) {
    f.configure(10.0, 1).await;
    let (visitor, token) = f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.line_of(1).await;
    gateway.step(0).await;
    f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(5).await, 0);
    assert!(f.engine.release(&f.queue, token).await.unwrap());
    assert!(!f.engine.release(&f.queue, token).await.unwrap());
    assert_eq!(f.status(visitor).await, Standing::Absent { lost: Some(Lost::Released) });
    assert_eq!(gateway.admits(5).await, 1);
    assert!(f.join(visitor).await.fresh, "they may queue again");
}

pub(crate) async fn a_slot_never_outlives_its_token(f: Fixture) {
    let lifetimes = Lifetimes { arrive: Duration::from_mins(1), active: Duration::from_secs(20), ..LIFETIMES };
    f.configure_as(Baseline { lifetimes, ..baseline(10.0, 5) }).await;
    let (visitor, _) = f.admitted().await;
    let Standing::Admitted { admission, .. } = f.status(visitor).await else { panic!("not admitted") };
    assert_eq!((admission.arrive_before, admission.claim_before), (admission.expires_at, admission.expires_at));
    f.advance(lifetimes.active);
    assert_eq!(f.status(visitor).await, ENDED);
}

/// An engine may meet overdue slots in bounded sweeps; replies must not show it.
pub(crate) async fn more_slots_than_one_sweep_takes_run_out_at_once(f: Fixture) {
    f.configure(0.0, 2_500).await;
    let visitors = f.crowd_of(2_600).await;
    f.set_rate(2_500.0).await;
    let mut gateway = f.gateway_with(&visitors).await;
    gateway.step(0).await;
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(2_500).await, 2_500);
    let [.., LineChange::Admitted { visitor, admission, .. }] = f.log().await[..] else { panic!("not admitted") };
    gateway.end().await;
    f.advance(ARRIVE);
    // The last to be swept are the first to be asked for.
    assert_eq!(f.engine.claim(&f.queue, admission.token, f.member(), None).await.unwrap(), Claim::Gone);
    assert_eq!(f.status(visitor).await, waiting(2_500));
    assert_eq!(f.stats().await.active, 0);
    let mut again = f.gateway_with(&visitors[2_500..]).await;
    again.step(0).await;
    f.advance_ms(1_000);
    assert_eq!(again.step(3_000).await.stats.active, 100);
    for visitor in &visitors[..2_500] {
        assert!(matches!(f.status(*visitor).await, Standing::Waiting { .. }));
    }
    again.step(0).await;
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.totals.no_shows, stats.totals.admitted), (100, 2_500, 2_600));
}
