//! Client networks whose visitors are admitted and do not arrive.

use std::{net::Ipv4Addr, time::Duration};

use contract::ids::{ActiveTokenId, VisitorId};
use queue_gateway::engine::{MOST_NETWORKS, OUTCOMES_LAST};
use queue_gateway::line::{ClientNetwork, Contact, JoinRequest, LineChange, LogIndex, Sequence, Standing};

use crate::{
    fixture::{ARRIVE, Fixture, is_admitted, join_request},
    gateway::Gateway,
};

const SECOND: Duration = Duration::from_secs(1);

fn network(number: u32) -> ClientNetwork {
    ClientNetwork(Ipv4Addr::from_bits(0x0a00_0000 + number).into())
}

async fn comes_from(f: &Fixture, network: impl Into<Option<ClientNetwork>>) -> (VisitorId, Standing) {
    let visitor = f.visitor();
    let request =
        JoinRequest { contact: Some(Contact { network: network.into() }), ..join_request(visitor, f.token()) };
    (visitor, f.ask(request).await.standing)
}

async fn line_from(gateway: &mut Gateway<'_>, f: &Fixture, network: impl Into<Option<ClientNetwork>>, count: usize) {
    let line = f.line_of(count).await;
    gateway.present_from(network, &line).await;
}

/// Steps once a second; whoever of the admitted `arrives` says does. Returns how many unclaimed slots each second saw.
async fn seconds(
    gateway: &mut Gateway<'_>,
    f: &Fixture,
    count: usize,
    mut arrives: impl FnMut(VisitorId) -> bool,
) -> Vec<u64> {
    let mut unclaimed = Vec::new();
    for _ in 0..count {
        f.advance(SECOND);
        let head = f.stats().await.log_head;
        let step = gateway.step(200).await;
        for (visitor, token) in admitted_after(f, head).await {
            if arrives(visitor) {
                f.engine.claim(&f.queue, token, f.member(), None).await.unwrap();
            }
        }
        unclaimed.push(step.stats.unclaimed);
    }
    unclaimed
}

async fn admitted_after(f: &Fixture, head: LogIndex) -> Vec<(VisitorId, ActiveTokenId)> {
    let epoch = f.stats().await.epoch;
    let admitted = |entry| match entry {
        LineChange::Admitted { visitor, admission, .. } => Some((visitor, admission.token)),
        _ => None,
    };
    f.entries(epoch, head.0, 10_000).await.into_iter().filter_map(admitted).collect()
}

pub(crate) async fn two_hundred_who_never_arrive_hold_one_slot_at_a_time_after_the_first_eight(f: Fixture) {
    f.configure(100.0, 1_000).await;
    let mut gateway = f.gateway().await;
    line_from(&mut gateway, &f, network(1), 200).await;
    gateway.step(0).await;
    let first = seconds(&mut gateway, &f, 10, |_| false).await;
    assert_eq!(first, [8; 10]);
    let later = seconds(&mut gateway, &f, 60, |_| false).await;
    assert!(later.iter().all(|unclaimed| *unclaimed <= 1), "{later:?}");
    let stats = f.stats().await;
    assert!((12..=15).contains(&stats.totals.admitted), "one at a time, each for {ARRIVE:?}: {stats:?}");
    assert_eq!(stats.held_back, 1);
}

pub(crate) async fn a_held_back_network_holds_up_nobody_else(f: Fixture) {
    f.configure(10.0, 1_000).await;
    let script = f.line_of(50).await;
    let people = f.line_of(50).await;
    let mut gateway = f.gateway().await;
    gateway.present_from(network(1), &script).await;
    gateway.present_from(network(2), &people).await;
    gateway.step(0).await;
    seconds(&mut gateway, &f, 6, |visitor| people.contains(&visitor)).await;
    for visitor in people {
        assert!(is_admitted(f.status(visitor).await));
    }
    assert_eq!(f.stats().await.totals.admitted, 58);
}

/// A gateway that does not heed the reply: the store withholds the visitors by itself, and says that it did.
pub(crate) async fn a_network_is_held_back_whatever_the_gateway_reports(f: Fixture) {
    f.configure(100.0, 1_000).await;
    let line = f.line_of(100).await;
    let mut gateway = f.gateway().await;
    gateway.wanted = 1_000;
    gateway.present_from(network(1), &line[..50]).await;
    gateway.present_from(network(2), &line[50..]).await;
    gateway.step(0).await;
    f.advance(SECOND);
    let step = gateway.step(100).await;
    assert_eq!(step.admitted, 16, "eight of each network");
    assert_eq!(step.held_back, [network(1), network(2)]);
    assert_eq!((step.stats.unclaimed, step.stats.ready, step.withheld), (16, 0, 84));
    let mut again = f.gateway().await;
    again.wanted = 1_000;
    again.present_from(network(1), &line[8..50]).await;
    let report = again.report(f.tokens(100));
    assert_eq!(report.ready.len(), 42);
    let step = again.send(report).await;
    assert_eq!((step.admitted, step.stats.ready, step.withheld), (0, 0, 84), "refused, and told which networks");
}

pub(crate) async fn a_free_slot_goes_to_the_lowest_of_its_network_without_a_word_about_the_others(f: Fixture) {
    f.configure(100.0, 1_000).await;
    let line = f.line_of(51).await;
    let mut gateway = f.gateway().await;
    gateway.present_from(network(1), &line[..50]).await;
    gateway.present(&line[50..]).await;
    gateway.step(0).await;
    f.advance(SECOND);
    let step = gateway.step(100).await;
    assert_eq!((step.admitted, step.stats.watermark.0), (9, 51), "eight, and one who stands behind all of them");
    gateway.pass(ARRIVE).await;
    let before = gateway.step(0).await;
    assert_eq!(before.held_back, [network(1)], "somebody was refused, so that they are told again");
    let step = gateway.step(100).await;
    assert_eq!(step.admitted, 0, "none was reported");
    let head = f.stats().await.log_head.0;
    let step = gateway.step(100).await;
    assert_eq!((step.admitted, step.withheld), (1, before.withheld));
    let entries = f.entries(step.stats.epoch, head, 100).await;
    assert!(
        matches!(&entries[..], [LineChange::Ready { seq: Sequence(9) }, LineChange::Admitted { seq: Sequence(9), .. }]),
        "{entries:?}"
    );
}

pub(crate) async fn a_network_of_which_seventy_percent_arrive_is_not_held_back(f: Fixture) {
    f.configure(20.0, 10_000).await;
    let mut gateway = f.gateway().await;
    line_from(&mut gateway, &f, network(1), 300).await;
    gateway.step(0).await;
    let mut number = 0;
    let mut arrives = |_| {
        number += 1;
        number % 10 < 7
    };
    seconds(&mut gateway, &f, 20, &mut arrives).await;
    let stats = f.stats().await;
    assert_eq!(stats.totals.admitted, 300, "all of them, at the full rate but for the first moments");
    assert_eq!(stats.held_back, 0);
}

pub(crate) async fn an_unknown_network_is_never_held_back(f: Fixture) {
    f.configure(10.0, 10_000).await;
    let mut gateway = f.gateway().await;
    line_from(&mut gateway, &f, None, 100).await;
    gateway.step(0).await;
    seconds(&mut gateway, &f, 10, |_| false).await;
    let stats = f.stats().await;
    assert_eq!((stats.totals.admitted, stats.held_back), (100, 0));
}

pub(crate) async fn whoever_comes_from_a_held_back_network_does_not_go_straight_in(f: Fixture) {
    f.configure(10.0, 1_000).await;
    for _ in 0..8 {
        assert!(is_admitted(comes_from(&f, network(1)).await.1));
        f.advance_ms(100);
    }
    assert!(!is_admitted(comes_from(&f, network(1)).await.1));
    assert!(is_admitted(comes_from(&f, network(2)).await.1));
    f.advance_ms(100);
    assert!(is_admitted(comes_from(&f, None).await.1));
}

pub(crate) async fn arrivals_lift_what_holds_a_network_back(f: Fixture) {
    f.configure(10.0, 1_000).await;
    let mut first = Vec::new();
    for _ in 0..8 {
        first.push(comes_from(&f, network(1)).await.1);
        f.advance_ms(100);
    }
    assert_eq!(f.stats().await.held_back, 1);
    for standing in &first[..2] {
        let Standing::Admitted { admission, .. } = standing else { panic!("not admitted: {standing:?}") };
        f.engine.arrive(&f.queue, admission.token).await.unwrap();
    }
    assert_eq!(f.stats().await.held_back, 0);
    assert!(is_admitted(comes_from(&f, network(1)).await.1));
}

pub(crate) async fn whoever_leaves_before_arriving_has_not_arrived(f: Fixture) {
    f.configure(10.0, 1_000).await;
    for _ in 0..8 {
        let (visitor, standing) = comes_from(&f, network(1)).await;
        assert!(is_admitted(standing));
        f.leave(visitor).await;
        f.advance_ms(100);
    }
    let stats = f.stats().await;
    assert_eq!((stats.held_back, stats.totals.no_shows), (1, 0));
    assert!(is_admitted(comes_from(&f, network(1)).await.1), "one at a time");
    f.advance_ms(100);
    assert!(!is_admitted(comes_from(&f, network(1)).await.1));
}

pub(crate) async fn the_window_of_ten_minutes_ends(f: Fixture) {
    f.configure(100.0, 1_000).await;
    for _ in 0..8 {
        comes_from(&f, network(1)).await;
        f.advance_ms(10);
    }
    f.advance(OUTCOMES_LAST - SECOND);
    f.sweep().await;
    assert_eq!(f.stats().await.held_back, 1, "eight of eight did not arrive");
    assert!(is_admitted(comes_from(&f, network(1)).await.1), "one slot at a time");
    f.advance_ms(10);
    assert!(!is_admitted(comes_from(&f, network(1)).await.1));
    f.advance(SECOND);
    f.sweep().await;
    assert_eq!(f.stats().await.held_back, 0);
    for _ in 0..3 {
        assert!(is_admitted(comes_from(&f, network(1)).await.1));
        f.advance_ms(10);
    }
}

/// A carrier's network in a long sale: many have arrived and not yet claimed when the window ends.
pub(crate) async fn whoever_has_arrived_is_not_on_the_way_when_the_window_ends(f: Fixture) {
    f.configure(10.0, 1_000).await;
    comes_from(&f, network(1)).await;
    f.advance(OUTCOMES_LAST - SECOND * 10);
    for _ in 0..12 {
        let Standing::Admitted { admission, .. } = comes_from(&f, network(1)).await.1 else { panic!("held back") };
        f.engine.arrive(&f.queue, admission.token).await.unwrap();
        f.advance_ms(500);
    }
    f.advance(SECOND * 5);
    for _ in 0..3 {
        assert!(is_admitted(comes_from(&f, network(1)).await.1), "they are at the site, all of them");
        f.advance_ms(100);
    }
    assert_eq!(f.stats().await.held_back, 0);
}

pub(crate) async fn whoever_is_on_the_way_when_the_window_ends_does_not_cost_a_network_its_trust(f: Fixture) {
    f.configure(10.0, 1_000).await;
    for _ in 0..2 {
        let Standing::Admitted { admission, .. } = comes_from(&f, network(1)).await.1 else { panic!("held back") };
        f.engine.arrive(&f.queue, admission.token).await.unwrap();
        f.advance_ms(100);
    }
    f.advance(OUTCOMES_LAST - SECOND);
    for _ in 0..12 {
        assert!(is_admitted(comes_from(&f, network(1)).await.1), "before and after the end");
        f.advance_ms(100);
    }
    assert_eq!(f.stats().await.held_back, 0);
}

pub(crate) async fn the_oldest_networks_are_forgotten_when_there_are_too_many(f: Fixture) {
    f.configure(1_000_000.0, 100_000).await;
    for _ in 0..8 {
        comes_from(&f, network(1)).await;
        f.advance_ms(1);
    }
    for number in 2..=u32::try_from(MOST_NETWORKS).unwrap() {
        assert!(is_admitted(comes_from(&f, network(number)).await.1));
        f.advance(Duration::from_micros(1));
    }
    assert!(!is_admitted(comes_from(&f, network(1)).await.1));
    comes_from(&f, network(20_000)).await;
    assert_eq!(f.stats().await.held_back, 0);
    f.advance_ms(1);
    assert!(is_admitted(comes_from(&f, network(1)).await.1));
}
