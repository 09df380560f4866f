//! Outages, gaps in the log and a store that forgot everything.

use std::{collections::BTreeMap, time::Duration};

use contract::ids::{ActiveTokenId, QueueName, VisitorId};
use jiff::Timestamp;
use queue_gateway::{
    baselines::ConfiguredEngine,
    engine::QueueEngine,
    line::{
        AdmissionLimits, Baseline, Closing, Control, ControlChange, GatewayId, Histogram, JoinRequest, LogIndex,
        NoJoins, Opening, Phase, QueueState, ReadyVisitor, Report, Sequence,
    },
    waiting_room::View,
};
use uuid::Uuid;

use crate::{
    failing_over::assert_exact,
    world::{COME_BACK, Visitor, World, told},
};

#[tokio::test(start_paused = true)]
async fn promotion_stops_with_the_store_and_goes_on_with_it() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    let crowd = gateway.listeners(&world, 500).await;
    world.tick().await;
    assert!(gateway.mirror.is_current());
    world.store.set_away(true);
    world.store.asked();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!gateway.mirror.is_current());
    assert!(world.store.asked() < 40, "an outage is not hammered");
    assert!(gateway.position(crowd[499].0.place.seq).is_some_and(|position| position > 490), "places stay known");
    world.store.set_away(false);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(gateway.mirror.is_current());
    assert!(world.admitted_total().await > 30);
}

/// Another gateway, which reaches the store while ours does not, where these visitors are as well: it admits them.
async fn admit_elsewhere(world: &World, crowd: &[Visitor], seconds: u64) {
    let ready = |visitor: &Visitor| ReadyVisitor {
        visitor: visitor.id,
        seq: visitor.place.seq,
        network: None,
        due_in: Duration::ZERO,
    };
    let mut report = Report {
        gateway: GatewayId(Uuid::nil()),
        number: 0,
        phase: Phase::Begins,
        ready: crowd.iter().map(ready).collect(),
        gone: Vec::new(),
        covers: Sequence::LAST,
        newest: Sequence::LAST,
        reach: None,
        wanted: 64,
        histogram: Histogram::default(),
        candidates: Vec::new(),
        epoch: world.store.inside().stats(&world.queue).await.unwrap().epoch,
        after: LogIndex(0),
        limit: 0,
    };
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        report.candidates = (0..100).map(|_| ActiveTokenId::generate(&*world.clock)).collect();
        report.number += 1;
        world.store.inside().step(&world.queue, &report).await.unwrap();
        (report.phase, report.ready) = (Phase::GoesOn, Vec::new());
    }
    (report.phase, report.number) = (Phase::Ends, report.number + 1);
    world.store.inside().step(&world.queue, &report).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_log_is_bridged_from_the_line_and_nobody_misses_their_admission() {
    let world = World::with_log(AdmissionLimits { rate_per_second: 100.0, cap: 1_000 }, 64).await;
    let gateway = world.gateway().await;
    let mut streams = gateway.listeners(&world, 2_000).await;
    let crowd: Vec<Visitor> = streams.iter().map(|(visitor, _)| *visitor).collect();
    world.store.set_away(true);
    admit_elsewhere(&world, &crowd, 5).await;
    world.store.set_away(false);
    tokio::time::sleep(Duration::from_secs(3)).await;

    assert_exact(&world, &gateway).await;
    let line = world.line().await;
    let mut admitted = 0;
    for (visitor, stream) in &mut streams {
        let names = stream.names();
        if world.is_admitted(*visitor).await {
            assert!(stream.ended && names.iter().any(|name| name == "admitted"), "{visitor:?} heard {names:?}");
            admitted += 1;
        } else {
            assert!(line.contains(&visitor.place.seq) && !stream.ended, "{visitor:?} heard {names:?}");
        }
    }
    assert!(admitted > 300, "far more than the log keeps: {admitted}");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_cannot_follow_the_line_holds_up_nobody_and_comes_back() {
    let world = World::with_log(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }, 8).await;
    let gateway = world.gateway().await;
    let here = gateway.listeners(&world, 60).await;
    world.tick().await;
    world.store.set_unreadable(true);
    for (visitor, _) in &here[40..] {
        world.leave(*visitor).await;
    }
    let there = world.ghosts(20).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    admit_elsewhere(&world, &there, 4).await;
    for visitor in &there {
        assert!(world.is_admitted(*visitor).await, "they are not known at the other gateway");
    }
    world.store.set_unreadable(false);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(gateway.mirror.is_current());
    assert_eq!(world.admitted_total().await, 60, "those who are here are heard of again");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgot_everything_is_given_its_line_back_and_no_stream_closes() {
    let world = World::new(AdmissionLimits { rate_per_second: 20.0, cap: 10_000 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let mut streams = one.listeners(&world, 300).await;
    streams.extend(other.listeners(&world, 300).await);
    let offline = world.ghosts(50).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (line, before) = (world.line().await, world.stats().await);
    for (_, stream) in &mut streams {
        stream.hear();
    }
    world.store.empty();
    world.until_whole().await;
    let after = world.stats().await;
    assert_eq!((after.epoch, after.last_seq, after.state()), (before.epoch, before.last_seq, QueueState::Open));
    assert!(after.active >= before.active, "those who are at the site count");
    assert_eq!(after.totals.admitted + world.line().await.len() as u64, 650, "nobody is lost, and nobody there twice");
    assert!(one.mirror.is_current() && other.mirror.is_current());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let admitted = world.admitted_total().await;
    assert!((60..=160).contains(&admitted), "it goes on by itself, at its pace: {admitted}");

    for (visitor, stream) in &mut streams {
        let names = stream.names();
        let is_admitted = world.is_admitted(*visitor).await;
        assert_eq!(stream.ended, is_admitted, "{visitor:?} heard {names:?}");
        let both = [&one, &other].map(|gateway| gateway.position(visitor.place.seq));
        assert_eq!(both[0], both[1]);
        assert!(both[0].is_none_or(|position| stream.position.is_some_and(|shown| shown >= position)));
    }
    // Whoever was offline finds the place as it was; whoever had a turn gets no other.
    let place = offline[7].place;
    let answer = other.poll(offline[7]).await;
    assert_eq!((answer.place, told(&answer)), (Some(place), one.position(place.seq)));
    let served = streams.iter().find(|(visitor, _)| !line.contains(&visitor.place.seq)).unwrap().0;
    let answer = one.poll(served).await;
    assert!(matches!(answer.view, View::Admitted { .. }), "{answer:?}");
    world.leave(served).await;
    let answer = one.poll(served).await;
    assert!(matches!(answer.view, View::Gone { .. }), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_or_leaves_after_a_loss_does_so_once() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(20).await;
    world.tick().await;
    world.store.empty();
    assert!(gateway.try_join(&world).await.is_err(), "somebody may know of places that were given");
    world.until_whole().await;
    assert_eq!(gateway.join(&world).await.place.seq, Sequence(21));
    gateway.leave(crowd[4]).await;
    assert_eq!(world.rejoin(crowd[7].id, Some(crowd[7].place)).await.place, crowd[7].place);
    world.tick().await;
    assert_eq!(world.line().await.len(), 20);
    assert_eq!(gateway.position(crowd[19].place.seq), Some(19));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_died_with_the_store_is_waited_for_a_minute() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let crowd = one.listeners(&world, 200).await;
    world.tick().await;
    world.tick().await;
    let admitted = world.admitted_total().await;
    world.store.empty();
    other.kill();
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(world.stats().await.state(), QueueState::Rejoining);
    assert_eq!(one.mirror.stats().unwrap().state(), QueueState::Rejoining, "as page, gauge and joins have it");
    assert!(one.position(crowd[199].0.place.seq).is_some());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(world.stats().await.state(), QueueState::Open);
    assert!(world.admitted_total().await > admitted);
}

#[tokio::test(start_paused = true)]
async fn when_every_gateway_has_died_with_the_store_a_new_epoch_takes_in_the_tokens_of_the_old() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(300).await;
    world.tick().await;
    let old_epoch = gateway.mirror.epoch().unwrap();
    gateway.kill();
    world.store.empty();
    let fresh = world.gateway().await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(fresh.mirror.epoch().unwrap() > old_epoch);
    // They come back in any order and stand in the old one.
    for visitor in crowd.iter().rev() {
        fresh.stream(*visitor).await;
    }
    world.tick().await;
    let epoch = fresh.mirror.epoch().unwrap();
    let expected = crowd.iter().map(|visitor| visitor.place.relative_to(epoch));
    assert!(world.line().await.into_iter().eq(expected));
    assert_eq!(world.stats().await.ready, 300, "and they are as present as before");
}

#[tokio::test(start_paused = true)]
async fn those_who_come_back_late_are_not_overtaken_when_every_gateway_has_died_with_the_store() {
    let world = World::new(AdmissionLimits { rate_per_second: 20.0, cap: 10_000 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let crowd = world.ghosts(100).await;
    world.tick().await;
    one.kill();
    other.kill();
    world.store.empty();
    let (one, other) = (world.gateway().await, world.gateway().await);
    tokio::time::sleep(Duration::from_secs(6)).await;
    // Those who were last are back first, at both gateways, and newcomers among them.
    let mut streams = Vec::new();
    for (nth, visitor) in crowd.iter().enumerate().rev() {
        streams.push((
            nth,
            *visitor,
            if nth % 2 == 0 { one.stream(*visitor).await } else { other.stream(*visitor).await },
        ));
        if nth % 10 == 0 {
            let newcomer = other.join(&world).await;
            assert!(newcomer.place.seq > Sequence(0), "behind all of them");
        }
        tokio::time::sleep(COME_BACK / 110).await;
    }
    for gateway in [&one, &other] {
        assert_eq!(gateway.mirror.stats().unwrap().state(), QueueState::Rejoining);
    }
    assert_eq!((world.admitted_total().await, world.stats().await.active), (0, 0));
    let last = streams.first_mut().unwrap();
    assert!(last.2.hear().iter().any(|event| event.data["rejoining"] == true), "and they are told why");
    tokio::time::sleep(COME_BACK / 10 + 2 * Duration::from_secs(1)).await;
    assert_eq!(one.mirror.stats().unwrap().state(), QueueState::Open, "it goes on by itself");
    let last = streams.first_mut().unwrap();
    assert!(last.2.hear().iter().any(|event| event.data["rejoining"] == false));
    let mut is_in = Vec::new();
    for (nth, visitor, stream) in &mut streams {
        is_in.push((*nth, world.is_admitted(*visitor).await));
        assert_eq!(stream.names().contains(&"admitted".to_owned()), is_in[is_in.len() - 1].1, "{nth}");
    }
    let admitted = is_in.iter().filter(|(_, is_in)| *is_in).count();
    assert!((10..=60).contains(&admitted), "at its pace: {admitted}");
    assert!(is_in.iter().all(|(nth, is_in)| *is_in == (*nth < admitted)), "in the old order: {is_in:?}");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_starts_first_after_a_loss_keeps_no_line_from_coming_back() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(20).await;
    world.tick().await;
    world.store.empty();
    // It knows of nothing, and gives the store its settings before the other one looks.
    let fresh = world.engine_of_a_gateway().shared();
    fresh.push().await;
    let (visitor, candidate) = (VisitorId::generate(&*world.clock), ActiveTokenId::generate(&*world.clock));
    let newcomer = JoinRequest { visitor, held: None, candidate, contact: None, invitation: None };
    assert_eq!(fresh.join(&world.queue, newcomer).await.unwrap(), Err(NoJoins::Rejoining.into()));
    world.until_whole().await;
    assert_eq!(gateway.join(&world).await.place.seq, Sequence(21));
    assert_eq!(gateway.position(crowd[19].place.seq), Some(20));
}

#[tokio::test(start_paused = true)]
async fn what_operators_ordered_outlives_a_store_that_forgot_everything() {
    let world = World::new(AdmissionLimits { rate_per_second: 100.0, cap: 100 }).await;
    let gateway = world.gateway().await;
    let orders = ControlChange {
        rate_per_second: Some(Some(5.0)),
        cap: Some(Some(7)),
        paused: Some(true),
        opens_at: Some(Some(Timestamp::UNIX_EPOCH)),
        opening: Some(Some(Opening::Draw)),
        closes_at: Some(Some(Closing::Never)),
        beacon: None,
        drains_at: Some(Some(Timestamp::UNIX_EPOCH)),
        message: Some(Some("soon".to_owned())),
    };
    let ordered = world.engine.control(&world.queue, orders, "Ada").await.unwrap();
    world.tick().await;
    world.store.empty();
    world.until_whole().await;
    assert!(gateway.mirror.is_current());
    let control = gateway.mirror.stats().unwrap().control.clone();
    assert_eq!(Control { revision: 0, ..control }, Control { revision: 0, ..ordered });

    // An order that was taken back stays taken back.
    world.pause(false).await;
    world.store.empty();
    world.until_whole().await;
    assert!(!gateway.mirror.stats().unwrap().control.paused);
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_a_store_that_forgot_it_whichever_gateway_notices_first() {
    let world = World::new(AdmissionLimits { rate_per_second: 100.0, cap: 100 }).await;
    let (knows, does_not) = (world.engine_of_a_gateway(), world.engine_of_a_gateway());
    let pause = |paused| ControlChange { paused: Some(paused), ..ControlChange::default() };
    for engine in [&knows, &does_not] {
        engine.stats(&world.queue).await.unwrap();
    }
    knows.control(&world.queue, pause(true), "Ada").await.unwrap();
    world.tick().await;
    world.store.empty();
    assert!(!does_not.stats(&world.queue).await.unwrap().control.paused, "it knew of none");
    knows.stats(&world.queue).await.unwrap();
    assert!(does_not.stats(&world.queue).await.unwrap().control.paused);

    // One that has not heard of the loss yet does not undo what was ordered since.
    world.tick().await;
    world.store.empty();
    does_not.stats(&world.queue).await.unwrap();
    does_not.control(&world.queue, pause(false), "Ada").await.unwrap();
    knows.stats(&world.queue).await.unwrap();
    assert!(!does_not.stats(&world.queue).await.unwrap().control.paused);
}

/// The settings of the world with another cap, as of now.
fn changed(world: &World, cap: u64) -> BTreeMap<QueueName, Baseline> {
    let mut baseline = world.baselines[&world.queue].clone();
    (baseline.as_of, baseline.limits.cap) = (world.clock.now(), cap);
    BTreeMap::from([(world.queue.clone(), baseline)])
}

#[tokio::test(start_paused = true)]
async fn settings_that_a_fail_over_has_lost_come_back() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 100 }).await;
    let _gateway = world.gateway().await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    world.engine.replace(changed(&world, 7));
    world.engine.push().await;
    world.tick().await;
    world.store.fail_over(standby);
    world.until_whole().await;
    assert_eq!(world.store.inside().stats(&world.queue).await.unwrap().control.limits().cap, 7);
}

#[tokio::test(start_paused = true)]
async fn the_newest_settings_are_in_force_whichever_gateway_begins_a_lost_queue_again() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 100 }).await;
    let (reloaded, has_heard, knows_nothing) =
        (world.engine_of_a_gateway(), world.engine_of_a_gateway(), world.engine_of_a_gateway());
    let cap = async |engine: &ConfiguredEngine| engine.stats(&world.queue).await.unwrap().control.limits().cap;
    reloaded.replace(changed(&world, 7));
    reloaded.push().await;
    assert_eq!(cap(&has_heard).await, 7);
    drop(reloaded);
    world.tick().await;
    world.store.empty();
    knows_nothing.push().await;
    assert_eq!(cap(&knows_nothing).await, 100, "its own settings");
    has_heard.stats(&world.queue).await.unwrap();
    assert_eq!(cap(&knows_nothing).await, 7);

    world.tick().await;
    world.store.empty();
    assert_eq!(cap(&has_heard).await, 7, "and by itself");
    knows_nothing.push().await;
    assert_eq!(cap(&knows_nothing).await, 7, "older settings change nothing");
}
