//! Queues that nobody is interested in.

use std::time::Duration;

use queue_gateway::{
    line::{AdmissionLimits, ControlChange, QueueState},
    waiting_room::View,
};

use crate::world::{GRACE, TICK, World, told};

const IDLE: Duration = Duration::from_secs(10);

async fn world(rate_per_second: f64) -> World {
    World::new(AdmissionLimits { rate_per_second, cap: 100 }).await.idle_after(IDLE)
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_nobody_asks_for_is_looked_at_once_a_minute_and_no_more() {
    let world = world(0.0).await;
    let gateways = [world.gateway().await, world.gateway().await];
    let crowd = world.ghosts(20).await;
    let visitor = gateways[0].join(&world).await;
    tokio::time::sleep(2 * IDLE).await;
    assert!(world.store.asked() > 200, "somebody is here");
    world.leave(visitor).await;
    gateways[0].presence.lock().forget(visitor.id);
    tokio::time::sleep(2 * IDLE).await;
    world.leave(crowd[0]).await;
    world.store.asked();
    tokio::time::sleep(Duration::from_hours(1)).await;
    let asked = world.store.asked();
    assert!(asked <= 2 * 2 * 60, "{asked} calls in an hour: numbers and the end of the log, for two gateways");
    assert_eq!(gateways[1].position(crowd[1].place.seq), Some(1), "and what happened is known");
}

#[tokio::test(start_paused = true)]
async fn whoever_lost_their_place_while_the_queue_was_at_rest_is_told_so() {
    let world = world(0.0).await;
    let gateway = world.gateway().await;
    world.ghosts(50).await;
    tokio::time::sleep(2 * IDLE).await;
    let standby = world.store.cut_off_standby();
    let lost = world.ghosts(10).await;
    world.store.set_back(standby);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let newcomers = world.ghosts(5).await;
    assert_eq!(newcomers[3].place, lost[3].place, "the store issues the same places again");
    let answer = gateway.poll(lost[3]).await;
    assert!(matches!(answer.view, View::Gone { .. }), "{answer:?}");
    assert_eq!(told(&gateway.poll(newcomers[3]).await), Some(54));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_wakes_holds_up_nobody() {
    let world = world(1.0).await;
    let (rested, busy) = (world.gateway().await, world.gateway().await);
    let ghosts = world.ghosts(20).await;
    tokio::time::sleep(2 * IDLE).await;
    world.ghosts(10).await;
    rested.poll(ghosts[0]).await;
    rested.presence.lock().forget(ghosts[0].id);
    let newcomer = busy.join(&world).await;
    assert!(world.is_admitted(newcomer).await, "its first report knows of all places");
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
    assert_eq!(rested.mirror.stats().unwrap().control.message(), Some("soon"));
    assert_eq!(rested.position(newcomer.place.seq), Some(14));
    assert!(world.store.asked() <= 8, "a few calls, and the steps of the busy one meanwhile");
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
    assert!(world.store.asked() <= 2, "a look at the most");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_rests_while_the_store_is_lost_gives_it_the_line_back_when_it_wakes() {
    let world = world(0.0).await;
    let gateway = world.gateway().await;
    let crowd = world.ghosts(3).await;
    tokio::time::sleep(2 * IDLE).await;
    world.store.empty();
    tokio::time::sleep(IDLE).await;
    // Whoever asks first may have to ask again.
    let _wakes_the_gateway = gateway.try_poll(crowd[2]).await;
    world.until_whole().await;
    let answer = gateway.poll(crowd[2]).await;
    assert_eq!(told(&answer), Some(3), "at the old place, behind those who are yet to come back");
    let answer = gateway.poll(crowd[0]).await;
    assert_eq!(told(&answer), Some(1));
}

/// Claims and releases of the slots there are refused until a step has settled it.
#[tokio::test(start_paused = true)]
async fn a_queue_at_rest_whose_store_waits_for_its_gateways_is_settled_by_itself() {
    let world = world(0.0).await;
    let gateways = [world.gateway().await, world.gateway().await];
    world.ghosts(3).await;
    tokio::time::sleep(2 * IDLE).await;
    let standby = world.store.cut_off_standby();
    world.store.fail_over(standby);
    assert_eq!(world.stats().await.state(), QueueState::Rejoining);
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(world.stats().await.state(), QueueState::Open);
    tokio::time::sleep(2 * IDLE).await;
    world.store.asked();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(world.store.asked() <= 2 * 2 * 10 + 2, "and it rests again");
    assert_eq!(gateways[1].mirror.census().waiting, 3);
}

#[tokio::test(start_paused = true)]
async fn of_two_gateways_that_rest_the_first_who_is_asked_waits_for_no_other() {
    let world = world(0.0).await;
    let first = world.gateway().await;
    let rests_later = world.gateway().await;
    let crowd = world.ghosts(3).await;
    rests_later.poll(crowd[0]).await;
    tokio::time::sleep(30 * IDLE).await;
    world.store.empty();
    let _wakes_the_gateway = first.try_poll(crowd[0]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.stats().await.state(), QueueState::Open);
    assert_eq!(told(&first.poll(crowd[2]).await), Some(3));
}
