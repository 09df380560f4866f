//! A Redis that dies, hangs, forgets, or holds what is not ours.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contract::{
    clock::ManualClock,
    ids::{ActiveTokenId, MemberId, QueueName, VisitorId},
};
use jiff::Timestamp;
use queue_gateway::engine::{EngineError, QueueEngine, Risk, redis::RedisEngine};
use queue_gateway::line::{
    Baseline, Claim, Contact, Epoch, JoinRequest, LineChange, LogIndex, LogPage, Opening, Place, Readmission, Schedule,
    Sequence,
};
use queue_gateway::waiting_room::Joins;
use service::redis::{ConnectError, RedisSettings};
use testkit::{Fsync, Redis, RedisCluster, eventually_some, free_port};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    fixture::{BEGINNING, SECRET, baseline, impatient_engine, is_admitted, join_request, patient, until_done, waiting},
    rejoining::reassure,
};

/// Time for one step to fail on a machine that is busy with other tests.
const QUICKLY: Duration = Duration::from_secs(3);

async fn engine(redis: &Redis) -> RedisEngine {
    RedisEngine::connect(&patient(&redis.url())).await.unwrap()
}

fn queue() -> QueueName {
    "outage".parse().unwrap()
}

fn visitor(number: u128) -> VisitorId {
    VisitorId(Uuid::from_u128(number))
}

fn token(number: u128) -> ActiveTokenId {
    ActiveTokenId(Uuid::from_u128(number))
}

async fn join_all(engine: &RedisEngine, visitors: impl IntoIterator<Item = u128>) {
    for number in visitors {
        let request = join_request(visitor(number), token(number));
        until_done(async || engine.join(&queue(), request).await).await.unwrap();
    }
}

async fn assert_unavailable(engine: &RedisEngine) {
    let asked = Instant::now();
    let reply = engine.status(&queue(), visitor(1)).await;
    assert!(matches!(reply, Err(EngineError::Unavailable(_))), "{reply:?}");
    assert!(asked.elapsed() < QUICKLY, "it took {:?}", asked.elapsed());
    let reply = engine.ping().await;
    assert!(matches!(reply, Err(EngineError::Unavailable(_))), "{reply:?}");
}

#[tokio::test]
async fn a_killed_redis_is_unavailable_at_once_and_used_again_when_it_is_back() {
    let redis = Redis::options().fsync(Fsync::Always).start().await;
    let engine = impatient_engine(&redis.url()).await;
    until_done(async || engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await).await;
    join_all(&engine, 1..=3).await;
    redis.kill();
    assert_unavailable(&engine).await;
    assert_unavailable(&engine).await;
    redis.restart().await;
    reassure(&engine, &queue()).await;
    let standing = until_done(async || engine.status(&queue(), visitor(2)).await).await;
    assert_eq!(standing, waiting(2));
    join_all(&engine, 3..=4).await;
    assert_eq!(until_done(async || engine.stats(&queue()).await).await.last_seq, Sequence(4));
}

#[tokio::test]
async fn a_hung_redis_is_unavailable_and_used_again_when_it_goes_on() {
    let redis = Redis::start().await;
    let engine = impatient_engine(&redis.url()).await;
    until_done(async || engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await).await;
    join_all(&engine, 1..=2).await;
    redis.stop();
    for _ in 0..6 {
        assert_unavailable(&engine).await;
    }
    redis.cont();
    let standing = until_done(async || engine.status(&queue(), visitor(2)).await).await;
    assert_eq!(standing, waiting(2));
}

#[tokio::test]
async fn an_emptied_redis_begins_a_later_epoch_and_everybody_comes_back_to_their_place() {
    let redis = Redis::start().await;
    let clock = Arc::new(ManualClock::at_second(1_800_000_000));
    let engine = engine(&redis).await.with_test_clock(clock.clone());
    let old = engine.configure(&queue(), baseline(10.0, 10), BEGINNING).await.unwrap().epoch;
    let contact = Some(Contact { network: None });
    engine.join(&queue(), JoinRequest { contact, ..join_request(visitor(1), token(1)) }).await.unwrap().unwrap();
    join_all(&engine, 2..=4).await;
    let member = MemberId(Uuid::from_u128(1));
    assert!(is_admitted(engine.status(&queue(), visitor(1)).await.unwrap()));
    let Claim::Bound { expires_at } = engine.claim(&queue(), token(1), member, None).await.unwrap() else {
        panic!("not bound")
    };

    redis.wipe().await;
    clock.advance(Duration::from_secs(5));
    eventually_some("the engine finds the queue gone", async || {
        let reply = engine.status(&queue(), visitor(2)).await;
        matches!(reply, Err(EngineError::NotConfigured(_))).then_some(())
    })
    .await;
    let epoch = engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await.unwrap().epoch;
    assert!(epoch > old);

    join_all(&engine, [9]).await;
    for number in [4, 2, 3] {
        let held = Place { epoch: old, seq: Sequence(i64::try_from(number).unwrap()) };
        let request = JoinRequest { held: Some(held), ..join_request(visitor(number), token(number)) };
        engine.join(&queue(), request).await.unwrap().unwrap();
    }
    let readmission = Readmission { epoch: old, visitor: visitor(1), expires_at };
    let claim = engine.claim(&queue(), token(1), member, Some(readmission)).await.unwrap();
    assert_eq!(claim, Claim::Bound { expires_at });
    let line = engine.line(&queue(), None, 10).await.unwrap().places;
    let Epoch(shift) = Epoch(old.0 - epoch.0);
    assert_eq!(line, [shift + 2, shift + 3, shift + 4, 1].map(Sequence));
}

#[tokio::test]
async fn what_is_left_of_an_earlier_epoch_does_not_mix_with_a_new_one() {
    let redis = Redis::start().await;
    let engine = engine(&redis).await;
    engine.configure(&queue(), baseline(1.0, 10), BEGINNING).await.unwrap();
    join_all(&engine, 1..=3).await;
    engine.leave(&queue(), visitor(3)).await.unwrap();
    redis.call(&["DEL", "wr:{outage}:meta"]).await;
    let reply = engine.status(&queue(), visitor(1)).await;
    assert!(matches!(reply, Err(EngineError::NotConfigured(_))), "{reply:?}");
    let stats = engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await.unwrap();
    assert_eq!((stats.last_seq.0, stats.active, stats.log_head.0), (0, 0, 0));
    join_all(&engine, [4]).await;
    engine.leave(&queue(), visitor(4)).await.unwrap();
    let log = engine.tail(&queue(), stats.epoch, LogIndex(0), 10).await.unwrap().page;
    assert_eq!(log, LogPage::Entries(vec![LineChange::Departed { seq: Sequence(1) }]));
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_sent_again() {
    let redis = Redis::start().await;
    let engine = engine(&redis).await;
    engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await.unwrap();
    join_all(&engine, [1]).await;
    redis.call(&["SCRIPT", "FLUSH"]).await;
    join_all(&engine, [2]).await;
    assert_eq!(engine.stats(&queue()).await.unwrap().last_seq, Sequence(2));
}

#[tokio::test]
async fn the_time_is_the_stores_own() {
    let redis = Redis::start().await;
    let engine = engine(&redis).await;
    let server_time = async || {
        let time = redis.call(&["TIME"]).await;
        let part = |index: usize| time.elements()[index].text().unwrap().parse::<i64>().unwrap();
        Timestamp::from_microsecond(part(0) * 1_000_000 + part(1)).unwrap()
    };
    let before = server_time().await;
    let stats = engine.configure(&queue(), baseline(1_000.0, 10), BEGINNING).await.unwrap();
    assert!(before <= stats.now && stats.now <= server_time().await);
    assert_eq!(stats.epoch.0, stats.now.as_microsecond());
    let last = AtomicU64::new(0);
    eventually_some("credit grows by the server's clock", async || {
        let number = u128::from(last.fetch_add(1, Ordering::Relaxed));
        let contact = Some(Contact { network: None });
        let request = JoinRequest { contact, ..join_request(visitor(number), token(number)) };
        engine.join(&queue(), request).await.unwrap().unwrap();
        (engine.stats(&queue()).await.unwrap().totals.admitted >= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_no_script_of_ours_wrote_is_corrupt() {
    let redis = Redis::start().await;
    let engine = engine(&redis).await;
    engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await.unwrap();
    redis.call(&["SET", "wr:{outage}:line", "x"]).await;
    let reply = engine.status(&queue(), visitor(1)).await;
    assert!(matches!(reply, Err(EngineError::Corrupt(_))), "{reply:?}");
    redis.call(&["DEL", "wr:{outage}:line"]).await;
    redis.call(&["HSET", "wr:{outage}:meta", "revision", "many"]).await;
    let reply = engine.stats(&queue()).await;
    assert!(matches!(reply, Err(EngineError::Corrupt(_))), "{reply:?}");
}

#[tokio::test]
async fn whoever_cannot_be_read_costs_those_who_join_with_them_nothing() {
    let redis = Redis::start().await;
    let engine = Arc::new(engine(&redis).await);
    engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await.unwrap();
    let unreadable = visitor(3);
    redis.call(&["HSET", "wr:{outage}:tokens", &unreadable.0.simple().to_string(), "t"]).await;
    redis.call(&["HSET", "wr:{outage}:slots", "t", "no slot of ours"]).await;
    let (joins, gathered) = Joins::of(engine.clone(), queue());
    let gathering = tokio::spawn(gathered);
    let crowd = (1..=5).map(|number| joins.join(join_request(visitor(number), token(number))));
    let replies = futures_util::future::join_all(crowd).await;
    let mut places = Vec::new();
    for (number, reply) in (1..).zip(replies) {
        match reply {
            Ok(joined) => places.push(joined.unwrap().standing.seq().unwrap().0),
            Err(error) => assert!(number == 3 && matches!(error, EngineError::Corrupt(_)), "{number}: {error:?}"),
        }
    }
    assert_eq!(places, [1, 2, 3, 4], "each number once");
    drop(joins);
    gathering.await.unwrap();
}

#[tokio::test]
async fn a_full_redis_takes_nobody_in_and_does_nothing_by_halves() {
    let redis = Redis::start().await;
    let engine = engine(&redis).await;
    let before = engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await.unwrap();
    redis.call(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let reply = engine.join(&queue(), join_request(visitor(1), token(1))).await;
    assert!(matches!(reply, Err(EngineError::Unavailable(_))), "{reply:?}");
    let after = engine.stats(&queue()).await.unwrap();
    assert_eq!(after.last_seq, before.last_seq);
    redis.call(&["CONFIG", "SET", "maxmemory", "0"]).await;
    join_all(&engine, [1]).await;
    assert_eq!(engine.status(&queue(), visitor(1)).await.unwrap(), waiting(1));
}

#[tokio::test]
async fn a_queue_of_before_there_were_draws_goes_on_without_one() {
    let redis = Redis::start().await;
    let engine = engine(&redis).await;
    let began = engine.configure(&queue(), baseline(0.0, 10), BEGINNING).await.unwrap().now;
    join_all(&engine, [1]).await;
    let meta = format!("wr:{{{}}}:meta", queue());
    redis.call(&["HDEL", &meta, "draw_secret", "numbering", "decided", "dealt"]).await;
    assert!(matches!(engine.stats(&queue()).await, Err(EngineError::Corrupt(_))));
    let opens_at = Some(began + Duration::from_mins(5));
    let schedule =
        Schedule { opens_at, opening: Opening::Draw, pre_queue: Duration::from_hours(1), ..Schedule::default() };
    let announces_a_draw = Baseline { schedule, ..baseline(0.0, 10) };
    let control = engine.configure(&queue(), announces_a_draw, BEGINNING).await.unwrap().control;
    assert_eq!((control.draw.secret, control.opening()), (SECRET, Opening::Fifo), "somebody has joined already");
    join_all(&engine, [2]).await;
    assert_eq!(engine.status(&queue(), visitor(2)).await.unwrap(), waiting(2));
}

#[tokio::test]
async fn a_redis_that_is_not_there_or_refuses_us_is_told_at_the_start_without_the_password() {
    let redis = Redis::options().password("correct").start().await;
    engine(&redis).await.ping().await.unwrap();
    for address in [format!("127.0.0.1:{}", redis.port()), format!("127.0.0.1:{}", free_port())] {
        let asked = Instant::now();
        let settings = RedisSettings::at(format!("redis://:hunter2@{address}"));
        let error = RedisEngine::connect(&settings).await.unwrap_err();
        let refused = address.ends_with(&redis.port().to_string());
        assert!(matches!(error, ConnectError::Refused(_)) == refused, "{error}");
        assert!(matches!(error, ConnectError::Unreachable(_)) != refused, "{error}");
        assert!(!format!("{error} {error:?} {settings:?}").contains("hunter2"));
        assert!(asked.elapsed() < QUICKLY);
    }
    let nonsense = RedisEngine::connect(&RedisSettings::at("postgres://:hunter2@localhost")).await.unwrap_err();
    assert!(matches!(nonsense, ConnectError::InvalidUrl(_)));
}

#[tokio::test]
async fn every_master_of_a_cluster_tells_its_risks() {
    let cluster = RedisCluster::start(3, 0).await;
    let engine = impatient_engine(&cluster.url()).await;
    assert_eq!(until_done(async || engine.risks().await).await, [Risk::StopsWhole]);
    cluster.allow_gaps().await;
    assert_eq!(until_done(async || engine.risks().await).await, []);
    for node in cluster.masters() {
        node.call(&["CONFIG", "SET", "appendonly", "no"]).await;
        assert_eq!(until_done(async || engine.risks().await).await, [Risk::Forgets]);
        node.call(&["CONFIG", "SET", "appendonly", "yes"]).await;
    }
}

#[tokio::test]
async fn a_redis_that_does_not_let_us_look_is_a_risk() {
    let redis = Redis::start().await;
    let engine = engine(&redis).await;
    assert_eq!(engine.risks().await.unwrap(), [Risk::Forgets]);
    redis.call(&["ACL", "SETUSER", "default", "-info"]).await;
    assert_eq!(engine.risks().await.unwrap(), [Risk::Hidden]);
}
