//! A sale with one part of the system gone in mid-line.

use std::time::Duration;

use testkit::{Fsync, Postgres, Redis};
use tokio::time::{sleep, timeout};

use crate::{
    audit::Audit,
    from_environment,
    system::{Line, System, assert_kept},
};

const LINE: Line = Line { gateways: 2, rate: 40, cap: 60, arrive_within: 30 };

/// A system with its stores, and how many come for how many seats.
struct Sale {
    system: System,
    redis: Redis,
    audit: Audit,
    visitors: usize,
    seats: usize,
    _postgres: Postgres,
}

impl Sale {
    /// On two gateways and so many APIs. What Redis has confirmed survives its end.
    async fn open(apis: usize) -> Self {
        let (visitors, seats) = (from_environment("RUSH_VISITORS", 200), from_environment("RUSH_SEATS", 40));
        let redis = Redis::options().fsync(Fsync::Always).start().await;
        let postgres = Postgres::options().durable().start().await;
        let system = System::start(LINE, Some(redis.url())).await.with_shop(&postgres.url(), apis).await;
        Self { system, redis, audit: Audit(postgres.url()), visitors, seats, _postgres: postgres }
    }

    /// Sends everybody, lets `trouble` happen when half of the seats have an owner - the line is long then, and people
    /// are at the till - and asserts that every promise is kept.
    async fn survives(mut self, crowd: &str, trouble: impl AsyncFnOnce(&mut System, &Redis)) {
        // A debug build on a busy machine serves some few a second; and before they come, they sign up.
        let wait = 300 + self.visitors / 2;
        let patience = Duration::from_secs(100 + 2 * wait as u64);
        let arguments = format!("--visitors {} --seats {} --wait {wait} {crowd}", self.visitors, self.seats);
        let arguments = self.system.arguments(&arguments);
        let rush = tokio::spawn(bench::rush::run(arguments));
        self.audit.until_sold(self.seats / 2, patience).await;
        trouble(&mut self.system, &self.redis).await;
        let verdict = timeout(patience, rush).await.expect("the rush ends").unwrap().unwrap();
        assert_kept(&verdict, Some((&self.audit, self.seats))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_sell_every_seat_once_although_one_of_each_is_killed() {
    let trouble = async |system: &mut System, _redis: &Redis| {
        system.gateways[1].kill();
        system.apis[1].kill();
        sleep(Duration::from_secs(2)).await;
        system.gateways[1].start();
        system.apis[1].start();
    };
    Sale::open(2).await.survives("--leave 0.1 --poll 0.2", trouble).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_costs_nobody_their_turn() {
    let trouble = async |system: &mut System, _redis: &Redis| system.gateways[0].kill();
    Sale::open(1).await.survives("--leave 0.1 --poll 0.2", trouble).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stands_still_costs_nobody_their_turn() {
    let trouble = async |_system: &mut System, redis: &Redis| {
        redis.stop();
        sleep(Duration::from_secs(from_environment("RUSH_OUTAGE", 6) as u64)).await;
        redis.cont();
    };
    Sale::open(1).await.survives("--leave 0.1 --poll 0.2", trouble).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_and_restarted_costs_nobody_their_turn() {
    let trouble = async |_system: &mut System, redis: &Redis| redis.restart().await;
    Sale::open(1).await.survives("--leave 0.1 --poll 0.2", trouble).await;
}

/// With people in every situation: in line and away from it, on their way to the shop, at it, and done.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_loses_everything_costs_nobody_their_turn() {
    let trouble = async |_system: &mut System, redis: &Redis| redis.flush().await;
    let away = from_environment("RUSH_AWAY", 9);
    let crowd = format!(
        "--leave 0.1 --poll 0.2 --ghosts 0.15 --ghost-kinds return --away {away} --dawdle 2 --resumes-within 10"
    );
    Sale::open(1).await.survives(&crowd, trouble).await;
}
