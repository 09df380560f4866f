//! The crowd against a system of several instances on one Redis and one PostgreSQL, some of them killed half-way.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects")]

mod instance;

use std::time::Duration;

use bench::rush::{Arguments, run};
use instance::System;
use testkit::{Postgres, Redis};

/// `RUSH_VISITORS` and `RUSH_SEATS` make it larger: 1,000 and 100 is what a release build on two cores does in a minute.
fn from_environment(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_sell_every_seat_once_although_one_of_each_is_killed() {
    let visitors = from_environment("RUSH_VISITORS", 200);
    let seats = from_environment("RUSH_SEATS", 40);
    let (redis, postgres) = (Redis::start().await, Postgres::options().durable().start().await);
    let mut system = System::start(&redis.url(), &postgres.url()).await;

    let arguments = Arguments {
        gateway: system.gateways.iter().map(|gateway| format!("http://{}", gateway.public)).collect(),
        ticketing: system.apis.iter().map(|api| format!("http://{}", api.public)).collect(),
        visitors,
        seats: u32::try_from(seats).unwrap(),
        queue: "demo".to_owned(),
        admin_email: instance::ADMIN_EMAIL.to_owned(),
        admin_password: Some(instance::ADMIN_PASSWORD.to_owned()),
        secrets: std::path::PathBuf::new(),
        patience: 60,
        wait: 300,
    };
    let rush = tokio::spawn(run(arguments));

    // Half-way is when half of the seats have an owner: the line is long, and people are at the till.
    system.until_sold(seats / 2).await;
    system.gateways[1].kill();
    system.apis[1].kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    system.gateways[1].start();
    system.apis[1].start();

    let verdict = tokio::time::timeout(Duration::from_secs(400), rush).await.expect("the rush ends").unwrap().unwrap();
    assert!(verdict.kept(), "{verdict:?}");
    assert_eq!(system.sold().await, seats);
    system.audit().await;
}
