//! How long people are told to wait, held against how long they do.

use std::time::Duration;

use contract::ids::MemberId;
use queue_gateway::{
    engine::QueueEngine,
    line::{AdmissionLimits, ControlChange, Standing},
};

use crate::{
    listener::Listener,
    world::{Visitor, World},
};

fn twenty_a_second() -> AdmissionLimits {
    AdmissionLimits { rate_per_second: 20.0, cap: 100_000 }
}

#[tokio::test(start_paused = true)]
async fn estimates_come_true() {
    let world = World::new(twenty_a_second()).await;
    let gateway = world.gateway().await;
    let mut crowd = gateway.listeners(&world, 1_000).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let (last, mut stream) = crowd.pop().unwrap();
    let estimate = gateway.wait(last.place.seq).expect("the line moves");
    let began = world.clock.now();
    while !stream.ended {
        world.tick().await;
        stream.hear();
    }
    let took = world.clock.now().duration_since(began).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let error = (estimate as f64 - took).abs() / took;
    assert!(error < 0.05, "{estimate} s took {took} s");
}

#[tokio::test(start_paused = true)]
async fn quiet_times_and_pauses_say_nothing_of_the_pace() {
    let world = World::new(twenty_a_second()).await;
    let gateway = world.gateway().await;
    // One comes every second and goes straight in: that is demand, not how fast a line moves.
    for _ in 0..60 {
        assert!(world.is_admitted(gateway.join(&world).await).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let crowd = gateway.listeners(&world, 600).await;
    let last = crowd[599].0.place.seq;
    world.tick().await;
    world.tick().await;
    assert!(matches!(gateway.wait(last), Some(28..=31)), "{:?}", gateway.wait(last));
    tokio::time::sleep(Duration::from_secs(15)).await;
    world.pause(true).await;
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert_eq!(gateway.wait(last), None);
    world.pause(false).await;
    world.tick().await;
    world.tick().await;
    assert!(matches!(gateway.wait(last), Some(13..=17)), "{:?}", gateway.wait(last));
}

/// Binds the slots of those who have been told to come in, and returns the visitors.
async fn claim_admitted(world: &World, crowd: &mut Vec<(Visitor, Listener)>) -> Vec<Visitor> {
    let mut claimed = Vec::new();
    for (visitor, stream) in crowd.iter_mut() {
        stream.hear();
        if stream.ended {
            let Standing::Admitted { admission, .. } = world.standing(*visitor).await else { panic!("{visitor:?}") };
            let member = MemberId::generate(&*world.clock);
            world.engine.claim(&world.queue, admission.token, member, None).await.unwrap();
            claimed.push(*visitor);
        }
    }
    crowd.retain(|(_, stream)| !stream.ended);
    claimed
}

#[tokio::test(start_paused = true)]
async fn while_the_cap_binds_estimates_follow_the_rate_at_which_slots_come_free() {
    let world = World::new(AdmissionLimits { rate_per_second: 50.0, cap: 10 }).await;
    let gateway = world.gateway().await;
    let mut crowd = gateway.listeners(&world, 200).await;
    let mut inside = Vec::new();
    // One of those inside is done every second.
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        inside.extend(claim_admitted(&world, &mut crowd).await);
        let Standing::Admitted { admission, .. } = world.standing(inside.remove(0)).await else { panic!("claimed") };
        world.engine.release(&world.queue, admission.token).await.unwrap();
    }
    let (ahead, last) = (crowd.len() as u64, crowd.last().unwrap().0.place.seq);
    let wait = gateway.wait(last).expect("slots come free");
    assert!(wait.abs_diff(ahead) <= ahead / 10, "{wait} s for {ahead} at one a second, not at the rate of 50");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_to_a_place_ahead_is_in_the_estimates_of_those_behind() {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 1_000 }).await;
    let gateway = world.gateway().await;
    let away = world.ghosts(200).await;
    let behind = gateway.listeners(&world, 1).await.remove(0).0;
    while !world.is_admitted(behind).await {
        world.tick().await;
    }
    // The line stands still while they come back: as slow as can be, so that there are estimates.
    world.order(ControlChange { rate_per_second: Some(Some(1.0)), ..ControlChange::default() }).await;
    let newcomer = gateway.listeners(&world, 1).await.remove(0);
    let _back: Vec<_> = away.iter().map(|visitor| gateway.listener(*visitor)).collect();
    for _ in 0..3 {
        world.tick().await;
    }
    let seq = newcomer.0.place.seq;
    let (position, wait) = (gateway.position(seq), gateway.wait(seq));
    assert_eq!(position, Some(1), "no position rises");
    assert!(matches!(wait, Some(195..=201)), "{wait:?}");
}
