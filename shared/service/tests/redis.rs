//! Connections to a Redis that is late, or hangs for good.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use fred::types::scripts::Script;
use service::redis::{ConnectError, Connections, RedisSettings};
use testkit::{FaultProxy, Redis, RedisCluster, eventually, eventually_some};
use tokio::time::Instant;

const COMMAND_TIMEOUT: Duration = Duration::from_millis(200);

fn settings(url: &str) -> RedisSettings {
    RedisSettings { pool_size: 2, command_timeout: COMMAND_TIMEOUT, ..RedisSettings::at(url) }
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
    assert!(!connections.is_connected(&[]), "mute connections are given up");

    proxy.heal().await;
    eventually("it answers again", async || answer(&connections).await == Some(7)).await;
}

#[tokio::test]
async fn in_the_background_a_server_may_come_later() {
    let server = Redis::start().await;
    server.kill();
    assert!(matches!(Connections::open(&settings(&server.url())).await, Err(ConnectError::Unreachable(_))));

    let connections = Connections::open_in_background(&settings(&server.url())).unwrap();
    assert_eq!((answer(&connections).await, connections.is_connected(&[])), (None, false));
    server.restart().await;
    eventually("it answers", async || answer(&connections).await == Some(7)).await;
}

/// Runs a script on a key with this hash tag, until it works.
async fn count(connections: &Connections, tag: &str) -> i64 {
    let script = Script::from_lua("return redis.call('incr', KEYS[1])");
    let counted = async || connections.run(&script, vec![format!("{{{tag}}}").into()], vec![]).await.ok();
    eventually_some(&format!("{tag} is counted"), counted).await
}

#[tokio::test]
async fn a_call_follows_a_slot_that_moves_within_a_cluster() {
    let cluster = RedisCluster::start(2, 0).await;
    let connections = Connections::open(&settings(&cluster.url())).await.unwrap();
    assert_eq!(count(&connections, "seat").await, 1);
    let to = 1 - cluster.owner_of("seat").await;
    cluster.begin_move("seat", to).await;
    assert_eq!(count(&connections, "seat").await, 2, "the other node is asked");
    assert_eq!(count(&connections, "seat").await, 3);
    cluster.end_move("seat", to).await;
    assert_eq!(count(&connections, "seat").await, 4, "the slot has moved");
    assert_eq!(count(&connections, "seat").await, 5);
}

#[tokio::test]
async fn a_cluster_is_found_by_any_of_its_nodes_and_each_is_shown_the_password() {
    let cluster = RedisCluster::start(3, 0).await;
    cluster.allow_gaps().await;
    let mut living = Vec::new();
    for tag in (0..20).map(|number| format!("tag-{number}")) {
        if cluster.owner_of(&tag).await > 0 {
            living.push(tag);
        }
    }
    cluster.masters()[0].kill();
    for node in &cluster.masters()[1..] {
        node.call(&["CONFIG", "SET", "requirepass", "secret"]).await;
    }
    let refused = Connections::open(&settings(&cluster.url())).await;
    assert!(matches!(refused, Err(ConnectError::Refused(_))), "{refused:?}");
    let with_password = settings(&cluster.url().replacen("://", "://:secret@", 1));
    let connections = Connections::open(&with_password).await.unwrap();
    let later = Connections::open_in_background(&with_password).unwrap();
    for tag in &living {
        assert_eq!((count(&connections, tag).await, count(&later, tag).await), (1, 2), "{tag}");
    }
}
