//! A replica takes over: the line goes on without anybody's help.

use contract::ids::{ActiveTokenId, QueueName, VisitorId};
use queue_gateway::engine::{EngineError, QueueEngine, Risk, redis::RedisEngine};
use queue_gateway::line::{JoinReply, NoJoins};
use testkit::{Redis, RedisCluster, RedisSentinel, eventually_some};
use uuid::Uuid;

use crate::{
    fixture::{BEGINNING, baseline, impatient_engine, join_request, until_done, waiting},
    rejoining::reassure,
};

fn queue() -> QueueName {
    "failover".parse().unwrap()
}

fn visitor(number: u128) -> VisitorId {
    VisitorId(Uuid::from_u128(number))
}

/// How much of the master's changes a server has.
async fn offset(server: &Redis, field: &str) -> Option<u64> {
    let info = server.call(&["INFO", "replication"]).await;
    info.text()?.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?.trim().parse().ok()
}

async fn join(engine: &RedisEngine, number: u128) -> JoinReply {
    let token = ActiveTokenId(Uuid::from_u128(number));
    let request = join_request(visitor(number), token);
    until_done(async || engine.join(&queue(), request).await).await
}

/// A line of three, on the replica too.
async fn line_of_three(engine: &RedisEngine, master: &Redis, replica: &Redis) {
    until_done(async || engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await).await;
    for number in 1..=3 {
        join(engine, number).await.unwrap();
    }
    eventually_some("the replica has the line", async || {
        let written = offset(master, "master_repl_offset").await?;
        (offset(replica, "slave_repl_offset").await? >= written).then_some(())
    })
    .await;
}

async fn assert_the_line_goes_on(engine: &RedisEngine) {
    assert_eq!(join(engine, 4).await, Err(NoJoins::Rejoining.into()), "somebody may know of places that were given");
    reassure(engine, &queue()).await;
    let joined = eventually_some("joins are taken", async || join(engine, 4).await.ok()).await;
    assert_eq!(joined.standing, waiting(4));
    assert_eq!(until_done(async || engine.status(&queue(), visitor(2)).await).await, waiting(2));
}

#[tokio::test]
async fn a_master_that_goes_on_without_its_replicas_is_a_risk() {
    let sentinel = RedisSentinel::start(1).await;
    let engine = impatient_engine(&sentinel.url()).await;
    let writes_alone = async || until_done(async || engine.risks().await).await.contains(&Risk::WritesAlone);
    assert!(writes_alone().await);
    for server in sentinel.servers() {
        server.call(&["CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "10"]).await;
    }
    assert!(!writes_alone().await);
}

#[tokio::test]
async fn the_line_goes_on_when_sentinels_replace_a_dead_master() {
    let sentinel = RedisSentinel::start(1).await;
    let engine = impatient_engine(&sentinel.url()).await;
    line_of_three(&engine, &sentinel.servers()[0], &sentinel.servers()[1]).await;
    let old = sentinel.master_port().await.unwrap();
    sentinel.kill_master().await;
    sentinel.wait_for_promotion(old).await;
    assert_the_line_goes_on(&engine).await;
}

/// The connection to a hung master stays open: it has to be given up, or the engine would wait for ever.
#[tokio::test]
async fn the_line_goes_on_when_sentinels_replace_a_hung_master() {
    let sentinel = RedisSentinel::start(1).await;
    let engine = impatient_engine(&sentinel.url()).await;
    line_of_three(&engine, &sentinel.servers()[0], &sentinel.servers()[1]).await;
    let old = sentinel.master_port().await.unwrap();
    sentinel.servers()[0].stop();
    sentinel.wait_for_promotion(old).await;
    assert_the_line_goes_on(&engine).await;
}

#[tokio::test]
async fn the_line_goes_on_when_a_cluster_replaces_a_dead_master() {
    let cluster = RedisCluster::start(3, 1).await;
    let engine = impatient_engine(&cluster.url()).await;
    let owner = cluster.owner_of(queue().as_str()).await;
    // Each master's replica follows at the same place among the replicas.
    line_of_three(&engine, &cluster.masters()[owner], &cluster.nodes()[3 + owner]).await;
    cluster.masters()[owner].kill();
    assert_the_line_goes_on(&engine).await;
}

#[tokio::test]
async fn the_line_goes_on_when_its_slot_moves_to_another_node() {
    let cluster = RedisCluster::start(3, 0).await;
    let engine = impatient_engine(&cluster.url()).await;
    until_done(async || engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await).await;
    for number in 1..=3 {
        join(&engine, number).await.unwrap();
    }
    let queue = queue();
    let to = (cluster.owner_of(queue.as_str()).await + 1) % 3;
    cluster.begin_move(queue.as_str(), to).await;
    // Redis runs no script on keys that are there and here.
    let reply = engine.stats(&queue).await;
    assert!(matches!(reply, Err(EngineError::Unavailable(_))), "{reply:?}");
    cluster.end_move(queue.as_str(), to).await;
    assert_the_line_goes_on(&engine).await;
}
