use std::sync::Arc;

use contract::clock::ManualClock;
use testkit::Reply;

use crate::fixture::{CURRENT, Gateway, ONE_PER_SECOND, TOKENS, assert_problem, settings_text};

const TWO_JOINS: &str = "
rate_limits.join = { per_second = 1, burst = 2 }
rate_limits.poll = { per_second = 1, burst = 1 }
";

async fn join_for(gateway: &Gateway, forwarded: &str) -> Reply {
    gateway.visitors.post(TOKENS).header("x-forwarded-for", forwarded).send().await
}

#[tokio::test]
async fn an_address_that_joins_too_often_is_told_when_to_come_back() {
    let gateway = Gateway::with(TWO_JOINS).await;
    for _ in 0..2 {
        assert_eq!(gateway.visitors.post(TOKENS).send().await.status, 201);
    }
    let refused = gateway.visitors.post(TOKENS).send().await;
    assert_problem(&refused, 429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let metrics = gateway.operations.get("/metrics").send().await.text();
    assert!(metrics.contains(r#"queue_gateway_rate_limited_total{call="join"} 1"#), "{metrics}");
}

#[tokio::test]
async fn polls_have_a_limit_of_their_own() {
    let gateway = Gateway::with(TWO_JOINS).await;
    let (token, _) = gateway.waiting_visitor().await;
    let poll = async || gateway.visitors.get(CURRENT).bearer(&token).send().await;
    assert_eq!(poll().await.status, 200);
    assert_problem(&poll().await, 429, "rate_limited");
}

#[tokio::test]
async fn a_forged_forwarding_header_dodges_no_limit() {
    let gateway = Gateway::with(TWO_JOINS).await;
    let mut refused = 0;
    for last in 0..4 {
        refused += u32::from(join_for(&gateway, &format!("203.0.113.{last}")).await.status == 429);
    }
    assert_eq!(refused, 2);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_his_own_limit() {
    let settings =
        settings_text(ONE_PER_SECOND, TWO_JOINS).replace("trusted_proxies = []", "trusted_proxies = ['127.0.0.1']");
    let clock = Arc::new(ManualClock::at_second(1_800_000_000));
    let gateway = Gateway::start(&settings, clock, None).await;
    for last in 0..4 {
        assert_ne!(join_for(&gateway, &format!("203.0.113.{last}")).await.status, 429);
    }
    // What the client itself wrote stands to the left of what the proxy added.
    let mut refused = 0;
    for forged in 0..4 {
        refused += u32::from(join_for(&gateway, &format!("198.51.100.{forged}, 203.0.113.9")).await.status == 429);
    }
    assert_eq!(refused, 2);
    // All addresses of one IPv6 customer are one.
    refused = 0;
    for last in 0..4 {
        refused += u32::from(join_for(&gateway, &format!("2001:db8::{last}")).await.status == 429);
    }
    assert_eq!(refused, 2);
}
