//! What services and operators call stands on a port of its own, which a flood on the public one does not reach.

use serde_json::json;

use crate::fixture::{CURRENT, Gateway, OPERATOR_KEY, SERVICE_KEY, TOKENS, assert_problem};

#[tokio::test]
async fn services_and_operators_are_not_heard_on_the_public_port() {
    let gateway = Gateway::open().await;
    let (_, document) = gateway.admitted_visitor().await;
    let slot = gateway.slot(&document);
    let token = document["active_token"].as_str().unwrap();
    for (call, body) in
        [("claim", json!({"holder": slot})), ("arrive", json!({"active_token": token})), ("release", json!({}))]
    {
        let call = gateway.visitors.post(&format!("/v1/active-tokens/{slot}/{call}")).bearer(SERVICE_KEY).json(&body);
        assert_problem(&call.send().await, 404, "not_found");
    }
    let queue = "/v1/admin/queues/demo";
    for call in [
        gateway.visitors.get(queue),
        gateway.visitors.patch(queue).json(&json!({"active_cap": 1})),
        gateway.visitors.post(&format!("{queue}/pause")),
        gateway.visitors.post(&format!("{queue}/resume")),
    ] {
        assert_problem(&call.bearer(OPERATOR_KEY).send().await, 404, "not_found");
    }
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_problem(&gateway.visitors.get(path).send().await, 404, "not_found");
    }
    gateway.step().await;
    assert_eq!(gateway.public_state().await["active"], 1, "the slot is as it was");
}

#[tokio::test]
async fn visitors_are_not_heard_on_the_internal_port() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    for call in [
        gateway.internal.post(TOKENS),
        gateway.internal.get(CURRENT),
        gateway.internal.delete(CURRENT),
        gateway.internal.get("/v1/queues/demo/stream"),
        gateway.internal.get("/v1/queues/demo/enter"),
        gateway.internal.get("/v1/queues/demo"),
        gateway.internal.get("/waiting-room/demo"),
        gateway.internal.get("/v1/verify?queue=demo"),
    ] {
        assert_problem(&call.bearer(&token).send().await, 404, "not_found");
    }
}
