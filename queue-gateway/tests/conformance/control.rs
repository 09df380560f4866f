//! Baseline and operator overrides.

use std::time::Duration;

use queue_gateway::engine::MOST_CHANGES;
use queue_gateway::line::{BY_SETTINGS, Baseline, Change, ControlChange, Lever, QueueState};

use crate::fixture::{Fixture, baseline, waiting};

fn pause(paused: bool) -> ControlChange {
    ControlChange { paused: Some(paused), ..ControlChange::default() }
}

fn rate(rate: Option<f64>) -> ControlChange {
    ControlChange { rate_per_second: Some(rate), ..ControlChange::default() }
}

fn cap(cap: Option<u64>) -> ControlChange {
    ControlChange { cap: Some(cap), ..ControlChange::default() }
}

pub(crate) async fn the_baseline_governs_until_an_operator_overrides_it(f: Fixture) {
    let control = f.configure(12.5, 40).await.control;
    assert!(control.baseline.says_the_same(&baseline(12.5, 40)), "{control:?}");
    assert_eq!(control.limits(), baseline(12.5, 40).limits);
    assert_eq!((control.rate_override, control.cap_override, control.message()), (None, None, None));
    let control = f.engine.control(&f.queue, rate(Some(0.1)), "Ada").await.unwrap();
    assert_eq!(control.limits(), baseline(0.1, 40).limits);
    let control = f.engine.control(&f.queue, cap(Some(u64::MAX)), "Ada").await.unwrap();
    assert_eq!(control.limits(), baseline(0.1, u64::MAX).limits);
    let stats = f.configure(20.0, 50).await;
    assert_eq!(stats.control.limits(), baseline(0.1, u64::MAX).limits, "a reload does not undo an operator");
    assert!(stats.control.baseline.says_the_same(&baseline(20.0, 50)), "{stats:?}");
}

pub(crate) async fn of_two_baselines_the_newer_governs(f: Fixture) {
    f.configure_since(5, baseline(1.0, 10)).await;
    for as_of in [-1, 4, 5] {
        let refused = f.configure_since(as_of, baseline(2.0, 10)).await.control;
        assert_eq!((refused.limits().rate_per_second, refused.revision), (1.0, 1), "{as_of}");
    }
    let same = f.configure_since(7, baseline(1.0, 10)).await.control;
    assert_eq!((same.baseline.as_of.as_microsecond(), same.revision), (7, 1), "it says so still");
    let refused = f.configure_since(6, baseline(2.0, 10)).await.control;
    assert_eq!((refused.limits().rate_per_second, refused.revision), (1.0, 1));
    let newer = f.configure_since(8, baseline(2.0, 10)).await.control;
    assert_eq!((newer.limits().rate_per_second, newer.revision), (2.0, 2));
    assert_eq!(f.engine.changes(&f.queue, 9).await.unwrap().len(), 1);
}

pub(crate) async fn an_override_is_returned_to_the_baseline(f: Fixture) {
    f.configure(12.5, 40).await;
    f.control(ControlChange { rate_per_second: Some(Some(3.0)), cap: Some(Some(7)), ..pause(true) }).await;
    let control = f.engine.control(&f.queue, rate(None), "Ada").await.unwrap();
    assert_eq!(control.limits(), baseline(12.5, 7).limits);
    let control = f.engine.control(&f.queue, cap(None), "Ada").await.unwrap();
    assert_eq!(control.limits(), baseline(12.5, 40).limits);
    let stats = f.stats().await;
    assert_eq!((stats.state(), stats.control), (QueueState::Paused, control));
}

pub(crate) async fn the_revision_moves_only_when_something_changes(f: Fixture) {
    let first = f.configure(10.0, 10).await;
    assert_eq!(first.control.revision, 1);
    f.advance_ms(10);
    let again = f.configure(10.0, 10).await;
    assert_eq!((again.control.revision, again.epoch), (1, first.epoch), "two gateways configure the same queue");
    assert_eq!(f.configure(11.0, 10).await.control.revision, 2);
    let revision = async |change| f.engine.control(&f.queue, change, "Ada").await.unwrap().revision;
    assert_eq!(revision(ControlChange::default()).await, 2);
    assert_eq!(revision(pause(false)).await, 2);
    assert_eq!(revision(rate(None)).await, 2);
    assert_eq!(revision(ControlChange { cap: Some(Some(3)), ..pause(true) }).await, 3);
    assert_eq!(revision(ControlChange { cap: Some(Some(3)), ..pause(true) }).await, 3);
    assert_eq!(revision(pause(false)).await, 4);
}

pub(crate) async fn nobody_is_admitted_while_paused_and_no_credit_is_banked(f: Fixture) {
    f.configure(10.0, 100).await;
    f.control(pause(true)).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(20).await;
    f.advance_ms(60_000);
    assert_eq!(gateway.admits(50).await, 0);
    assert_eq!(f.stats().await.state(), QueueState::Paused);
    f.advance_ms(60_000);
    f.control(pause(false)).await;
    assert_eq!(gateway.admits(50).await, 0);
    f.advance_ms(500);
    assert_eq!(gateway.admits(50).await, 5);
    f.control(pause(true)).await;
    gateway.end().await;
    assert_eq!(f.come(f.visitor()).await.standing, waiting(21), "nor does anybody go straight in");
}

pub(crate) async fn a_new_rate_counts_from_the_moment_of_the_change(f: Fixture) {
    f.configure(0.0, 1_000).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(40).await;
    gateway.step(0).await;
    f.set_rate(2.0).await;
    f.advance_ms(500);
    f.control(rate(Some(20.0))).await;
    assert_eq!(gateway.admits(50).await, 1, "half a second at the old rate");
    f.advance_ms(500);
    assert_eq!(gateway.admits(50).await, 10);
    f.advance_ms(500);
    f.configure(4.0, 1_000).await;
    f.control(rate(None)).await;
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(50).await, 4, "the burst of the new rate");
}

pub(crate) async fn a_reloaded_rate_counts_from_the_moment_of_the_reload(f: Fixture) {
    f.configure(2.0, 1_000).await;
    f.admitted().await;
    let mut gateway = f.gateway().await;
    gateway.line_of(40).await;
    gateway.step(0).await;
    f.advance_ms(500);
    f.configure(20.0, 1_000).await;
    assert_eq!(gateway.admits(50).await, 1, "half a second at the old rate");
    f.advance_ms(500);
    assert_eq!(gateway.admits(50).await, 10);
}

pub(crate) async fn a_lowered_cap_ends_no_slot(f: Fixture) {
    f.configure(0.0, 5).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(8).await;
    gateway.step(0).await;
    f.set_rate(10.0).await;
    f.advance_ms(1_000);
    assert_eq!(gateway.admits(10).await, 5);
    f.control(cap(Some(2))).await;
    f.advance_ms(1_000);
    let step = gateway.step(10).await;
    assert_eq!((step.admitted, step.stats.active), (0, 5));
    f.control(cap(Some(6))).await;
    assert_eq!(gateway.admits(10).await, 1);
}

pub(crate) async fn the_message_is_kept_as_it_is(f: Fixture) {
    f.configure(1.0, 1).await;
    for message in ["The sale begins at 10:00.", "-", "=", "", "\u{d45c}\u{b97c} \u{1f39f} \"quoted\"\n\0%d"] {
        let change = ControlChange { message: Some(Some(message.to_owned())), ..ControlChange::default() };
        assert_eq!(f.engine.control(&f.queue, change, "Ada").await.unwrap().message(), Some(message));
        f.configure(1.0, 1).await;
        assert_eq!(f.stats().await.control.message(), Some(message));
    }
    f.control(ControlChange { message: Some(None), ..ControlChange::default() }).await;
    assert_eq!(f.stats().await.control.message(), None);
    f.configure_as(Baseline { message: Some("-".to_owned()), ..baseline(1.0, 1) }).await;
    assert_eq!(f.stats().await.control.message(), Some("-"), "that of the settings");
}

pub(crate) async fn every_change_is_on_record_with_who_and_when_and_what_was_before(f: Fixture) {
    f.configure(1.0, 10).await;
    assert_eq!(f.engine.changes(&f.queue, 9).await.unwrap(), [], "that it began is no change");
    f.advance_ms(1);
    let ordered_at = f.now();
    f.control(ControlChange { message: Some(Some("soon".to_owned())), ..rate(Some(2.5)) }).await;
    f.control(rate(Some(2.5))).await;
    f.advance_ms(1);
    f.engine.control(&f.queue, ControlChange { cap: Some(Some(4)), ..rate(None) }, "Grace").await.unwrap();
    f.advance_ms(1);
    f.configure(3.0, 10).await;
    let change = |revision, ms, by: &str, lever, from: Option<&str>, to: Option<&str>| Change {
        revision,
        at: ordered_at + Duration::from_millis(ms),
        by: by.to_owned(),
        lever,
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    };
    let record = [
        change(4, 2, BY_SETTINGS, Lever::BaselineRate, Some("1"), Some("3")),
        change(3, 1, "Grace", Lever::Cap, None, Some("4")),
        change(3, 1, "Grace", Lever::Rate, Some("2.5"), None),
        change(2, 0, "Ada", Lever::Message, None, Some("soon")),
        change(2, 0, "Ada", Lever::Rate, None, Some("2.5")),
    ];
    assert_eq!(f.engine.changes(&f.queue, 9).await.unwrap(), record);
    assert_eq!(f.engine.changes(&f.queue, 2).await.unwrap(), record[..2]);
}

pub(crate) async fn the_oldest_changes_make_room(f: Fixture) {
    f.configure(1.0, 10).await;
    for round in 0..=MOST_CHANGES {
        f.control(pause(round % 2 == 0)).await;
    }
    let changes = f.engine.changes(&f.queue, usize::MAX).await.unwrap();
    let revisions = (changes.len(), changes[0].revision, changes[MOST_CHANGES - 1].revision);
    assert_eq!(revisions, (MOST_CHANGES, MOST_CHANGES as u64 + 2, 3));
}
