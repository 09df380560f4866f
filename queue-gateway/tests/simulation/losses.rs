//! Outages, gaps in the log and a store that forgot everything.

use std::time::Duration;

use contract::ids::ActiveTokenId;
use queue_gateway::{
    engine::QueueEngine,
    line::{AdmissionLimits, ControlChange, Outlook, Standing},
};

use crate::world::{Gateway, TICK, World};

#[tokio::test(start_paused = true)]
async fn promotion_stops_with_the_store_and_goes_on_with_it() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    let crowd = world.crowd(500).await;
    world.tick().await;
    assert!(gateway.mirror.is_current());
    world.store.set_away(true);
    world.store.asked();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!gateway.mirror.is_current());
    assert!(world.store.asked() < 40, "an outage is not hammered");
    let Outlook::Waiting { position, .. } = gateway.mirror.outlook(crowd[499].place.seq) else {
        panic!("places stay known");
    };
    assert!(position > 490);
    world.store.set_away(false);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(gateway.mirror.is_current());
    assert!(world.admitted_total().await > 30);
}

/// Admits from the front behind the gateway's back.
async fn promote_inside(world: &World, seconds: u64) {
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let candidates: Vec<_> = (0..100).map(|_| ActiveTokenId::generate(&*world.clock)).collect();
        world.store.inside().promote(&world.queue, &candidates).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_log_is_bridged_from_the_line_and_nobody_misses_his_admission() {
    let world = World::with_log(AdmissionLimits { rate_per_second: 100.0, cap: 1_000 }, 64).await;
    let gateway = world.gateway().await;
    let crowd = world.crowd(2_000).await;
    let mut streams = Vec::new();
    for visitor in &crowd {
        streams.push(gateway.stream(&world, *visitor).await);
    }
    world.store.set_away(true);
    promote_inside(&world, 5).await;
    world.store.set_away(false);
    tokio::time::sleep(Duration::from_secs(3)).await;

    let line = world.line().await;
    for (seq, expected) in line.iter().zip(1..) {
        let outlook = gateway.mirror.outlook(*seq);
        assert!(matches!(outlook, Outlook::Waiting { position, .. } if position == expected), "{outlook:?}");
    }
    let mut admitted = 0;
    for (visitor, stream) in crowd.iter().zip(&mut streams) {
        let names = stream.names();
        if matches!(world.standing(visitor.id).await, Standing::Admitted { .. }) {
            assert!(stream.ended && names.iter().any(|name| name == "admitted"), "{visitor:?} heard {names:?}");
            admitted += 1;
        } else {
            assert!(line.contains(&visitor.place.seq) && !stream.ended, "{visitor:?} heard {names:?}");
        }
    }
    assert!(admitted > 500, "{admitted}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgot_everything_sends_the_streams_back_to_their_places() {
    let world = World::new(AdmissionLimits { rate_per_second: 1.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let crowd = world.crowd(300).await;
    let mut streams = Vec::new();
    for visitor in &crowd[1..] {
        streams.push(gateway.stream(&world, *visitor).await);
    }
    for stream in &mut streams {
        stream.hear();
    }
    let old_epoch = gateway.mirror.epoch().unwrap();
    world.store.empty();
    tokio::time::sleep(2 * TICK).await;
    assert!(gateway.mirror.epoch().unwrap() > old_epoch);
    let mut retries = Vec::new();
    for stream in &mut streams {
        let last = stream.hear().pop().unwrap();
        assert!(stream.ended);
        retries.push(last.retry_ms.unwrap());
    }
    assert!(retries.iter().all(|retry| (1_000..5_000).contains(retry)));
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > 200, "spread over time");

    // They come back in any order and stand in the old one.
    for visitor in crowd[1..].iter().rev() {
        world.rejoin(visitor.id, Some(visitor.place)).await;
    }
    world.tick().await;
    let line = world.line().await;
    let epoch = gateway.mirror.epoch().unwrap();
    let first = crowd[1..].iter().position(|visitor| visitor.place.relative_to(epoch) == line[0]).unwrap();
    assert!(first <= 2, "some may have been admitted meanwhile");
    assert!(line.iter().copied().eq(crowd[1 + first..].iter().map(|visitor| visitor.place.relative_to(epoch))));
}

/// The gateway's positions are the store's.
async fn assert_exact(world: &World, gateway: &Gateway) {
    for (seq, expected) in world.line().await.into_iter().zip(1..) {
        let outlook = gateway.mirror.outlook(seq);
        assert!(matches!(outlook, Outlook::Waiting { position, .. } if position == expected), "{seq:?}: {outlook:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fail_over_that_lost_joins_alone_sends_everybody_to_ask_whose_place_is_whose() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let kept = world.crowd(20).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    let lost = world.join().await;
    world.tick().await;
    let mut streams = [gateway.stream(&world, kept[0]).await, gateway.stream(&world, lost).await];
    assert!(!gateway.mirror.is_doubtful(gateway.now()));
    world.store.fail_over(standby);
    world.tick().await;
    for stream in &mut streams {
        stream.hear();
        assert!(stream.ended, "he learns at once whether he still has a place");
    }
    assert!(gateway.mirror.is_doubtful(gateway.now()), "polls ask the store");

    let newcomer = world.join().await;
    assert_eq!(newcomer.place, lost.place, "the sequence is issued a second time");
    assert_eq!(world.standing(lost.id).await, Standing::Absent);
    world.tick().await;
    assert_exact(&world, &gateway).await;
}

#[tokio::test(start_paused = true)]
async fn a_fail_over_is_noticed_also_when_the_store_has_moved_on_since() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let kept = world.crowd(20).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    // Seen by the gateway, and lost: two came, and the first of them left.
    let lost = world.crowd(2).await;
    world.engine.leave(&world.queue, lost[0].id).await.unwrap();
    world.tick().await;
    let mut stream = gateway.stream(&world, lost[1]).await;

    // The new master is ahead of all that the gateway has seen before its next tick.
    world.store.fail_over(standby);
    world.crowd(5).await;
    for visitor in &kept[..3] {
        world.engine.leave(&world.queue, visitor.id).await.unwrap();
    }
    world.tick().await;
    assert_exact(&world, &gateway).await;
    stream.hear();
    assert!(stream.ended);
    assert!(gateway.mirror.is_doubtful(gateway.now()));
}

#[tokio::test(start_paused = true)]
async fn what_operators_ordered_outlives_a_store_that_forgot_everything() {
    let world = World::new(AdmissionLimits { rate_per_second: 100.0, cap: 100 }).await;
    let gateway = world.gateway().await;
    let orders = ControlChange {
        rate_per_second: Some(Some(5.0)),
        cap: Some(Some(7)),
        paused: Some(true),
        message: Some(Some("soon".to_owned())),
    };
    let ordered = world.engine.control(&world.queue, orders).await.unwrap();
    world.tick().await;
    world.store.empty();
    world.tick().await;
    let control = gateway.mirror.stats().unwrap().control.clone();
    assert!(control.paused);
    assert_eq!((control.limits(), control.message.as_ref()), (ordered.limits(), ordered.message.as_ref()));

    // An order that was taken back stays taken back.
    world
        .engine
        .control(&world.queue, ControlChange { paused: Some(false), ..ControlChange::default() })
        .await
        .unwrap();
    world.store.empty();
    world.tick().await;
    assert!(!gateway.mirror.stats().unwrap().control.paused);
}
