//! What is known of active tokens.

use std::time::Duration;

use contract::ids::ActiveTokenId;
use ticketing_api::store::{TokenClaim, TokenState};

use crate::world::{HOLD, World, nobody, queue};

on_both_databases! {
    a_claim_is_remembered_until_it_is_forgotten
    a_later_claim_replaces_an_earlier_one
}

async fn a_claim_is_remembered_until_it_is_forgotten(world: &World) {
    let buyer = world.buyer(0).await;
    assert_eq!(world.store.token_state(ActiveTokenId(nobody())).await.unwrap(), TokenState::Unclaimed);
    let claim = TokenClaim { token: buyer.token, queue: queue(), holder: buyer.member, expires_at: world.now() + HOLD };
    world.store.record_claim(claim.clone()).await.unwrap();
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Claimed(claim.clone()));
    world.store.forget(claim.expires_at, 10).await.unwrap();
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Claimed(claim.clone()));
    world.store.forget(claim.expires_at + Duration::from_micros(1), 10).await.unwrap();
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Unclaimed);
}

async fn a_later_claim_replaces_an_earlier_one(world: &World) {
    let buyer = world.buyer(0).await;
    let claim = TokenClaim { token: buyer.token, queue: queue(), holder: buyer.member, expires_at: world.now() };
    world.store.record_claim(claim.clone()).await.unwrap();
    let renewed = TokenClaim { expires_at: world.now() + HOLD, ..claim };
    world.store.record_claim(renewed.clone()).await.unwrap();
    assert_eq!(world.store.token_state(buyer.token).await.unwrap(), TokenState::Claimed(renewed));
}
