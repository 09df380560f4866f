//! The priority lane as gateways and streams tell of it.

use std::time::Duration;

use contract::ids::VisitorId;
use queue_gateway::line::{AdmissionLimits, ControlChange};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    listener::Listener,
    world::{Gateway, TICK, Visitor, World},
};

const LIMITS: AdmissionLimits = AdmissionLimits { rate_per_second: 40.0, cap: 10_000 };

impl Gateway {
    /// So many join with an invitation, and listen.
    async fn invited(&self, world: &World, number: usize) -> Vec<(Visitor, Listener)> {
        let mut lane = Vec::new();
        for _ in 0..number {
            let visitor = self.join_invited(VisitorId::generate(&*world.clock), world).await;
            lane.push((visitor, self.listener(visitor)));
        }
        lane
    }
}

#[tokio::test(start_paused = true)]
async fn positions_in_both_lanes_only_fall_and_are_the_same_on_every_gateway() {
    let world = World::new(LIMITS).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    world.pause(true).await;
    let mut random = StdRng::seed_from_u64(7);
    let mut crowd = one.listeners(&world, 400).await;
    crowd.extend(one.invited(&world, 100).await);
    crowd.extend(other.invited(&world, 100).await);
    world.tick().await;
    world.pause(false).await;
    let mut told = vec![u64::MAX; 2_000];
    for _ in 0..80 {
        if random.random_bool(0.5) {
            crowd.extend(other.invited(&world, 1).await);
        }
        if random.random_bool(0.3) {
            let (leaver, _) = &crowd[random.random_range(0..crowd.len())];
            world.leave(*leaver).await;
        }
        world.tick().await;
        // Half a tick later the other has read what the first wrote.
        for ((visitor, stream), told) in crowd.iter_mut().zip(&mut told) {
            stream.hear();
            let positions = (one.position(visitor.place.seq), other.position(visitor.place.seq));
            if let (Some(one), Some(other)) = positions {
                assert_eq!(one, other, "{visitor:?}");
                assert!(one <= *told, "{visitor:?} goes back from {told} to {one}");
                *told = one;
            }
        }
    }
    let totals = world.stats().await.totals;
    let due = totals.admitted / 4;
    assert!(totals.admitted > 250 && totals.admitted_invited.abs_diff(due) <= 2, "{totals:?}");
}

#[tokio::test(start_paused = true)]
async fn estimates_go_by_the_pace_of_the_lane() {
    let world = World::new(LIMITS).await;
    let gateway = world.gateway().await;
    world.pause(true).await;
    let general = gateway.listeners(&world, 600).await;
    let lane = gateway.invited(&world, 200).await;
    world.tick().await;
    world.pause(false).await;
    tokio::time::sleep(2 * TICK).await;
    let guessed = [gateway.wait(lane[100].0.place.seq), gateway.wait(general[300].0.place.seq)].map(Option::unwrap);
    assert!(guessed.iter().all(|wait| (9..=11).contains(wait)), "by the share at first: {guessed:?}");
    tokio::time::sleep(120 * TICK).await;
    let measured = [gateway.wait(lane[199].0.place.seq), gateway.wait(general[599].0.place.seq)].map(Option::unwrap);
    assert!(measured.iter().all(|wait| (7..=9).contains(wait)), "ten and thirty a second: {measured:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_and_changes_lanes_is_told_to_come_again_and_goes_first() {
    let world = World::new(LIMITS).await;
    let (one, other) = (world.gateway().await, world.gateway().await);
    world.pause(true).await;
    let mut general = one.listeners(&world, 50).await;
    world.tick().await;
    let (last, stream) = general.last_mut().unwrap();
    stream.hear();
    let invited = other.join_invited(last.id, &world).await;
    world.tick().await;
    let events = stream.hear();
    assert!(stream.ended && events.iter().all(|event| event.retry_ms.is_some()), "{events:?}");
    let mut again = one.stream(invited).await;
    let place = again.hear().swap_remove(0).data;
    assert_eq!((&place["position"], &place["invited"]), (&1.into(), &true.into()));
    world.order(ControlChange { rate_per_second: Some(Some(1.0)), ..ControlChange::default() }).await;
    world.tick().await;
    world.pause(false).await;
    // One turn in four is that of the lane.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(again.names().contains(&"admitted".to_owned()));
    assert_eq!(world.stats().await.totals.admitted_invited, 1);
}
