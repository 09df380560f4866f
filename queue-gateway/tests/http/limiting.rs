use std::sync::Arc;

use contract::clock::ManualClock;
use testkit::Reply;

use crate::fixture::{CURRENT, Gateway, ONE_PER_SECOND, TOKENS, assert_problem, settings_text};

const TIGHT: &str = "
rate_limits.join = { per_second = 1, burst = 2 }
rate_limits.poll = { per_second = 1, burst = 1 }
rate_limits.leave = { per_second = 1, burst = 1 }
rate_limits.verify = { per_second = 1, burst = 1 }
";

async fn join_for(gateway: &Gateway, forwarded: &str) -> Reply {
    gateway.visitors.post(TOKENS).header("x-forwarded-for", forwarded).send().await
}

#[tokio::test]
async fn an_address_that_joins_too_often_is_told_when_to_come_back() {
    let gateway = Gateway::with(TIGHT).await;
    for _ in 0..2 {
        assert_eq!(gateway.visitors.post(TOKENS).send().await.status, 201);
    }
    let refused = gateway.visitors.post(TOKENS).send().await;
    assert_problem(&refused, 429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let metrics = gateway.internal.get("/metrics").send().await.text();
    assert!(metrics.contains(r#"queue_gateway_rate_limited_total{call="join"} 1"#), "{metrics}");
}

#[tokio::test]
async fn polls_have_a_limit_of_their_own() {
    let gateway = Gateway::with(TIGHT).await;
    let (token, _) = gateway.waiting_visitor().await;
    let poll = async || gateway.visitors.get(CURRENT).bearer(&token).send().await;
    assert_eq!(poll().await.status, 200);
    assert_problem(&poll().await, 429, "rate_limited");
}

#[tokio::test]
async fn leaving_and_verifying_have_limits_of_their_own() {
    let gateway = Gateway::with(TIGHT).await;
    let (token, _) = gateway.waiting_visitor().await;
    let leave = async || gateway.visitors.delete(CURRENT).bearer(&token).send().await;
    let verify = async || gateway.visitors.get("/v1/verify?queue=demo").send().await;
    assert_eq!((leave().await.status.as_u16(), verify().await.status.as_u16()), (204, 401));
    for refused in [leave().await, verify().await] {
        assert_problem(&refused, 429, "rate_limited");
    }
    for call in ["leave", "verify"] {
        assert_eq!(gateway.metric(&format!(r#"queue_gateway_rate_limited_total{{call="{call}"}}"#)).await, 1, "{call}");
    }
}

#[tokio::test]
async fn a_visitor_whose_place_has_left_the_line_has_the_store_asked_only_so_often() {
    let gateway = Gateway::with("rate_limits.departed = { per_second = 1, burst = 2 }").await;
    let (token, _) = gateway.waiting_visitor().await;
    let (other, _) = gateway.waiting_visitor().await;
    let poll = async |token: &str| gateway.visitors.get(CURRENT).bearer(token).send().await;
    for _ in 0..4 {
        assert_eq!(poll(&token).await.status, 200, "whoever waits costs the store nothing");
    }
    assert_eq!(gateway.visitors.delete(CURRENT).bearer(&token).send().await.status, 204);
    for _ in 0..2 {
        assert_eq!(poll(&token).await.json()["state"], "left");
    }
    let refused = poll(&token).await;
    assert_problem(&refused, 429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(gateway.metric(r#"queue_gateway_departed_refused_total{queue="demo"}"#).await, 1);
    assert_eq!(poll(&other).await.status, 200);
}

#[tokio::test]
async fn a_forged_forwarding_header_dodges_no_limit() {
    let gateway = Gateway::with(TIGHT).await;
    let mut refused = 0;
    for last in 0..4 {
        refused += u32::from(join_for(&gateway, &format!("203.0.113.{last}")).await.status == 429);
    }
    assert_eq!(refused, 2);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_a_limit_of_its_own() {
    let settings =
        settings_text(ONE_PER_SECOND, TIGHT).replace("trusted_proxies = []", "trusted_proxies = ['127.0.0.1']");
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
