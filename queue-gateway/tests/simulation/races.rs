//! Things that happen at the same time.

use std::time::Duration;

use futures_util::future::join_all;
use queue_gateway::{
    engine::{EngineError, MOST_JOINS},
    line::{AdmissionLimits, Sequence},
    waiting_room::{Refusal, View},
};
use tokio::time::Instant;

use crate::{
    store::Takes,
    world::{Gateway, TICK, World},
};

fn nobody_is_admitted() -> AdmissionLimits {
    AdmissionLimits { rate_per_second: 0.0, cap: 1 }
}

async fn assert_exact(world: &World, gateway: &Gateway) {
    for (seq, expected) in world.line().await.into_iter().zip(1..) {
        assert_eq!(gateway.position(seq), Some(expected), "{seq:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_from_before_a_fail_over_that_arrives_after_it_is_read_again() {
    let world = World::new(nobody_is_admitted()).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(20).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    for visitor in &crowd[..5] {
        world.leave(*visitor).await;
    }
    world.tick().await;
    world.leave(crowd[5]).await;
    world.store.slow_down(Takes { tail: 3 * TICK, ..Takes::default() });
    let poll = gateway.poll(crowd[19]);
    let fail_over = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        world.store.slow_down(Takes::default());
        world.store.set_back(standby);
        world.tick().await;
        gateway.listener(crowd[18])
    };
    let (answer, mut stream) = tokio::join!(poll, fail_over);
    assert!(matches!(answer.view, View::Waiting { .. }));
    world.until_whole().await;
    assert_exact(&world, &gateway).await;
    assert_eq!(world.line().await.len(), 15, "whoever was known to have left has left");
    stream.hear();
    assert!(!stream.ended);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_a_reading_in_full_has_overtaken_is_no_loss() {
    let world = World::with_log(nobody_is_admitted(), 8).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(50).await;
    let mut stream = gateway.listener(crowd[49]);
    world.tick().await;
    stream.hear();
    world.store.slow_down(Takes { step: 2 * TICK, ..Takes::default() });
    // A step is on its way back while more departs than the log keeps.
    world.tick().await;
    for visitor in &crowd[..20] {
        world.leave(*visitor).await;
    }
    gateway.poll(crowd[48]).await;
    world.store.slow_down(Takes::default());
    assert_eq!(gateway.position(crowd[49].place.seq), Some(30));
    tokio::time::sleep(5 * TICK).await;
    assert!(!gateway.mirror.is_doubtful(world.clock.now()), "nothing was lost");
    stream.hear();
    assert!(!stream.ended);
    assert_exact(&world, &gateway).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_reply_to_their_join_is_not_passed_meanwhile() {
    let world = World::new(AdmissionLimits { rate_per_second: 1.0, cap: 100 }).await;
    let (here, there) = (world.gateway().await, world.gateway().await);
    assert!(world.is_admitted(here.join(&world).await).await, "and takes the credit of a second");
    world.store.slow_down(Takes { join: Duration::from_millis(1_900), ..Takes::default() });
    let first = here.join(&world);
    let second = async {
        tokio::time::sleep(TICK / 2).await;
        world.store.slow_down(Takes::default());
        let second = there.join(&world).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(!world.is_admitted(second).await, "somebody goes before them");
        second
    };
    let (first, second) = tokio::join!(first, second);
    tokio::time::sleep(3 * TICK).await;
    assert!(world.is_admitted(first).await);
    assert!(!world.is_admitted(second).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(world.is_admitted(second).await);
}

#[tokio::test(start_paused = true)]
async fn whoever_joins_while_a_join_is_under_way_shares_the_next_call() {
    let world = World::new(nobody_is_admitted()).await;
    let gateway = world.gateway().await;
    world.store.slow_down(Takes { join: TICK / 4, ..Takes::default() });
    world.tick().await;
    world.store.asked();
    let crowd = join_all((0..100).map(|_| gateway.join(&world))).await;
    let asked = world.store.asked();
    assert!(asked < 5, "{asked} calls for 100 joins");
    let places: Vec<Sequence> = crowd.iter().map(|visitor| visitor.place.seq).collect();
    assert_eq!(places, (1..=100).map(Sequence).collect::<Vec<_>>(), "in the order in which they came");
}

#[tokio::test(start_paused = true)]
async fn while_the_store_hangs_joins_are_refused_in_time_and_leave_nothing_behind() {
    let world = World::new(nobody_is_admitted()).await;
    let gateway = world.gateway().await;
    world.store.slow_down(Takes { join: Duration::from_secs(30), ..Takes::default() });
    let asked = Instant::now();
    let replies = join_all((0..1_000).map(|_| gateway.try_join(&world))).await;
    assert!(replies.iter().all(|reply| matches!(reply, Err(Refusal::Engine(EngineError::Unavailable(_))))));
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    world.store.slow_down(Takes::default());
    tokio::time::sleep(Duration::from_secs(30)).await;
    let after = gateway.join(&world).await;
    let places = world.line().await;
    assert!(places.len() <= MOST_JOINS + 1, "{} places, more than one step and the one who came after", places.len());
    assert_eq!(places.last(), Some(&after.place.seq));
}

#[tokio::test(start_paused = true)]
async fn a_fail_over_that_a_poll_meets_first_leaves_nobody_ready_who_is_gone() {
    let world = World::new(nobody_is_admitted()).await;
    let gateway = world.gateway().await;
    let streams = gateway.listeners(&world, 20).await;
    let others = world.ghosts(5).await;
    world.tick().await;
    world.tick().await;
    assert_eq!(world.stats().await.ready, 20);
    let standby = world.store.cut_off_standby();
    for visitor in &others[..3] {
        world.leave(*visitor).await;
    }
    world.tick().await;
    world.store.set_back(standby);
    gateway.poll(others[4]).await;
    drop(streams);
    tokio::time::sleep(Duration::from_secs(80)).await;
    assert_eq!(world.stats().await.ready, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_lingers_ends_nobodys_later_presence() {
    let world = World::new(nobody_is_admitted()).await;
    let gateway = world.gateway().await;
    let (visitor, lingering) = gateway.listeners(&world, 1).await.remove(0);
    let others = world.ghosts(3).await;
    world.tick().await;
    let standby = world.store.cut_off_standby();
    for visitor in &others {
        world.leave(*visitor).await;
    }
    world.tick().await;
    // Everybody is sent back, but the old connection is dead and its end is not noticed yet.
    world.store.set_back(standby);
    world.tick().await;
    let _stream = gateway.stream(visitor).await;
    drop(lingering);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.stats().await.ready, 1, "they listen");
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_new_place_in_another_tab_listens_for_that_one() {
    let world = World::new(nobody_is_admitted()).await;
    let gateway = world.gateway().await;
    let visitor = world.ghost().await;
    let mut tab = gateway.listener(visitor);
    tab.hear();
    world.ghosts(9).await;
    world.leave(visitor).await;
    let anew = world.rejoin(visitor.id, None).await;
    world.tick().await;
    let last = tab.hear().pop().unwrap();
    assert!(
        tab.ended && last.retry_ms.is_some_and(|retry| retry < 5_000),
        "the stream is to be opened again: {last:?}"
    );

    let mut tab = gateway.stream(anew).await;
    tab.hear();
    assert_eq!(tab.position, Some(10), "the place that they have now");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.stats().await.ready, 1, "and they are there for it");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_longer_than_its_tick_delays_the_next_and_costs_nobody_anything() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let (slow, other) = (world.gateway().await, world.gateway().await);
    let mut crowd = slow.listeners(&world, 100).await;
    crowd.extend(other.listeners(&world, 100).await);
    world.tick().await;
    world.store.slow_down(Takes { step: 7 * TICK, ..Takes::default() });
    world.store.asked();
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert!(world.store.asked() <= 2 * 21, "steps do not pile up");
    let admitted = world.admitted_total().await;
    assert!((130..=152).contains(&admitted), "{admitted}");
    let told = crowd.iter_mut().filter_map(|(_, stream)| {
        stream.hear();
        stream.ended.then_some(())
    });
    assert!(told.count() as u64 + 20 >= admitted, "and whoever is admitted hears of it");
}
