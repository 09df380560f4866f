//! Queues that nobody is interested in.

use std::time::Duration;

use queue_gateway::line::{AdmissionLimits, ControlChange};

use crate::world::{GRACE, TICK, World, told};

const IDLE: Duration = Duration::from_secs(10);

async fn world(rate_per_second: f64) -> World {
    World::new(AdmissionLimits { rate_per_second, cap: 100 }).await.idle_after(IDLE)
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_nobody_asks_for_costs_the_store_nothing() {
    let world = world(0.0).await;
    let gateways = [world.gateway().await, world.gateway().await];
    world.ghosts(20).await;
    let visitor = gateways[0].join(&world).await;
    tokio::time::sleep(2 * IDLE).await;
    assert!(world.store.asked() > 200, "somebody is here");
    world.leave(visitor).await;
    gateways[0].presence.lock().forget(visitor.id);
    tokio::time::sleep(2 * IDLE).await;
    world.store.asked();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(world.store.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_after_a_rest_is_told_how_things_stand_now() {
    let world = world(0.0).await;
    let (rested, busy) = (world.gateway().await, world.gateway().await);
    let crowd = world.ghosts(20).await;
    tokio::time::sleep(2 * IDLE).await;
    for visitor in &crowd[..7] {
        world.leave(*visitor).await;
    }
    let newcomer = busy.join(&world).await;
    world.order(ControlChange { message: Some(Some("soon".to_owned())), ..ControlChange::default() }).await;
    world.store.asked();
    let answer = rested.poll(crowd[19]).await;
    assert_eq!(told(&answer), Some(13));
    assert_eq!(rested.mirror.stats().unwrap().control.message.as_deref(), Some("soon"));
    assert_eq!(rested.position(newcomer.place.seq), Some(14));
    assert!(world.store.asked() <= 6, "a step, a reading, and the steps of the busy one meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_rests_holds_up_nobody_and_whoever_comes_to_it_is_not_passed() {
    let world = world(1.0).await;
    let (rested, busy) = (world.gateway().await, world.gateway().await);
    tokio::time::sleep(2 * IDLE).await;
    assert!(world.is_admitted(busy.join(&world).await).await, "straight in, past a gateway that rests");
    let first = rested.join(&world).await;
    let second = busy.join(&world).await;
    assert!(!world.is_admitted(first).await && !world.is_admitted(second).await, "the credit of this second is used");
    tokio::time::sleep(Duration::from_secs(1) + 3 * TICK).await;
    assert!(world.is_admitted(first).await);
    assert!(!world.is_admitted(second).await);
    tokio::time::sleep(Duration::from_secs(1) + TICK).await;
    assert!(world.is_admitted(second).await);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_goes_on_while_people_are_at_the_site() {
    let world = world(1.0).await;
    let gateway = world.gateway().await;
    let visitor = gateway.join(&world).await;
    assert!(world.is_admitted(visitor).await);
    tokio::time::sleep(2 * IDLE).await;
    assert_eq!(gateway.mirror.stats().unwrap().active, 0, "the no-show was swept");
    tokio::time::sleep(GRACE + 2 * IDLE).await;
    world.store.asked();
    tokio::time::sleep(GRACE).await;
    assert_eq!(world.store.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_rests_while_the_store_is_lost_wakes_in_the_new_one() {
    let world = world(0.0).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(3).await;
    tokio::time::sleep(2 * IDLE).await;
    world.store.empty();
    tokio::time::sleep(IDLE).await;
    let answer = gateway.poll(crowd[2]).await;
    assert_eq!(told(&answer), Some(1), "back at the old place, and alone");
    let answer = gateway.poll(crowd[0]).await;
    assert_eq!(told(&answer), Some(1));
}
