//! The servers start, die, freeze and come back as they promise.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::TcpStream;

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use testkit::{Fsync, Postgres, Redis, RedisValue};

fn text(text: &str) -> RedisValue {
    RedisValue::Text(text.to_owned())
}

#[tokio::test]
async fn redis_forgets_at_a_restart_unless_told_to_keep() {
    for (fsync, expected) in
        [(Fsync::Off, RedisValue::Nil), (Fsync::EverySecond, text("1")), (Fsync::Always, text("1"))]
    {
        let redis = Redis::options().fsync(fsync).start().await;
        let port = redis.port();
        redis.call(&["SET", "a", "1"]).await;
        redis.kill();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert_eq!(redis.pid(), None);
        redis.restart().await;
        assert_eq!(redis.port(), port);
        assert_eq!(redis.call(&["GET", "a"]).await, expected, "{fsync:?}");
    }
}

#[tokio::test]
async fn a_wiped_redis_is_empty_even_when_it_keeps_its_data() {
    let redis = Redis::options().fsync(Fsync::Always).start().await;
    redis.call(&["SET", "a", "1"]).await;
    redis.wipe().await;
    assert_eq!(redis.call(&["DBSIZE"]).await, RedisValue::Integer(0));
    redis.call(&["SET", "a", "1"]).await;
    redis.flush().await;
    assert_eq!(redis.call(&["DBSIZE"]).await, RedisValue::Integer(0));
}

#[tokio::test]
async fn redis_asks_for_the_password_that_it_was_given() {
    let redis = Redis::options().password("geheim").start().await;
    assert_eq!(redis.url(), format!("redis://:geheim@127.0.0.1:{}", redis.port()));
    assert_eq!(redis.call(&["PING"]).await, RedisValue::Status("PONG".to_owned()));
}

#[tokio::test]
async fn a_stopped_redis_keeps_its_connections_and_answers_later() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let redis = Redis::start().await;
    let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap();
    redis.stop();
    connection.write_all(b"PING\r\n").await.unwrap();
    let mut reply = [0; 7];
    let early = tokio::time::timeout(std::time::Duration::from_millis(200), connection.read(&mut reply)).await;
    assert!(early.is_err(), "a stopped server answered");
    redis.cont();
    connection.read_exact(&mut reply).await.unwrap();
    assert_eq!(&reply, b"+PONG\r\n");
}

#[tokio::test(start_paused = true)]
async fn servers_start_under_a_paused_clock() {
    let before = tokio::time::Instant::now();
    let redis = Redis::start().await;
    redis.restart().await;
    assert_eq!(before.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test]
async fn committed_rows_survive_the_kill_of_postgres() {
    let postgres = Postgres::start().await;
    let url = postgres.create_database("sale").await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE seat (n BIGINT); INSERT INTO seat VALUES (7)").execute(&mut connection).await.unwrap();
    postgres.kill();
    assert!(sqlx::raw_sql("SELECT 1").execute(&mut connection).await.is_err());
    assert!(PgConnection::connect(&url).await.is_err());
    postgres.restart().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let n: i64 = sqlx::query_scalar("SELECT n FROM seat").fetch_one(&mut connection).await.unwrap();
    assert_eq!(n, 7);
}

#[tokio::test]
async fn a_stopped_postgres_answers_later() {
    let postgres = Postgres::start().await;
    let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
    postgres.stop();
    {
        let mut query = std::pin::pin!(sqlx::raw_sql("SELECT 1").execute(&mut connection));
        let early = tokio::time::timeout(std::time::Duration::from_millis(200), &mut query).await;
        assert!(early.is_err(), "a stopped server answered");
        postgres.cont();
        query.await.unwrap();
    }
}

#[tokio::test]
async fn one_backend_can_be_ended_and_the_server_recovers_from_a_killed_one() {
    let postgres = Postgres::start().await;
    let mut first = PgConnection::connect(&postgres.url()).await.unwrap();
    let mut second = PgConnection::connect(&postgres.url()).await.unwrap();
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut first).await.unwrap();
    assert_eq!(postgres.backends("postgres").await.len(), 2);
    postgres.terminate_backend(pid.unsigned_abs()).await;
    assert!(sqlx::raw_sql("SELECT 1").execute(&mut first).await.is_err());
    sqlx::raw_sql("SELECT 1").execute(&mut second).await.unwrap();
    let [pid] = postgres.backends("postgres").await[..] else { panic!("one connection is left") };
    postgres.kill_backend(pid);
    assert!(sqlx::raw_sql("SELECT 1").execute(&mut second).await.is_err());
    let recovered = async { while PgConnection::connect(&postgres.url()).await.is_err() {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), recovered).await.expect("no recovery");
}

#[tokio::test]
async fn callers_of_the_shared_postgres_have_databases_of_their_own() {
    let (one, other) = tokio::join!(Postgres::shared(), Postgres::shared());
    assert_ne!(one.url(), other.url());
    assert_eq!(one.server().port(), other.server().port());
    let mut connection = PgConnection::connect(&one.url()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE mine (n BIGINT)").execute(&mut connection).await.unwrap();
    let mut connection = PgConnection::connect(&other.url()).await.unwrap();
    assert!(sqlx::raw_sql("SELECT * FROM mine").execute(&mut connection).await.is_err());
}
