//! A Cluster of which one node is dead or hung: its own queues are away, and nobody else's.

use std::{sync::Arc, time::Duration};

use contract::ids::{ActiveTokenId, QueueName, VisitorId};
use queue_gateway::engine::{EngineError, QueueEngine, redis::RedisEngine};
use queue_gateway::line::Report;
use testkit::{Redis, RedisCluster, eventually_some};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    fixture::{BEGINNING, baseline, impatient_engine, join_request, until_done, waiting},
    gateway::first_report,
    rejoining::{nth_gateway, reassure},
};

/// Time for a visit, or for a step to fail, on a machine that is busy with other tests.
const QUICKLY: Duration = Duration::from_secs(2);
/// So long the dead node is watched: longer than the Cluster takes to declare it dead.
const WATCHED: Duration = Duration::from_secs(5);

/// A Cluster of three that goes on without one of them, an engine, and a queue on each node, in the order of the nodes.
async fn cluster_with_queues() -> (RedisCluster, Arc<RedisEngine>, Vec<QueueName>) {
    let cluster = RedisCluster::start(3, 0).await;
    cluster.allow_gaps().await;
    let engine = Arc::new(impatient_engine(&cluster.url()).await);
    let mut queues = vec![None; 3];
    for name in (1..).map(|number| format!("sale-{number}").parse::<QueueName>().unwrap()) {
        let owner = cluster.owner_of(name.as_str()).await;
        queues[owner].get_or_insert(name);
        if queues.iter().all(Option::is_some) {
            break;
        }
    }
    let queues: Vec<_> = queues.into_iter().flatten().collect();
    for queue in &queues {
        until_done(async || engine.configure(queue, baseline(0.0, 10), BEGINNING).await).await;
    }
    (cluster, engine, queues)
}

/// One visitor joins, looks, and a gateway steps: what a queue lives by.
async fn use_queue(engine: &RedisEngine, queue: &QueueName, number: i64) -> Result<(), EngineError> {
    let id = Uuid::from_u128(u128::from(number.unsigned_abs()));
    let joined = engine.join(queue, join_request(VisitorId(id), ActiveTokenId(id))).await?;
    let joined = joined.map_err(|refused| EngineError::Unavailable(format!("{refused:?}")))?;
    assert_eq!(joined.standing, waiting(number));
    assert_eq!(engine.status(queue, VisitorId(id)).await?, waiting(number));
    let epoch = engine.stats(queue).await?.epoch;
    engine.step(queue, &Report { gateway: nth_gateway(1), ..first_report(epoch) }).await?;
    Ok(())
}

/// Uses the queues while their node is well, all the time, and returns the longest that a visit of one took.
async fn longest_visit(engine: &RedisEngine, queues: &[QueueName], number: &mut i64) -> Duration {
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    while began.elapsed() < WATCHED {
        *number += 1;
        for queue in queues {
            let visit = Instant::now();
            eventually_some("the queue is used", async || use_queue(engine, queue, *number).await.ok()).await;
            longest = longest.max(visit.elapsed());
        }
    }
    longest
}

/// The queue of a dead node fails, and in time.
async fn assert_away(engine: &RedisEngine, queue: &QueueName) {
    let began = Instant::now();
    while began.elapsed() < WATCHED {
        let asked = Instant::now();
        let reply = engine.stats(queue).await;
        assert!(matches!(reply, Err(EngineError::Unavailable(_))), "{reply:?}");
        assert!(asked.elapsed() < QUICKLY, "it took {:?}", asked.elapsed());
    }
}

async fn only_its_queues_are_away(dies: fn(&Redis)) -> (RedisCluster, Arc<RedisEngine>, QueueName) {
    let (cluster, engine, queues) = cluster_with_queues().await;
    let [of_dead, others @ ..] = &queues[..] else { panic!("a queue on each of three nodes") };
    let mut number = 1;
    for queue in &queues {
        use_queue(&engine, queue, number).await.unwrap();
    }
    dies(&cluster.masters()[0]);
    let (longest, ()) = tokio::join!(longest_visit(&engine, others, &mut number), assert_away(&engine, of_dead));
    assert!(longest < QUICKLY, "it took {longest:?}");
    let of_dead = of_dead.clone();
    (cluster, engine, of_dead)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_of_a_cluster_stops_only_its_own_queues() {
    let (cluster, engine, of_dead) = only_its_queues_are_away(Redis::kill).await;
    cluster.masters()[0].restart().await;
    reassure(&engine, &of_dead).await;
    eventually_some("the queue is used again", async || use_queue(&engine, &of_dead, 2).await.ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_node_of_a_cluster_stops_only_its_own_queues() {
    let (cluster, engine, of_dead) = only_its_queues_are_away(Redis::stop).await;
    cluster.masters()[0].cont();
    eventually_some("the queue is used again", async || use_queue(&engine, &of_dead, 2).await.ok()).await;
}
