//! What streams and mirrors say of positions, held against the line itself.

use std::{collections::BTreeMap, time::Duration};

use queue_gateway::{
    engine::QueueEngine,
    line::{AdmissionLimits, ControlChange, Outlook, Sequence},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::world::{Gateway, TICK, Visitor, World};

/// Every position by this gateway is the true one.
async fn assert_exact(world: &World, gateway: &Gateway) -> BTreeMap<Sequence, u64> {
    let line = world.line().await;
    let mut positions = BTreeMap::new();
    for (seq, expected) in line.iter().zip(1..) {
        let Outlook::Waiting { position, behind, .. } = gateway.mirror.outlook(*seq) else { panic!("{seq:?} waits") };
        assert_eq!((position, behind), (expected, line.len() as u64 - expected));
        positions.insert(*seq, position);
    }
    positions
}

#[tokio::test(start_paused = true)]
async fn positions_are_those_of_the_line_in_every_tick_on_every_gateway() {
    let world = World::new(AdmissionLimits { rate_per_second: 40.0, cap: 500 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let mut random = StdRng::seed_from_u64(7);
    let mut crowd: Vec<Visitor> = world.crowd(600).await;
    let mut streams = BTreeMap::new();
    for _ in 0..150 {
        for _ in 0..random.random_range(0..12) {
            let visitor = world.join().await;
            streams.insert(visitor.place.seq, one.stream(&world, visitor).await);
            crowd.push(visitor);
        }
        for _ in 0..random.random_range(0..6) {
            let leaver = crowd.swap_remove(random.random_range(0..crowd.len()));
            world.engine.leave(&world.queue, leaver.id).await.unwrap();
        }
        world.tick().await;
        let positions = assert_exact(&world, &one).await;
        assert_eq!(positions, assert_exact(&world, &other).await);
        for (seq, stream) in &mut streams {
            let events = stream.hear();
            match positions.get(seq) {
                // Farther back a stream may lag by a step that nobody can see, never more.
                Some(&exact) => {
                    let shown = stream.position.unwrap();
                    assert!(exact <= shown && shown - exact <= shown / 128, "{shown} shown at {exact}");
                }
                None => assert!(stream.ended || !events.is_empty(), "{seq:?} was told that his place is gone"),
            }
        }
        streams.retain(|_, stream| !stream.ended);
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_restored_ahead_makes_no_position_rise() {
    let world = World::new(AdmissionLimits { rate_per_second: 1.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let before = world.crowd(50).await;
    world.store.empty();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let newcomers = world.crowd(4).await;
    world.tick().await;
    let last = newcomers[3];
    let mut stream = gateway.stream(&world, last).await;
    assert_eq!(stream.names(), ["position", "resumed"]);
    let shown = stream.position.unwrap();

    for old in before.iter().rev() {
        let back = world.rejoin(old.id, Some(old.place)).await;
        assert!(back.place.seq.0 <= 0, "{back:?}");
    }
    for _ in 0..150 {
        world.tick().await;
        stream.hear();
    }
    assert_exact(&world, &gateway).await;
    assert_eq!(stream.position, Some(shown), "the true position rose, the one shown did not");
    let old_line = world.line().await;
    let expected = before.iter().map(|old| old.place.relative_to(gateway.mirror.epoch().unwrap()));
    assert!(old_line.iter().copied().take(45).all(|seq| expected.clone().any(|place| place == seq)), "in their order");
}

#[tokio::test(start_paused = true)]
async fn estimates_come_true() {
    let world = World::new(AdmissionLimits { rate_per_second: 20.0, cap: 100_000 }).await;
    let gateway = world.gateway().await;
    let crowd = world.crowd(1_001).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let last = crowd[1_000];
    let Outlook::Waiting { position, wait: Some(wait), .. } = gateway.mirror.outlook(last.place.seq) else {
        panic!("he waits, and the line moves");
    };
    let began = gateway.now();
    let mut stream = gateway.stream(&world, last).await;
    while !stream.ended {
        world.tick().await;
        stream.hear();
    }
    let took = gateway.now().duration_since(began).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let error = (wait.p50_seconds as f64 - took).abs() / took;
    assert!(error < 0.05, "{wait:?} at {position} took {took}");
}

#[tokio::test(start_paused = true)]
async fn a_long_line_is_read_in_pages_while_it_moves() {
    let world = World::new(AdmissionLimits { rate_per_second: 200.0, cap: 100_000 }).await;
    let one = world.gateway().await;
    world.crowd(25_000).await;
    world.tick().await;
    world.store.slow_down_pages(TICK);
    let late = world.gateway().await;
    let before = world.admitted_total().await;
    for _ in 0..2 {
        world.tick().await;
        assert!(late.mirror.stats().is_none(), "two pages of three are read");
    }
    assert!(world.admitted_total().await > before, "the line moves meanwhile");
    for _ in 0..2 {
        world.tick().await;
    }
    world.store.slow_down_pages(Duration::ZERO);
    assert_eq!(assert_exact(&world, &one).await, assert_exact(&world, &late).await);
}

#[tokio::test(start_paused = true)]
async fn quiet_times_and_pauses_say_nothing_of_the_pace() {
    let world = World::new(AdmissionLimits { rate_per_second: 20.0, cap: 100_000 }).await;
    let gateway = world.gateway().await;
    // One comes every second and goes straight in: that is demand, not how fast a line moves.
    for _ in 0..60 {
        world.join().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let crowd = world.crowd(2_001).await;
    let wait = async |number: usize| {
        world.tick().await;
        match gateway.mirror.outlook(crowd[number].place.seq) {
            Outlook::Waiting { wait, .. } => wait.map(|wait| wait.p50_seconds),
            Outlook::Departed => panic!("he waits"),
        }
    };
    assert!(matches!(wait(2_000).await, Some(98..=101)), "{:?}", wait(2_000).await);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let pause = |paused| ControlChange { paused: Some(paused), ..ControlChange::default() };
    world.engine.control(&world.queue, pause(true)).await.unwrap();
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert_eq!(wait(2_000).await, None);
    world.engine.control(&world.queue, pause(false)).await.unwrap();
    assert!(matches!(wait(2_000).await, Some(77..=82)), "{:?}", wait(2_000).await);
}
