//! A Redis that is down or hangs.

use std::time::Duration;

use testkit::{FaultProxy, Redis, eventually};
use ticketing_api::fast_store::{FastStore, Mark};
use tokio::time::Instant;

use crate::promises::{hold, performance, redis, seats, settings};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_store_that_is_down_says_so_at_once_and_is_used_again_when_it_is_back() {
    let server = Redis::start().await;
    let store = redis(&server.url()).await;
    let performance = performance();

    server.kill();
    eventually("the loss is noticed", async || store.ping().await.is_err()).await;
    let asked = Instant::now();
    assert!(store.mark(performance, &seats(&[1]), hold(), MINUTE).await.is_err());
    assert!(store.unmark(performance, &seats(&[1]), hold()).await.is_err());
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());

    server.restart().await;
    eventually("the store is back", async || store.ping().await.is_ok()).await;
    assert_eq!(store.mark(performance, &seats(&[1]), hold(), MINUTE).await.unwrap(), Mark::Marked);
}

#[tokio::test]
async fn a_store_that_hangs_is_given_up_within_moments() {
    let server = Redis::start().await;
    let store = redis(&server.url()).await;

    server.stop();
    let asked = Instant::now();
    assert!(store.mark(performance(), &seats(&[1]), hold(), MINUTE).await.is_err());
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());

    server.cont();
    eventually("the store answers again", async || store.ping().await.is_ok()).await;
}

/// Whoever gives the connection up must not wait for the next one, which may never come.
#[tokio::test]
async fn a_store_that_hangs_for_good_keeps_nobody_waiting() {
    let server = Redis::start().await;
    let proxy = FaultProxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let store = redis(&format!("redis://{}", proxy.address())).await;

    proxy.black_hole();
    for attempt in 1..=8 {
        let asked = Instant::now();
        let mark = async { store.mark(performance(), &seats(&[1]), hold(), MINUTE).await };
        let mark = tokio::time::timeout(Duration::from_secs(5), mark).await;
        assert!(mark.unwrap_or_else(|_| panic!("attempt {attempt} has no end")).is_err());
        assert!(asked.elapsed() < Duration::from_secs(1), "attempt {attempt} took {:?}", asked.elapsed());
    }

    proxy.heal().await;
    eventually("the store answers again", async || store.ping().await.is_ok()).await;
}

#[tokio::test]
async fn a_service_starts_before_its_store() {
    let server = Redis::start().await;
    server.kill();
    let store = ticketing_api::fast_store::redis::RedisFastStore::connect(&settings(&server.url())).unwrap();
    assert!(store.mark(performance(), &seats(&[1]), hold(), MINUTE).await.is_err());

    server.restart().await;
    eventually("the store is reached", async || store.ping().await.is_ok()).await;
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_loaded_again() {
    let server = Redis::start().await;
    let store = redis(&server.url()).await;
    let performance = performance();
    store.mark(performance, &seats(&[1]), hold(), MINUTE).await.unwrap();
    server.call(&["SCRIPT", "FLUSH"]).await;
    assert_eq!(store.mark(performance, &seats(&[2]), hold(), MINUTE).await.unwrap(), Mark::Marked);
}
