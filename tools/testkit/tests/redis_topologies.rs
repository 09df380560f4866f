//! Cluster and Sentinel come up whole and survive the loss of a master.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use testkit::{RedisCluster, RedisSentinel, RedisValue};

#[tokio::test]
async fn a_cluster_spreads_its_slots_and_replicas_follow() {
    let cluster = RedisCluster::start(3, 1).await;
    assert_eq!(cluster.nodes().len(), 6);
    let key = "{a}x";
    let mut kept = 0;
    for node in cluster.masters() {
        match node.call(&["SET", key, "1"]).await {
            RedisValue::Status(_) => kept += 1,
            RedisValue::Error(error) => assert!(error.starts_with("MOVED"), "{error}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kept, 1, "exactly one master owns the slot");
    for replica in &cluster.nodes()[3..] {
        let role = replica.call(&["ROLE"]).await;
        assert_eq!(role.elements()[0].text(), Some("slave"));
    }
}

#[tokio::test]
async fn a_cluster_without_replicas_starts_too() {
    let cluster = RedisCluster::start(1, 0).await;
    assert_eq!(cluster.nodes()[0].call(&["SET", "a", "1"]).await, RedisValue::Status("OK".to_owned()));
}

#[tokio::test]
async fn sentinels_promote_the_replica_of_a_killed_master() {
    let redis = RedisSentinel::start(3).await;
    let old = redis.master_port().await.unwrap();
    redis.servers()[0].call(&["SET", "a", "1"]).await;
    assert_eq!(redis.servers()[0].call(&["WAIT", "1", "2000"]).await, RedisValue::Integer(1));
    redis.kill_master().await;
    redis.wait_for_promotion(old).await;
    let new = redis.servers().iter().find(|server| server.pid().is_some()).unwrap();
    assert_eq!(redis.master_port().await, Some(new.port()));
    assert_eq!(new.call(&["GET", "a"]).await, RedisValue::Text("1".to_owned()));
}
