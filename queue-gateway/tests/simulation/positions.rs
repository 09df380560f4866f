//! What streams and mirrors say of positions, held against the line itself.

use std::time::Duration;

use std::collections::BTreeMap;

use contract::ids::VisitorId;
use queue_gateway::line::{AdmissionLimits, Epoch, Place, Sequence};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    store::Takes,
    world::{Gateway, TICK, Visitor, World},
};

/// Every position that this gateway knows of those who have not been passed is the true one.
async fn assert_exact(world: &World, gateway: &Gateway) -> BTreeMap<Sequence, u64> {
    let (line, watermark) = (world.line().await, world.stats().await.watermark);
    let waiting: Vec<Sequence> = line.iter().copied().filter(|seq| *seq > watermark).collect();
    let census = gateway.mirror.census();
    assert_eq!(census.waiting + census.parked, line.len() as u64);
    let mut positions = BTreeMap::new();
    for (seq, expected) in waiting.iter().zip(1..) {
        let (point, outlook) = gateway.mirror.look_up(*seq).expect("they wait");
        assert_eq!((point.position, outlook.behind), (expected, census.waiting - expected));
        positions.insert(*seq, point.position);
    }
    positions
}

#[tokio::test(start_paused = true)]
async fn positions_are_those_of_the_line_in_every_tick_on_every_gateway() {
    let world = World::new(AdmissionLimits { rate_per_second: 40.0, cap: 500 }).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    let mut random = StdRng::seed_from_u64(7);
    let listeners = one.listeners(&world, 600).await;
    let mut crowd: Vec<Visitor> = listeners.iter().map(|(visitor, _)| *visitor).collect();
    let mut streams: BTreeMap<_, _> =
        listeners.into_iter().map(|(visitor, stream)| (visitor.place.seq, stream)).collect();
    // Until both know of the crowd, and the first to step takes all the credit of a tick.
    world.tick().await;
    world.tick().await;
    for _ in 0..150 {
        for _ in 0..random.random_range(0..12) {
            let visitor = world.ghost().await;
            if random.random_bool(0.8) {
                streams.insert(visitor.place.seq, one.listener(visitor));
            }
            crowd.push(visitor);
        }
        for _ in 0..random.random_range(0..6) {
            let leaver = crowd.swap_remove(random.random_range(0..crowd.len()));
            world.leave(leaver).await;
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
                None => assert!(stream.ended || !events.is_empty(), "{seq:?} was told that the place is gone"),
            }
        }
        streams.retain(|_, stream| !stream.ended);
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_restored_ahead_makes_no_position_rise() {
    let world = World::new(AdmissionLimits { rate_per_second: 0.0, cap: 1 }).await;
    let gateway = world.gateway().await;
    let newcomers = world.ghosts(4).await;
    world.tick().await;
    let mut stream = gateway.stream(newcomers[3]).await;
    assert_eq!(stream.names(), ["position", "resumed"]);
    assert_eq!(stream.position, Some(4));

    // Fifty come back with tokens of a store that every gateway has forgotten.
    let epoch = gateway.mirror.epoch().unwrap();
    let old: Vec<Place> = (1..=50).map(|seq| Place { epoch: Epoch(epoch.0 - 9_000_000), seq: Sequence(seq) }).collect();
    for place in old.iter().rev() {
        let back = world.rejoin(VisitorId::generate(&*world.clock), Some(*place)).await;
        assert!(back.place.seq.0 <= 0, "{back:?}");
    }
    for _ in 0..150 {
        world.tick().await;
        stream.hear();
    }
    assert_exact(&world, &gateway).await;
    assert_eq!(stream.position, Some(4), "the true position rose, the one shown did not");
    let expected = old.iter().map(|place| place.relative_to(epoch));
    let old_line = world.line().await;
    assert!(old_line.iter().copied().take(50).eq(expected), "in their order");
}

#[tokio::test(start_paused = true)]
async fn a_long_line_is_read_in_pages_while_it_moves() {
    let world = World::with_log(AdmissionLimits { rate_per_second: 200.0, cap: 100_000 }, 200).await;
    let one = world.gateway().await;
    let _present = one.listeners(&world, 2_000).await;
    world.ghosts(23_000).await;
    // The log does not reach back to the beginning any more.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.store.slow_down(Takes { page: TICK, ..Takes::default() });
    let late = world.gateway().await;
    let before = world.admitted_total().await;
    world.tick().await;
    assert!(late.mirror.stats().is_none(), "three pages, the front and the slots take longer");
    assert!(world.admitted_total().await > before, "the line moves meanwhile");
    for _ in 0..6 {
        world.tick().await;
    }
    world.store.slow_down(Takes::default());
    assert_eq!(assert_exact(&world, &one).await, assert_exact(&world, &late).await);
}

#[tokio::test(start_paused = true)]
async fn a_late_gateway_reads_a_snapshot_and_the_log_after_it() {
    let world = World::with_log(AdmissionLimits { rate_per_second: 0.0, cap: 1 }, 30_000).await;
    let one = world.gateway().await;
    let crowd = world.ghosts(80_000).await;
    for some in crowd[..36_000].chunks(2_000) {
        for visitor in some {
            world.leave(*visitor).await;
        }
        world.tick().await;
    }
    // The log goes back to its beginning no more, and the line is not read.
    world.store.set_unreadable(true);
    let late = world.gateway().await;
    world.tick().await;
    assert!(late.mirror.is_current());
    assert_eq!(late.position(crowd[40_000].place.seq), Some(4_001));
    world.store.set_unreadable(false);
    assert_eq!(assert_exact(&world, &one).await, assert_exact(&world, &late).await);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_no_snapshot_stops_nobody() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    let _present = gateway.listeners(&world, 100).await;
    world.store.set_without_snapshots(true);
    for visitor in world.ghosts(20_100).await {
        world.leave(visitor).await;
    }
    world.tick().await;
    let admitted = world.admitted_total().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(gateway.mirror.is_current() && world.admitted_total().await >= admitted + 19);
}
