//! Connections to a Redis that is late, or hangs for good.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use fred::types::scripts::Script;
use service::redis::{ConnectError, Connections, RedisSettings};
use testkit::{FaultProxy, Redis};
use tokio::time::Instant;

const COMMAND_TIMEOUT: Duration = Duration::from_millis(200);

fn settings(url: &str) -> RedisSettings {
    RedisSettings { pool_size: 2, command_timeout: COMMAND_TIMEOUT, ..RedisSettings::at(url) }
}

async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        let mut attempts = tokio::time::interval(Duration::from_millis(5));
        while !condition().await {
            attempts.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

/// A script's answer, or that there was none; either must be there in time.
async fn answer(connections: &Connections) -> Option<i64> {
    let asked = Instant::now();
    let script = Script::from_lua("return 7");
    let reply = tokio::time::timeout(Duration::from_secs(5), connections.run(&script, vec![], vec![])).await;
    let reply = reply.expect("every call has an end").ok();
    assert!(asked.elapsed() < 4 * COMMAND_TIMEOUT, "it took {:?}", asked.elapsed());
    reply
}

#[tokio::test]
async fn a_server_that_hangs_for_good_costs_each_call_the_command_timeout() {
    let server = Redis::start().await;
    let proxy = FaultProxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let connections = Connections::open(&settings(&format!("redis://{}", proxy.address()))).await.unwrap();
    assert_eq!(answer(&connections).await, Some(7));

    proxy.black_hole();
    for _ in 0..10 {
        assert_eq!(answer(&connections).await, None);
    }
    assert!(!connections.is_connected(), "mute connections are given up");

    proxy.heal().await;
    eventually("it answers again", async || answer(&connections).await == Some(7)).await;
}

#[tokio::test]
async fn in_the_background_a_server_may_come_later() {
    let server = Redis::start().await;
    server.kill();
    assert!(matches!(Connections::open(&settings(&server.url())).await, Err(ConnectError::Unreachable(_))));

    let connections = Connections::open_in_background(&settings(&server.url())).unwrap();
    assert_eq!((answer(&connections).await, connections.is_connected()), (None, false));
    server.restart().await;
    eventually("it answers", async || answer(&connections).await == Some(7)).await;
}
