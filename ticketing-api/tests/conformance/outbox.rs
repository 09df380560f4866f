//! Messages for the gateway: none is lost, none is sent by two at once.

use std::time::Duration;

use ticketing_api::booking::payment::PaymentOutcome;

use crate::world::{World, queue};

on_both_databases! {
    a_message_is_leased_until_it_is_delivered
    a_failed_message_is_due_again_at_its_time
    two_senders_never_lease_the_same_message
}

const LEASE: Duration = Duration::from_secs(30);

async fn sell(world: &World, seats: u32) {
    let performance = world.sale(seats).await;
    for seat in 1..=seats {
        let buyer = world.buyer(10_000).await;
        let reservation = world.reserve(buyer, performance.id, &[seat]).await;
        assert!(matches!(world.pay(buyer, reservation.id).await, PaymentOutcome::Completed(_)));
    }
}

async fn a_message_is_leased_until_it_is_delivered(world: &World) {
    sell(world, 1).await;
    let due = async || world.store.due_messages(world.now(), world.now() + LEASE, 10).await.unwrap();
    let leased = due().await;
    assert_eq!((leased.len(), leased[0].attempts), (1, 0));
    let ticketing_api::store::OutboxEvent::ReleaseToken { queue: released, .. } = &leased[0].event;
    assert_eq!(released, &queue());
    assert!(due().await.is_empty());
    world.clock.advance(LEASE);
    let again = due().await;
    assert_eq!((again[0].id, again[0].attempts), (leased[0].id, 1), "its sender may have crashed");
    world.store.message_delivered(leased[0].id, world.now()).await.unwrap();
    world.clock.advance(LEASE);
    assert!(due().await.is_empty());
    world.store.message_failed(leased[0].id, world.now()).await.unwrap();
    assert!(due().await.is_empty(), "delivered is delivered");
}

async fn a_failed_message_is_due_again_at_its_time(world: &World) {
    sell(world, 1).await;
    let due = async || world.store.due_messages(world.now(), world.now() + LEASE, 10).await.unwrap();
    let leased = due().await;
    world.store.message_failed(leased[0].id, world.now() + Duration::from_secs(5)).await.unwrap();
    assert!(due().await.is_empty());
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(due().await[0].attempts, 1);
}

async fn two_senders_never_lease_the_same_message(world: &World) {
    sell(world, 6).await;
    let lease = || world.store.due_messages(world.now(), world.now() + LEASE, 4);
    let (left, right) = tokio::join!(lease(), lease());
    let (left, right) = (left.unwrap(), right.unwrap());
    assert!(left.len() <= 4 && right.len() <= 4);
    let mut ids: Vec<_> = left.iter().chain(&right).map(|message| message.id).collect();
    ids.extend(lease().await.unwrap().iter().map(|message| message.id));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6, "each once");
}
