//! Gateways come and go; the store believes those who are there.

use std::time::Duration;

use queue_gateway::line::{Epoch, GATEWAY_LIVES, LineChange, LogIndex, LogPage, Phase, Report, Sequence};

use crate::{
    fixture::{Fixture, LOG_CAPACITY, is_admitted},
    gateway::empty_report,
    presence::admitted_places,
};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) async fn the_visitors_of_a_gateway_that_falls_silent_are_not_ready(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(4).await;
    let mut silent = f.gateway_with(&line[..2]).await;
    let mut other = f.gateway_with(&line[2..]).await;
    silent.step(0).await;
    other.step(0).await;
    other.pass(GATEWAY_LIVES).await;
    let step = other.step(1).await;
    assert_eq!((step.stats.ready, step.present.len()), (3, 2), "the first was admitted: it may still be there");
    other.pass(SECOND).await;
    let step = other.step(1).await;
    assert_eq!((step.stats.ready, step.present.len()), (1, 1));
    assert_eq!(admitted_places(&f).await, [1, 3]);
}

pub(crate) async fn a_silent_gateway_holds_admission_at_its_cover_only_while_it_lives(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut silent = f.gateway().await;
    let report = Report { covers: Sequence::FIRST, ..silent.report(Vec::new()) };
    silent.send(report).await;
    let mut other = f.gateway().await;
    other.line_of(2).await;
    other.step(0).await;
    other.pass(GATEWAY_LIVES).await;
    assert_eq!(other.admits(1).await, 0);
    other.pass(SECOND).await;
    assert_eq!(other.admits(1).await, 1);
}

pub(crate) async fn the_visitors_of_a_gateway_that_ends_are_not_ready(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(3).await;
    let mut ending = f.gateway_with(&line[..2]).await;
    let mut other = f.gateway_with(&line[1..]).await;
    ending.step(0).await;
    other.step(0).await;
    let step = ending.end().await;
    assert_eq!((step.known, step.stats.ready, step.present.len()), (true, 2, 1));
    f.advance(SECOND);
    other.step(1).await;
    assert_eq!(admitted_places(&f).await, [2], "the other gateway has them too");
}

pub(crate) async fn passed_visitors_of_a_gateway_that_ends_are_away_again(f: Fixture) {
    f.configure(1.0, 1).await;
    let line = f.line_of(2).await;
    f.admitted().await;
    let mut gateway = f.gateway_with(&line).await;
    gateway.step(0).await;
    assert_eq!(f.front().await, [1, 2]);
    gateway.end().await;
    assert!(f.front().await.is_empty());
    let away = [1, 2].map(|seq| LineChange::Away { seq: Sequence(seq) });
    assert_eq!(f.log().await[3..], away);
    assert_eq!(f.line().await, [1, 2]);
}

pub(crate) async fn a_gateway_that_the_store_has_forgotten_begins_anew(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut other = f.gateway().await;
    let line = f.line_of(2).await;
    let mut forgotten = f.gateway_with(&line[..1]).await;
    forgotten.step(0).await;
    other.pass(GATEWAY_LIVES + SECOND).await;
    forgotten.present(&line[1..]).await;
    let report = forgotten.report(f.tokens(1));
    assert_eq!((report.phase, report.ready.len()), (Phase::GoesOn, 1));
    let step = forgotten.send(report).await;
    assert_eq!((step.known, step.admitted, step.stats.ready, step.present.len()), (false, 0, 0, 1));
    let step = forgotten.step(1).await;
    assert_eq!((step.known, step.admitted, step.stats.ready), (true, 1, 1));
    assert_eq!(admitted_places(&f).await, [1], "whom it had reported before it was forgotten is told again");
}

pub(crate) async fn a_gateway_that_begins_anew_has_whom_it_reports_now(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(3).await;
    let mut gateway = f.gateway_with(&line).await;
    gateway.step(0).await;
    let mut again = f.gateway_with(&line[1..2]).await;
    (again.id, again.reports) = (gateway.id, gateway.reports);
    let report = again.report(Vec::new());
    assert_eq!((report.phase, report.gone.len()), (Phase::Begins, 0));
    assert_eq!(again.send(report).await.stats.ready, 1);
    f.advance(SECOND);
    assert_eq!(again.admits(3).await, 1);
    assert_eq!(admitted_places(&f).await, [2]);
}

/// A step that was given up may still run, after the next.
pub(crate) async fn a_report_that_comes_after_a_later_one_says_nothing_of_presence(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(3).await;
    let mut gateway = f.gateway_with(&line[..2]).await;
    let begins = gateway.report(Vec::new());
    gateway.send(begins.clone()).await;
    gateway.present(&line[2..]).await;
    let given_up = Report { covers: Sequence::FIRST, ..gateway.report(f.tokens(1)) };
    gateway.absent(&line);
    gateway.step(0).await;
    f.advance(SECOND);
    let ends = Report { phase: Phase::Ends, number: given_up.number, ..empty_report(&f, begins.epoch) };
    for late in [given_up, begins, Report { gateway: gateway.id, ..ends }] {
        let step = f.engine.step(&f.queue, &late).await.unwrap();
        assert_eq!((step.known, step.admitted, step.stats.ready, step.present.len()), (true, 0, 0, 1));
    }
    gateway.present(&line[2..]).await;
    let step = gateway.step(1).await;
    assert_eq!((step.known, step.admitted), (true, 1), "the gateway itself goes on");
    assert_eq!(admitted_places(&f).await, [3]);
}

pub(crate) async fn a_late_report_does_not_keep_its_gateway_alive(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(1).await;
    let mut dead = f.gateway_with(&line).await;
    let report = dead.report(Vec::new());
    dead.send(report.clone()).await;
    let mut other = f.gateway().await;
    for _ in 0..4 {
        other.pass(SECOND).await;
        dead.send(Report { phase: Phase::GoesOn, ..report.clone() }).await;
    }
    assert_eq!(other.step(0).await.present.len(), 1);
}

pub(crate) async fn whoever_has_another_place_than_the_reported_one_does_not_become_ready(f: Fixture) {
    f.configure(1.0, 100).await;
    let line = f.line_of(2).await;
    let mut gateway = f.gateway_with(&line).await;
    let report = gateway.report(Vec::new());
    f.leave(line[0]).await;
    f.join(line[0]).await;
    assert_eq!(gateway.send(report).await.stats.ready, 1, "that they were there at the old place says nothing");
}

/// More entries than one sweep takes: those that are left must not come to life again.
pub(crate) async fn a_gateway_that_ends_and_begins_again_does_not_bring_its_former_visitors_back(f: Fixture) {
    f.configure(100.0, 10_000).await;
    let line = f.crowd_of(4_500).await;
    let mut gateway = f.gateway_with(&line).await;
    gateway.wanted = 10_000;
    assert_eq!(gateway.step(0).await.stats.ready, 4_500);
    gateway.end().await;
    gateway.nobody_present();
    gateway.present(&line[4_498..]).await;
    for _ in 0..5 {
        f.advance(SECOND);
        gateway.step(100).await;
    }
    assert_eq!(admitted_places(&f).await, [4_499, 4_500]);
    assert_eq!(f.stats().await.ready, 0);
}

pub(crate) async fn a_gateway_of_another_epoch_is_not_believed(f: Fixture) {
    let epoch = f.configure(10.0, 100).await.epoch;
    let line = f.line_of(1).await;
    let mut gateway = f.gateway_with(&line).await;
    for phase in [Phase::Begins, Phase::GoesOn, Phase::Ends] {
        let report = Report { phase, epoch: Epoch(epoch.0 - 1), ..gateway.report(f.tokens(1)) };
        let step = gateway.send(report).await;
        assert_eq!((step.known, step.stats.ready, step.admitted), (false, 0, 0));
        assert_eq!((step.tail.epoch, step.tail.page), (epoch, LogPage::Gap));
        assert!(step.present.is_empty());
    }
    gateway.present(&line).await;
    assert_eq!(gateway.admits(1).await, 1, "with the epoch that the store has");
}

pub(crate) async fn every_gateway_hears_who_is_present_where(f: Fixture) {
    f.configure(0.0, 100).await;
    let line = f.line_of(5).await;
    let mut one = f.gateway_with(&line[..2]).await;
    let mut two = f.gateway_with(&line[2..]).await;
    one.step(0).await;
    let present = two.step(0).await.present;
    let mut totals: Vec<u64> = present.iter().map(|(_, histogram)| histogram.total()).collect();
    totals.sort_unstable();
    assert_eq!(totals, [2, 3]);
    one.absent(&line[..1]);
    let present = one.step(0).await.present;
    assert_eq!(present.iter().map(|(_, histogram)| histogram.total()).sum::<u64>(), 4);
    two.end().await;
    assert_eq!(one.step(0).await.present.len(), 1);
}

pub(crate) async fn a_gateway_whose_log_was_trimmed_meanwhile_finds_a_gap_and_its_report_is_taken_in(f: Fixture) {
    f.configure(1.0, 100).await;
    let mut gateway = f.gateway().await;
    gateway.step(0).await;
    let line = gateway.line_of(1).await;
    for visitor in f.crowd_of(2 * LOG_CAPACITY).await {
        f.leave(visitor).await;
    }
    let report = Report { after: LogIndex(0), ..gateway.report(f.tokens(1)) };
    let step = gateway.send(report).await;
    assert_eq!((step.tail.page, step.admitted), (LogPage::Gap, 1));
    assert_eq!(step.tail.log_head, f.stats().await.log_head);
    assert!(is_admitted(f.status(line[0]).await));
}

pub(crate) async fn a_stranger_who_ends_or_goes_on_leaves_nothing_behind(f: Fixture) {
    let epoch = f.configure(1.0, 100).await.epoch;
    f.line_of(2).await;
    for (phase, known) in [(Phase::Ends, true), (Phase::GoesOn, false)] {
        let report = Report { phase, covers: Sequence::FIRST, ..empty_report(&f, epoch) };
        let step = f.engine.step(&f.queue, &report).await.unwrap();
        assert_eq!((step.known, step.present.len()), (known, 0));
    }
    f.admitted().await;
}
