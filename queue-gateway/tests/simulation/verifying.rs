//! A site that asks for each part of its pages whether their visitor was admitted.

use std::time::Duration;

use contract::ids::ActiveTokenId;
use futures_util::future::join_all;
use queue_gateway::line::{Admission, AdmissionLimits};

use crate::world::{CLAIM, Gateway, Visitor, World};

/// Somebody who was admitted at once.
async fn admitted() -> (World, Gateway, Visitor, Admission) {
    let world = World::new(AdmissionLimits { rate_per_second: 10.0, cap: 10 }).await;
    let gateway = world.gateway().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let visitor = gateway.join(&world).await;
    let (visitor, admission) = world.admitted(&[visitor]).await[0];
    (world, gateway, visitor, admission)
}

#[tokio::test(start_paused = true)]
async fn all_parts_of_a_page_cost_the_store_as_much_as_one() {
    let (world, gateway, visitor, admission) = admitted().await;
    assert!(gateway.verifies(visitor, admission).await);
    world.store.asked();
    let parts = join_all((0..200).map(|_| gateway.verifies(visitor, admission))).await;
    let asked = world.store.asked();
    assert!(parts.into_iter().all(|passes| passes));
    assert!(asked <= 3, "asked {asked} times");
}

#[tokio::test(start_paused = true)]
async fn a_slot_lasts_while_its_visitor_looks_at_pages() {
    let (_world, gateway, visitor, admission) = admitted().await;
    // Up to twice as long as without.
    for _ in 0..7 {
        assert!(gateway.verifies(visitor, admission).await);
        tokio::time::sleep(CLAIM / 4).await;
    }
    tokio::time::sleep(CLAIM).await;
    assert!(!gateway.verifies(visitor, admission).await, "they have not looked for too long");
}

#[tokio::test(start_paused = true)]
async fn a_token_of_before_opens_nothing_beside_a_turn_of_now() {
    let (world, gateway, visitor, admission) = admitted().await;
    let mut then = visitor;
    then.place.epoch.0 -= 1;
    let before = Admission { token: ActiveTokenId::generate(&*world.clock), ..admission };
    assert!(!gateway.verifies(then, before).await);
    world.leave(visitor).await;
    assert!(gateway.verifies(then, before).await, "who was admitted then goes on with that");
}
