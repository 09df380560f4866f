//! Places that the line has passed: kept for a while, and next when their visitors are back.

use std::time::Duration;

use contract::ids::VisitorId;
use queue_gateway::line::{ControlChange, LineChange, Lost, Sequence, Standing};

use crate::{
    fixture::{ARRIVE, Fixture, GRACE, is_admitted, waiting},
    gateway::Gateway,
    presence::admitted_places,
};

const SECOND: Duration = Duration::from_secs(1);
const PASSED: Standing = Standing::Absent { lost: Some(Lost::Passed) };

/// A line of ghosts and one who is present behind them and is admitted, so that all of them are passed.
async fn passed(f: &Fixture, ghosts: usize) -> (Vec<VisitorId>, Gateway<'_>) {
    f.configure(1.0, 10_000).await;
    let ghosts = f.crowd_of(ghosts).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(1).await;
    let token = f.token();
    assert_eq!(gateway.step_with(vec![token]).await.admitted, 1);
    assert!(f.engine.release(&f.queue, token).await.unwrap());
    (ghosts, gateway)
}

fn place(seq: usize) -> Sequence {
    Sequence(i64::try_from(seq).unwrap())
}

pub(crate) async fn passed_visitors_who_come_back_in_time_are_next_and_in_order(f: Fixture) {
    let (ghosts, mut gateway) = passed(&f, 3).await;
    gateway.line_of(2).await;
    gateway.pass(GRACE - SECOND).await;
    gateway.present(&[ghosts[2]]).await;
    gateway.step(0).await;
    gateway.present(&[ghosts[0]]).await;
    gateway.step(0).await;
    assert_eq!(f.front().await, [1, 3]);
    assert_eq!(f.log().await[2..], [LineChange::Ready { seq: Sequence(3) }, LineChange::Ready { seq: Sequence(1) }]);
    for _ in 0..4 {
        gateway.step(1).await;
        f.advance(SECOND);
    }
    assert_eq!(admitted_places(&f).await, [4, 1, 3, 5, 6]);
    assert!(f.front().await.is_empty());
}

pub(crate) async fn passed_places_expire_in_one_entry_with_the_survivors_named(f: Fixture) {
    let (ghosts, mut gateway) = passed(&f, 500).await;
    f.control(ControlChange { cap: Some(Some(0)), ..ControlChange::default() }).await;
    gateway.pass(GRACE - SECOND).await;
    gateway.present(&[ghosts[99], ghosts[299]]).await;
    gateway.step(0).await;
    gateway.absent(&[ghosts[299]]);
    gateway.step(0).await;
    let head = f.stats().await.log_head;
    assert_eq!(f.line().await.len(), 500);
    gateway.pass(SECOND).await;
    let kept = vec![Sequence(100), Sequence(300)];
    let log = f.log().await.split_off(usize::try_from(head.0).unwrap());
    assert_eq!(log, [LineChange::Expired { through: Sequence(501), kept }], "one entry for all of them");
    assert_eq!(f.stats().await.expired_through, Sequence(501));
    assert_eq!(f.line().await, [100, 300]);
    assert_eq!(f.status(ghosts[0]).await, Standing::UNKNOWN);
    assert_eq!((f.status(ghosts[99]).await, f.status(ghosts[299]).await), (waiting(100), waiting(300)));
    assert_eq!(f.front().await, [100]);
}

pub(crate) async fn whoever_is_seen_again_has_the_whole_grace_time_anew(f: Fixture) {
    let (ghosts, mut gateway) = passed(&f, 1).await;
    gateway.pass(GRACE - SECOND).await;
    gateway.present(&ghosts).await;
    gateway.step(0).await;
    gateway.pass(GRACE * 2).await;
    gateway.absent(&ghosts);
    gateway.step(0).await;
    assert_eq!(f.log().await.last(), Some(&LineChange::Away { seq: Sequence(1) }));
    gateway.pass(GRACE - SECOND).await;
    assert_eq!(f.status(ghosts[0]).await, waiting(1));
    gateway.pass(SECOND).await;
    assert_eq!(f.status(ghosts[0]).await, PASSED);
    assert_eq!(f.log().await.last(), Some(&LineChange::Departed { seq: Sequence(1) }));
    assert!(f.line().await.is_empty());
}

pub(crate) async fn a_first_no_show_is_parked_and_next_when_back(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(3).await;
    let token = f.token();
    gateway.step_with(vec![token]).await;
    gateway.absent(&line[..1]);
    gateway.pass(ARRIVE - SECOND).await;
    assert!(is_admitted(f.status(line[0]).await));
    gateway.pass(SECOND).await;
    assert_eq!(f.status(line[0]).await, waiting(1));
    assert_eq!(f.log().await.last(), Some(&LineChange::Returned { seq: Sequence(1), token }));
    assert_eq!(f.line().await, [1, 2, 3]);
    assert_eq!((f.front().await, f.stats().await.totals.no_shows), (vec![], 1));
    gateway.step(1).await;
    gateway.present(&line[..1]).await;
    f.advance(SECOND);
    gateway.step(1).await;
    assert_eq!(admitted_places(&f).await, [1, 2, 1]);
}

pub(crate) async fn a_second_no_show_is_out(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(1).await;
    gateway.step(1).await;
    gateway.pass(ARRIVE).await;
    gateway.present(&line).await;
    let token = f.token();
    assert_eq!(gateway.step_with(vec![token]).await.admitted, 1);
    let before = usize::try_from(f.stats().await.log_head.0).unwrap();
    gateway.pass(ARRIVE).await;
    assert_eq!(f.status(line[0]).await, Standing::Absent { lost: Some(Lost::NoShow) });
    assert_eq!((f.line().await, f.stats().await.totals.no_shows), (vec![], 2));
    let ended = LineChange::Ended { seq: Sequence(1), token };
    assert_eq!(f.log().await[before..], [ended], "the place had departed with the admission");
    assert_eq!(f.join(line[0]).await.standing, waiting(2), "they may queue again");
    gateway.present(&line).await;
    gateway.step(1).await;
    gateway.pass(ARRIVE).await;
    assert_eq!(f.status(line[0]).await, waiting(2), "at the new place they have not failed to show up before");
}

pub(crate) async fn an_arrival_wipes_out_an_earlier_no_show(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(1).await;
    gateway.step(1).await;
    gateway.pass(ARRIVE).await;
    gateway.present(&line).await;
    let token = f.token();
    gateway.step_with(vec![token]).await;
    assert!(is_admitted(f.engine.arrive(&f.queue, token).await.unwrap()));
    f.engine.release(&f.queue, token).await.unwrap();
    f.join(line[0]).await;
    gateway.present(&line).await;
    gateway.pass(SECOND).await;
    assert_eq!(gateway.admits(1).await, 1);
    gateway.pass(ARRIVE).await;
    assert_eq!(f.status(line[0]).await, waiting(2));
}

pub(crate) async fn a_first_no_show_who_stays_away_departs_after_the_grace_time(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    let line = gateway.line_of(1).await;
    gateway.step(1).await;
    gateway.pass(ARRIVE + GRACE - SECOND).await;
    assert_eq!(f.status(line[0]).await, waiting(1));
    gateway.pass(SECOND).await;
    assert_eq!(f.status(line[0]).await, PASSED);
    assert!(f.line().await.is_empty());
}

pub(crate) async fn places_passed_within_a_second_expire_together_with_the_last(f: Fixture) {
    f.configure(10.0, 100).await;
    f.line_of(3).await;
    f.admitted().await;
    f.line_of(3).await;
    f.advance_ms(900);
    f.admitted().await;
    f.line_of(3).await;
    f.advance_ms(900);
    f.admitted().await;
    f.advance(GRACE - Duration::from_millis(901));
    f.sweep().await;
    assert_eq!(f.stats().await.expired_through, Sequence::FIRST);
    f.advance_ms(1);
    f.sweep().await;
    assert_eq!(f.stats().await.expired_through, Sequence(8));
    f.advance_ms(900);
    f.sweep().await;
    assert_eq!(f.stats().await.expired_through, Sequence(12));
}

/// An entry has a bound, and so has a step; replies must not show it.
pub(crate) async fn more_survivors_than_one_entry_names_go_into_the_next(f: Fixture) {
    f.configure(1.0, 1).await;
    let line = f.crowd_of(1_500).await;
    let (_, token) = f.admitted().await;
    f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    let mut gateway = f.gateway_with(&line[..1_400]).await;
    gateway.wanted = 2_000;
    gateway.pass(GRACE - SECOND).await;
    let head = f.stats().await.log_head.0;
    gateway.pass(SECOND).await;
    gateway.pass(SECOND).await;
    let epoch = f.stats().await.epoch;
    let entries = f.entries(epoch, head, 10).await;
    let kept = |range: std::ops::RangeInclusive<usize>| range.map(place).collect::<Vec<_>>();
    let expected = [
        LineChange::Expired { through: place(1_000), kept: kept(1..=1_000) },
        LineChange::Expired { through: place(1_501), kept: kept(1_001..=1_400) },
    ];
    assert!(entries == expected, "{}", entries.len());
    assert_eq!(f.line().await.len(), 1_400);
}

pub(crate) async fn whoever_joins_again_before_an_expired_place_is_cleared_keeps_the_new_one(f: Fixture) {
    let (ghosts, mut gateway) = passed(&f, 2_500).await;
    gateway.pass(GRACE).await;
    assert_eq!(f.stats().await.expired_through, place(2_501));
    let again = [ghosts[0], ghosts[1_400], ghosts[2_499]];
    for visitor in again {
        assert!(f.join(visitor).await.fresh);
    }
    gateway.pass(SECOND * 5).await;
    for (seq, visitor) in (2_502..).zip(again) {
        assert_eq!(f.status(visitor).await, waiting(seq));
    }
    assert_eq!(f.line().await, [2_502, 2_503, 2_504]);
}

/// As after a restart: all streams broke, one newcomer went straight in, and then everybody is back.
pub(crate) async fn whoever_is_present_below_the_watermark_keeps_the_place_however_many_they_are(f: Fixture) {
    f.configure(1.0, 1).await;
    let line = f.crowd_of(400).await;
    let (_, token) = f.admitted().await;
    f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
    let mut gateway = f.gateway_with(&line).await;
    gateway.wanted = 10;
    let step = gateway.step(0).await;
    assert_eq!((step.stats.ready, step.horizon), (10, place(401)), "all who were passed shall be reported");
    gateway.pass(GRACE + SECOND).await;
    assert_eq!(f.front().await, (1..=400).collect::<Vec<_>>());
    assert_eq!(f.line().await.len(), 400);
}

pub(crate) async fn no_place_expires_while_a_gateway_does_not_tell_of_all_who_were_passed(f: Fixture) {
    let (ghosts, mut gateway) = passed(&f, 3).await;
    gateway.present(&ghosts[..1]).await;
    gateway.step(0).await;
    gateway.absent(&ghosts[..1]);
    gateway.step(0).await;
    gateway.nobody_present();
    // It has looked at the first place only.
    gateway.horizon = Some(place(1));
    gateway.step(0).await;
    for _ in 0..70 {
        gateway.horizon = Some(place(1));
        gateway.pass(SECOND).await;
    }
    for (seq, visitor) in (1..).zip(&ghosts) {
        assert_eq!(f.status(*visitor).await, waiting(seq), "its own time is over, or that of its range");
    }
    assert_eq!(f.stats().await.expired_through, Sequence::FIRST);
    gateway.present(&ghosts[1..2]).await;
    gateway.step(0).await;
    gateway.step(0).await;
    assert_eq!(f.line().await, [2], "whoever it tells of with the rest of the line has the place");
}
