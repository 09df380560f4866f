//! The database is killed under load. What was acknowledged is there afterwards; what is unknown is settled by
//! repeating it with the same key.
//!
//! Killing the server shows that a commit reaches the operating system; that it reaches the disk is what `fsync` is
//! for.

use std::sync::Arc;

use testkit::Postgres;
use ticketing_api::store::{Once, StoreError};

use crate::world::World;

const CHARGERS: u32 = 4;
const CHARGES: i64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_charge_survives_a_killed_server() {
    let server = Postgres::options().durable().start().await;
    let world = Arc::new(World::on(&server.create_database("ticketing").await).await);
    let buyer = world.buyer(0).await;
    let mut chargers = Vec::new();
    for _ in 0..CHARGERS {
        let world = Arc::clone(&world);
        chargers.push(tokio::spawn(async move {
            let mut uncertain = 0;
            for _ in 0..CHARGES {
                let key = world.key(buyer);
                loop {
                    match world.store.charge(world.new_charge(buyer, 1), &key).await {
                        Ok(Once::Done(_) | Once::Replayed(_)) => break,
                        Ok(Once::InProgress) => tokio::task::yield_now().await,
                        Ok(Once::KeyReused) => panic!("the same request"),
                        Err(StoreError::Unknown(_) | StoreError::Unavailable(_)) => uncertain += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            uncertain
        }));
    }
    while world.auditor.count("SELECT coalesce(sum(version), 0)::bigint FROM accounts").await < CHARGES {
        tokio::task::yield_now().await;
    }
    server.restart().await;
    let mut uncertain = 0;
    for charger in chargers {
        uncertain += charger.await.unwrap();
    }
    assert!(uncertain > 0, "the server was killed under load");
    assert_eq!(world.balance(buyer).await, i64::from(CHARGERS) * CHARGES);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_sqlite_transaction_leaves_nothing() {
    let world = World::sqlite().await;
    let buyer = world.buyer(0).await;
    for _ in 0..20 {
        let (store, charge, key) = (Arc::clone(&world.store), world.new_charge(buyer, 1), world.key(buyer));
        let call = tokio::spawn(async move { store.charge(charge, &key).await });
        tokio::task::yield_now().await;
        // The caller has gone away in the middle of it.
        call.abort();
        drop(call.await);
    }
    world.charge(buyer, 1).await;
    world.audit().await;
}
