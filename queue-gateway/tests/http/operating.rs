use testkit::eventually;

use crate::fixture::{Gateway, TOKENS};

#[tokio::test]
async fn the_operations_port_shows_health_and_metrics() {
    let gateway = Gateway::open().await;
    gateway.admitted_visitor().await;
    let (token, _) = gateway.waiting_visitor().await;
    gateway.visitors.post(TOKENS).bearer(&token).send().await;
    gateway.poll(&token).await;
    assert_eq!(gateway.internal.get("/healthz").send().await.status, 200);
    assert_eq!(gateway.internal.get("/readyz").send().await.status, 200);
    eventually("the line is shown", async || {
        let metrics = gateway.internal.get("/metrics").send().await.text();
        [
            r#"queue_gateway_joins_total{place="new",queue="demo"} 2"#,
            r#"queue_gateway_joins_total{place="same",queue="demo"} 1"#,
            r#"queue_gateway_polls_total{queue="demo"} 1"#,
            r#"queue_gateway_admitted_total{queue="demo"} 1"#,
            r#"queue_gateway_visitors_waiting{queue="demo"} 1"#,
            r#"queue_gateway_visitors_present{queue="demo"} 1"#,
            r#"queue_gateway_visitors_parked{queue="demo"} 0"#,
            r#"queue_gateway_slots_unclaimed{queue="demo"} 1"#,
            r#"queue_gateway_visitors_active{queue="demo"} 1"#,
            r#"queue_gateway_rate_per_second{queue="demo"} 1"#,
            r#"queue_gateway_active_cap{queue="demo"} 10"#,
            r#"queue_gateway_state{queue="demo",state="open"} 1"#,
            r#"queue_gateway_state{queue="demo",state="paused"} 0"#,
            r#"queue_gateway_http_requests_total{route="/v1/queues/{queue}/tokens",status="2xx"} 3"#,
            "process_resident_memory_bytes",
        ]
        .iter()
        .all(|line| metrics.contains(line))
    })
    .await;
}
