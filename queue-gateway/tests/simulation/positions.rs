//! What streams and replicas say of positions, held against the line itself.

use std::{collections::BTreeMap, time::Duration};

use queue_gateway::{
    engine::{Limits, QueueEngine, Sequence},
    room::place::Outlook,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::world::{Gateway, Visitor, World};

/// Every position by this gateway is the true one.
async fn assert_exact(world: &World, gateway: &Gateway) -> BTreeMap<Sequence, u64> {
    let line = world.line().await;
    let mut positions = BTreeMap::new();
    for (seq, expected) in line.iter().zip(1..) {
        let Outlook::Waiting { position, behind, .. } = gateway.replica.outlook(*seq) else { panic!("{seq:?} waits") };
        assert_eq!((position, behind), (expected, line.len() as u64 - expected));
        positions.insert(*seq, position);
    }
    positions
}

#[tokio::test(start_paused = true)]
async fn positions_are_those_of_the_line_in_every_tick_on_every_gateway() {
    let world = World::new(Limits { rate_per_second: 40.0, cap: 500 }).await;
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
    let world = World::new(Limits { rate_per_second: 1.0, cap: 1 }).await;
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
    let expected = before.iter().map(|old| old.place.relative_to(gateway.replica.epoch().unwrap()));
    assert!(old_line.iter().copied().take(45).all(|seq| expected.clone().any(|place| place == seq)), "in their order");
}

#[tokio::test(start_paused = true)]
async fn estimates_come_true() {
    let world = World::new(Limits { rate_per_second: 20.0, cap: 100_000 }).await;
    let gateway = world.gateway().await;
    let crowd = world.crowd(1_001).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let last = crowd[1_000];
    let Outlook::Waiting { position, wait: Some(wait), .. } = gateway.replica.outlook(last.place.seq) else {
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
