//! How far gateways report, so that the ready set is neither empty nor long.

use std::time::Duration;

use queue_gateway::line::{Report, Sequence};

use crate::{fixture::Fixture, presence::admitted_places};

pub(crate) async fn the_ready_set_stays_near_what_is_wanted(f: Fixture) {
    f.configure(10.0, 10_000).await;
    let line = f.crowd_of(500).await;
    let mut gateway = f.gateway_with(&line).await;
    gateway.wanted = 20;
    let first = gateway.step(0).await;
    assert_eq!((first.stats.ready, first.horizon), (20, Sequence(40)), "nobody is asked for all at once");
    let mut admitted = 0;
    while admitted < 500 {
        f.advance(Duration::from_secs(1));
        let step = gateway.step(10).await;
        assert!(step.stats.ready <= 40, "{}", step.stats.ready);
        assert_eq!(step.admitted, 10, "the ready set never ran dry");
        admitted += step.admitted;
    }
    assert_eq!(admitted_places(&f).await, (1..=500).collect::<Vec<_>>());
}

pub(crate) async fn too_long_a_ready_set_draws_the_horizon_in(f: Fixture) {
    f.configure(0.0, 100).await;
    let line = f.line_of(100).await;
    let mut gateway = f.gateway_with(&line).await;
    assert_eq!(gateway.wanted, 64);
    gateway.wanted = 1_000;
    assert_eq!(gateway.step(0).await.horizon, Sequence::LAST);
    gateway.wanted = 60;
    assert_eq!(gateway.step(0).await.horizon, Sequence::LAST, "less than twice as many as wanted");
    gateway.wanted = 10;
    let step = gateway.step(0).await;
    assert_eq!((step.horizon, step.stats.ready), (Sequence(20), 100));
    assert_eq!(gateway.step(0).await.stats.ready, 20, "whoever stands above is not ready any more");
}

pub(crate) async fn whoever_is_ready_beyond_the_horizon_is_within_it_in_time(f: Fixture) {
    f.configure(1_000.0, 1_000).await;
    let line = f.line_of(300).await;
    let mut gateway = f.gateway_with(&line).await;
    gateway.wanted = 1_000;
    for _ in 0..3 {
        gateway.step(0).await;
    }
    let mut report = gateway.report(Vec::new());
    assert_eq!(gateway.send(report.clone()).await.stats.ready, 300);
    // From now on few are wanted, and the gateway leaves those whom it has reported as they are.
    report.wanted = 10;
    let mut admitted = 0;
    for _ in 0..60 {
        f.advance_ms(100);
        report.number += 1;
        report.candidates = f.tokens(10);
        let step = gateway.send(report.clone()).await;
        report.covers = step.horizon;
        admitted += step.admitted;
    }
    assert_eq!(admitted, 300);
}

pub(crate) async fn the_horizon_widens_to_the_lowest_reach_of_the_gateways(f: Fixture) {
    f.configure(0.0, 100).await;
    let line = f.line_of(60).await;
    let mut low = f.gateway_with(&line[..30]).await;
    let mut high = f.gateway_with(&line[30..]).await;
    (low.wanted, high.wanted) = (5, 5);
    let narrow = |report: Report| Report { ready: report.ready[..1].to_vec(), ..report };
    low.horizon = Some(Sequence(1));
    let step = low.step(0).await;
    assert_eq!(step.horizon, Sequence(6), "the fifth who is present above place 1");
    high.horizon = Some(Sequence(31));
    let report = narrow(high.report(Vec::new()));
    let step = high.send(report).await;
    assert_eq!((step.stats.ready, step.horizon), (2, Sequence(6)), "not the higher reach of the other");
    low.nobody_present();
    low.step(0).await;
    assert_eq!(high.step(0).await.horizon, Sequence(35), "a gateway that has told of all has no reach");
    high.nobody_present();
    assert_eq!(high.step(0).await.horizon, Sequence::LAST);
}
