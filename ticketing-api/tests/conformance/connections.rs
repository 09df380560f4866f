//! What callers are told when the database is slow, full or gone.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use testkit::Postgres;
use ticketing_api::store::{self, StoreError, StoreSettings};

use crate::world::{World, settings};

fn impatient(url: &str) -> StoreSettings {
    StoreSettings { max_connections: 1, acquire_timeout_ms: 200, statement_timeout_ms: 200, ..settings(url) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_stays_locked_is_given_up_as_unavailable() {
    let database = Postgres::shared().await;
    let world = World::on(&database.url()).await;
    let buyer = world.buyer(5).await;
    let store = store::connect(&impatient(&database.url())).await.unwrap();
    let mut other = PgConnection::connect(&database.url()).await.unwrap();
    let mut transaction = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE")
        .bind(buyer.member.0)
        .execute(&mut *transaction)
        .await
        .unwrap();

    let refused = store.charge(world.new_charge(buyer, 1), &world.key(buyer)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    transaction.rollback().await.unwrap();
    store.charge(world.new_charge(buyer, 1), &world.key(buyer)).await.unwrap();
    assert_eq!(world.balance(buyer).await, 6);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_finds_no_free_connection_is_refused_as_unavailable() {
    let database = Postgres::shared().await;
    let world = World::on(&database.url()).await;
    let buyer = world.buyer(0).await;
    let patient = StoreSettings { statement_timeout_ms: 5_000, ..impatient(&database.url()) };
    let store = store::connect(&patient).await.unwrap();
    let mut other = PgConnection::connect(&database.url()).await.unwrap();
    let mut transaction = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE")
        .bind(buyer.member.0)
        .execute(&mut *transaction)
        .await
        .unwrap();

    let (charge, key) = (world.new_charge(buyer, 1), world.key(buyer));
    let waiting = tokio::spawn({
        let store = std::sync::Arc::clone(&store);
        async move { store.charge(charge, &key).await }
    });
    // The only connection is taken once the call waits for the lock.
    while world.auditor.count("SELECT count(*) FROM pg_locks WHERE NOT granted").await == 0 {
        tokio::task::yield_now().await;
    }
    let refused = store.ping().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    transaction.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(world.balance(buyer).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_died_while_idle_are_replaced_without_an_error() {
    let database = Postgres::shared().await;
    let world = World::on(&database.url()).await;
    let buyer = world.buyer(0).await;
    let idle = async || {
        for backend in database.server().backends(database.name()).await {
            database.server().terminate_backend(backend).await;
        }
        while !database.server().backends(database.name()).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    idle().await;
    world.store.ping().await.unwrap();
    idle().await;
    world.store.charge(world.new_charge(buyer, 1), &world.key(buyer)).await.unwrap();
    idle().await;
    assert_eq!(world.balance(buyer).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_together_migrate_once() {
    let database = Postgres::shared().await;
    let settings = settings(&database.url());
    let (first, second, third) =
        tokio::join!(store::connect(&settings), store::connect(&settings), store::connect(&settings));
    for store in [first, second, third] {
        store.unwrap().ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_is_told_at_once() {
    let started = tokio::time::Instant::now();
    let absent = impatient("postgres://postgres@127.0.0.1:1/nothing");
    assert!(store::connect(&absent).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(5));
}
