//! What is known of active tokens.

use std::time::Duration;

use contract::ids::ActiveTokenId;
use secrecy::ExposeSecret;
use ticketing_api::store::{RepeatedClaim, TokenState};

use crate::world::{HOLD, REPEAT_AFTER, TURN, World, nobody, queue};

on_both_databases! {
    a_claim_is_remembered_until_it_is_forgotten
    a_later_claim_replaces_an_earlier_one
    a_live_claim_is_told_again_and_again_each_time_by_one
    a_claim_is_told_no_more_once_its_token_has_ended_or_is_about_to
}

async fn a_claim_is_remembered_until_it_is_forgotten(world: &World) {
    let buyer = world.buyer(0).await;
    assert_eq!(world.store.token_state(ActiveTokenId(nobody())).await.unwrap(), TokenState::Unclaimed);
    let claim = world.record_claim(buyer, world.now() + HOLD).await;
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Claimed(claim.clone()));
    world.store.forget(claim.expires_at, 10).await.unwrap();
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Claimed(claim.clone()));
    world.store.forget(claim.expires_at + Duration::from_micros(1), 10).await.unwrap();
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Unclaimed);
}

async fn a_later_claim_replaces_an_earlier_one(world: &World) {
    let buyer = world.buyer(0).await;
    world.record_claim(buyer, world.now()).await;
    let renewed = world.record_claim(buyer, world.now() + HOLD).await;
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Claimed(renewed));
}

async fn told_again(world: &World, limit: u32) -> Vec<RepeatedClaim> {
    world.store.claims_to_repeat(world.now(), world.now() + REPEAT_AFTER, limit).await.unwrap()
}

async fn a_live_claim_is_told_again_and_again_each_time_by_one(world: &World) {
    let buyers = [world.buyer(0).await, world.buyer(0).await, world.buyer(0).await];
    for buyer in buyers {
        world.record_claim(buyer, world.now() + TURN).await;
    }
    assert!(told_again(world, 9).await.is_empty(), "they have just been told");
    for _ in 0..2 {
        world.clock.advance(REPEAT_AFTER);
        let (one, other) = tokio::join!(told_again(world, 2), told_again(world, 2));
        assert!(one.len() <= 2 && other.len() <= 2);
        let mut told: Vec<RepeatedClaim> = one.into_iter().chain(other).collect();
        told.extend(told_again(world, 9).await);
        assert_eq!(told.len(), 3, "each once");
        for buyer in buyers {
            let claim = told.iter().find(|claim| claim.token == buyer.token).unwrap();
            assert_eq!((claim.holder, &claim.queue), (buyer.member, &queue()));
            assert_eq!(claim.active_token.expose_secret(), buyer.token.to_string(), "as it was recorded");
        }
    }
}

async fn a_claim_is_told_no_more_once_its_token_has_ended_or_is_about_to(world: &World) {
    let (left, short, lasting) = (world.buyer(0).await, world.buyer(0).await, world.buyer(0).await);
    for (buyer, life) in [(left, TURN), (short, 2 * REPEAT_AFTER), (lasting, TURN)] {
        world.record_claim(buyer, world.now() + life).await;
    }
    world.leave(left).await.unwrap();
    for _ in 0..3 {
        world.clock.advance(REPEAT_AFTER);
        let told: Vec<_> = told_again(world, 9).await.into_iter().map(|claim| claim.token).collect();
        assert_eq!(told, [lasting.token]);
    }
}
