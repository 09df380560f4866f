//! Those who come back to a store that lost its state, with signed tokens of an older epoch.

use std::time::Duration;

use contract::ids::VisitorId;
use queue_gateway::line::{
    Claim, Contact, Epoch, JoinRequest, LineChange, Lost, Place, Readmission, Sequence, Standing,
};

use crate::fixture::{ACTIVE, Fixture, GRACE, is_admitted, join_request, waiting};

pub(crate) async fn come_back(f: &Fixture, visitor: VisitorId, epoch: Epoch, seq: i64) -> (Standing, bool) {
    let place = Place { epoch, seq: Sequence(seq) };
    let joined = f.ask(JoinRequest { held: Some(place), ..join_request(visitor, f.token()) }).await;
    (joined.standing, joined.fresh)
}

/// An epoch that began this long before the queue's own.
fn earlier(epoch: Epoch, by: Duration) -> Epoch {
    Epoch(epoch.0 - i64::try_from(by.as_micros()).unwrap())
}

pub(crate) async fn places_of_an_older_epoch_keep_their_order_before_all_new_ones(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    f.line_of(1).await;
    let (oldest, old) = (earlier(epoch, Duration::from_hours(1)), earlier(epoch, Duration::from_mins(1)));
    let back = [(f.visitor(), old, 7), (f.visitor(), oldest, 900), (f.visitor(), old, 3), (f.visitor(), oldest, 2)];
    for (visitor, epoch_held, seq) in back {
        let relative = waiting(epoch_held.0 - epoch.0 + seq);
        assert_eq!(come_back(&f, visitor, epoch_held, seq).await, (relative, false));
        assert_eq!(come_back(&f, visitor, epoch_held, seq).await, (relative, false), "once more changes nothing");
    }
    let minute = -60_000_000;
    assert_eq!(f.line().await, [60 * minute + 2, 60 * minute + 900, minute + 3, minute + 7, 1]);
    let restored = [minute + 7, 60 * minute + 900, minute + 3, 60 * minute + 2];
    assert_eq!(f.log().await, restored.map(|seq| LineChange::Restored { seq: Sequence(seq) }));

    f.set_rate(2.0).await;
    let mut gateway = f.gateway_with(&back.map(|(visitor, ..)| visitor)).await;
    gateway.step(0).await;
    f.advance_ms(1_000);
    gateway.step(2).await;
    assert!(is_admitted(f.status(back[3].0).await) && is_admitted(f.status(back[1].0).await));
    assert_eq!(f.stats().await.last_seq, Sequence(1), "those who come back take no new numbers");
}

pub(crate) async fn whoever_comes_back_waits_even_when_there_is_room(f: Fixture) {
    let epoch = f.configure(10.0, 10).await.epoch;
    let visitor = f.visitor();
    let held = Some(Place { epoch: Epoch(epoch.0 - 10), seq: Sequence(4) });
    let contact = Some(Contact { network: None });
    let joined = f.ask(JoinRequest { held, contact, ..join_request(visitor, f.token()) }).await;
    assert_eq!((joined.standing, joined.fresh), (waiting(-6), false));
    assert_eq!(f.gateway_with(&[visitor]).await.admits(1).await, 1);
    assert!(is_admitted(f.status(visitor).await));
    assert!(matches!(f.log().await[1], LineChange::Admitted { seq: Sequence(-6), .. }));
}

pub(crate) async fn a_place_of_this_epoch_is_not_given_back(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    let line = f.line_of(3).await;
    f.leave(line[0]).await;
    assert_eq!(come_back(&f, line[0], epoch, 1).await, (waiting(4), true));
    let later = Epoch(epoch.0 + 1_000_000);
    assert_eq!(come_back(&f, f.visitor(), later, 1).await, (waiting(5), true), "nor one of an epoch to come");
}

pub(crate) async fn a_place_that_is_taken_is_not_given_twice(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    let old = Epoch(epoch.0 - 10);
    f.line_of(2).await;
    assert_eq!(come_back(&f, f.visitor(), old, 5).await, (waiting(-5), false));
    assert_eq!(come_back(&f, f.visitor(), old, 5).await, (waiting(3), true));
    assert_eq!(come_back(&f, f.visitor(), old, 11).await, (waiting(4), true), "1 is a place of this epoch");
    assert_eq!(f.line().await, [-5, 1, 2, 3, 4]);
}

fn readmission(f: &Fixture, epoch: i64, visitor: VisitorId) -> Readmission {
    Readmission { epoch: Epoch(epoch), visitor, expires_at: f.now() + ACTIVE }
}

pub(crate) async fn an_active_token_of_an_older_epoch_is_taken_in_again(f: Fixture) {
    let epoch = f.configure(0.0, 0).await.epoch;
    let (visitor, token, holder) = (f.visitor(), f.token(), f.member());
    let old = readmission(&f, epoch.0 - 1, visitor);
    let expired = Readmission { expires_at: old.expires_at - ACTIVE, ..old };
    let claim = async |holder, old| f.engine.claim(&f.queue, token, holder, old).await.unwrap();
    assert_eq!(claim(holder, Some(expired)).await, Claim::Gone);
    assert_eq!(claim(holder, Some(old)).await, Claim::Bound { expires_at: old.expires_at }, "even above the cap");
    assert_eq!(claim(holder, None).await, Claim::Bound { expires_at: old.expires_at });
    assert_eq!(claim(f.member(), Some(old)).await, Claim::HeldByAnother);
    let Standing::Admitted { seq: Sequence(0), admission } = f.status(visitor).await else { panic!("not admitted") };
    assert_eq!((admission.token, admission.expires_at), (token, old.expires_at));
    let stats = f.stats().await;
    assert_eq!((stats.active, stats.totals.admitted), (1, 0));
    let (admitted_at, expires_at) = (admission.admitted_at, old.expires_at);
    let claimed = LineChange::Claimed { token, visitor, seq: Sequence(0), admitted_at, expires_at, holder };
    assert_eq!(f.log().await, [claimed], "no gateway has heard of the slot before");
    f.advance(ACTIVE - Duration::from_micros(1));
    assert!(is_admitted(f.status(visitor).await));
    f.advance(Duration::from_micros(1));
    assert_eq!(f.status(visitor).await, Standing::Absent { lost: Some(Lost::Ended) });
    assert_eq!(claim(holder, Some(old)).await, Claim::Gone);
    assert_eq!(f.stats().await.totals.not_claimed, 0);
}

pub(crate) async fn a_turn_that_was_released_here_is_not_taken_in_again(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    let (visitor, token, holder) = (f.visitor(), f.token(), f.member());
    let old = Some(readmission(&f, epoch.0 - 1, visitor));
    let claim = async |token| f.engine.claim(&f.queue, token, holder, old).await.unwrap();
    assert!(matches!(claim(token).await, Claim::Bound { .. }));
    assert!(f.engine.release(&f.queue, token).await.unwrap());
    for token in [token, f.token()] {
        assert_eq!(claim(token).await, Claim::Gone);
    }
}

pub(crate) async fn a_readmitted_visitor_leaves_the_line(f: Fixture) {
    let epoch = f.configure(0.0, 10).await.epoch;
    let line = f.line_of(2).await;
    let (token, old) = (f.token(), readmission(&f, epoch.0 - 1, line[0]));
    f.engine.claim(&f.queue, token, f.member(), Some(old)).await.unwrap();
    assert_eq!(f.line().await, [2]);
    let Standing::Admitted { seq, admission } = f.status(line[0]).await else { panic!("not admitted") };
    let log = f.log().await;
    assert_eq!((log.len(), &log[0]), (2, &LineChange::Departed { seq }), "an admission would move the watermark");
    assert_eq!((seq, admission.token), (Sequence(1), token));
}

pub(crate) async fn whoever_has_a_live_slot_is_not_readmitted_to_another(f: Fixture) {
    let epoch = f.configure(10.0, 10).await.epoch;
    let (visitor, _) = f.admitted().await;
    let old = readmission(&f, epoch.0 - 1, visitor);
    assert_eq!(f.engine.claim(&f.queue, f.token(), f.member(), Some(old)).await.unwrap(), Claim::Gone);
    assert_eq!(f.stats().await.active, 1);
}

pub(crate) async fn an_active_token_of_this_epoch_is_not_readmitted(f: Fixture) {
    let epoch = f.configure(10.0, 10).await.epoch;
    let (visitor, token) = f.admitted().await;
    f.engine.release(&f.queue, token).await.unwrap();
    for epoch in [epoch.0, epoch.0 + 1] {
        let old = readmission(&f, epoch, visitor);
        assert_eq!(f.engine.claim(&f.queue, token, f.member(), Some(old)).await.unwrap(), Claim::Gone);
    }
}

pub(crate) async fn a_place_of_an_older_epoch_is_given_back_once(f: Fixture) {
    let epoch = f.configure(10.0, 10).await.epoch;
    let (visitor, old) = (f.visitor(), Epoch(epoch.0 - 10));
    assert_eq!(come_back(&f, visitor, old, 5).await, (waiting(-5), false));
    let mut gateway = f.gateway_with(&[visitor]).await;
    let token = f.token();
    gateway.step_with(vec![token]).await;
    assert!(f.engine.release(&f.queue, token).await.unwrap(), "they have had their turn");
    assert_eq!(come_back(&f, visitor, old, 5).await, (waiting(1), true));
    f.leave(visitor).await;
    assert_eq!(come_back(&f, visitor, old, 5).await, (waiting(2), true));
    assert_eq!(come_back(&f, f.visitor(), old, 5).await, (waiting(3), true), "nor to anybody else");
}

pub(crate) async fn a_place_of_an_older_epoch_that_has_expired_here_is_not_given_back(f: Fixture) {
    let epoch = f.configure(10.0, 10).await.epoch;
    let old = Epoch(epoch.0 - 10);
    f.admitted().await;
    f.advance(GRACE - Duration::from_secs(1));
    assert_eq!(come_back(&f, f.visitor(), old, 5).await, (waiting(-5), false), "within the grace time");
    f.advance(Duration::from_secs(1));
    assert_eq!(come_back(&f, f.visitor(), old, 6).await, (waiting(2), true));
}
