//! The operations port.

use crate::fixture::{Shop, created};

#[tokio::test]
async fn health_and_metrics_tell_what_happened() {
    let shop = Shop::open().await;
    assert_eq!(shop.operations.get("/healthz").send().await.status, 200);
    let buyer = shop.buyer().await;
    let reservation = shop.reserved(&buyer, &[1]).await;
    created(&shop.pay(&buyer, &reservation).await);
    shop.hold(&shop.buyer().await, &[1]).await;

    let metrics = shop.metrics().await;
    for expected in [
        "ticketing_holds_total{outcome=\"held\"} 1",
        "ticketing_holds_total{outcome=\"seats_taken\"} 1",
        "ticketing_seats_taken_total{layer=\"fast_store\"} 1",
        "ticketing_reservations_total{outcome=\"reserved\"} 1",
        "ticketing_payments_total{outcome=\"completed\"} 1",
        "ticketing_gateway_claims_total{outcome=\"granted\"} 2",
        "ticketing_gateway_key_fetches_total{outcome=\"ok\"}",
        "ticketing_http_requests_total{method=\"POST\",route=\"/v1/performances/{id}/holds\",status=\"201\"} 1",
        "ticketing_http_request_duration_seconds_bucket",
        "ticketing_database_up 1",
        "ticketing_database_connections{state=\"idle\"}",
        "ticketing_fast_store_up 1",
        "process_resident_memory_bytes",
    ] {
        assert!(metrics.contains(expected), "{expected} in:\n{metrics}");
    }
}
