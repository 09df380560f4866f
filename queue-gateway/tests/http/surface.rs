use serde_json::json;

use testkit::eventually;

use crate::fixture::{Gateway, TOKENS, assert_problem};

#[tokio::test]
async fn what_is_not_there_is_a_problem_document() {
    let gateway = Gateway::open().await;
    for path in ["/", "/v1", "/v1/queues", "/v1/queues/demo/", "/waiting-room", "/..%2fetc", "/v2/x"] {
        assert_problem(&gateway.visitors.get(path).send().await, 404, "not_found");
    }
    assert_problem(&gateway.visitors.get(TOKENS).send().await, 405, "method_not_allowed");
    assert_problem(&gateway.visitors.delete("/v1/queues/demo").send().await, 405, "method_not_allowed");
    assert_problem(&gateway.visitors.patch("/.well-known/jwks.json").send().await, 405, "method_not_allowed");
}

#[tokio::test]
async fn everybody_sees_the_public_state_of_a_queue() {
    let gateway = Gateway::with("tokens.arrive_within = '2s'").await;
    let reply = gateway.visitors.get("/v1/queues/demo").send().await;
    assert_eq!(reply.header("cache-control"), Some("public, max-age=1"));
    assert_eq!(
        reply.json(),
        json!({
            "queue": "demo", "title": "Demo", "state": "open", "waiting": 0, "present": 0, "parked": 0, "active": 0,
            "rate_per_second": 1.0, "active_cap": 10, "opens_at": null, "joins_from": null, "invitations": null,
            "opening": "fifo", "draw": null, "closes_at": null, "message": null,
        })
    );
    gateway.waiting_visitor().await;
    gateway.visitors.post(TOKENS).send().await;
    eventually("those who wait and those who are there are shown", async || {
        let state = gateway.public_state().await;
        (&state["waiting"], &state["present"]) == (&json!(2), &json!(1))
    })
    .await;
    // The first is admitted and does not come: kept, and in nobody's way.
    gateway.pass(1).await;
    eventually("the first is admitted", async || gateway.public_state().await["active"] == 1).await;
    gateway.pass(8).await;
    let state = gateway.public_state().await;
    assert_eq!((&state["waiting"], &state["parked"], &state["active"]), (&json!(1), &json!(1), &json!(0)), "{state}");
    assert_eq!(gateway.visitors.get("/v1/queues/other").send().await.json()["title"], "other");
    assert_problem(&gateway.visitors.get("/v1/queues/nowhere").send().await, 404, "queue_not_found");
}

#[tokio::test]
async fn the_key_set_may_be_kept_for_minutes() {
    let gateway = Gateway::open().await;
    let reply = gateway.visitors.get("/.well-known/jwks.json").send().await;
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(reply.header("content-type"), Some("application/jwk-set+json"));
    let keys = reply.json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["use"]), (&json!("OKP"), &json!("Ed25519"), &json!("sig")));
    assert!(key["kid"].is_string() && key.get("d").is_none(), "{keys}");
}

#[tokio::test]
async fn the_page_comes_under_a_strict_policy_with_every_part_that_it_names() {
    let gateway = Gateway::open().await;
    let page = gateway.visitors.get("/waiting-room/demo").send().await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("cache-control"), Some("no-store"), "it gives an identity");
    let html = page.text();
    assert!(!html.contains("<style") && !html.contains("style=") && !html.contains("onclick"), "inline code is barred");

    let mut parts: Vec<String> =
        html.split('"').filter(|part| part.starts_with("/waiting-room/assets/")).map(Into::into).collect();
    assert!(parts.len() >= 2, "{parts:?}");
    while let Some(path) = parts.pop() {
        let part = gateway.visitors.get(&path).send().await;
        assert_eq!(part.status, 200, "{path}");
        let style = std::path::Path::new(&path).extension().is_some_and(|extension| extension == "css");
        let kind = if style { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
        assert_eq!(part.header("content-type"), Some(kind), "{path}");
        let imports = part.text();
        let imports =
            imports.lines().filter(|line| line.starts_with("import ")).filter_map(|line| line.split('"').nth(1));
        parts.extend(imports.map(|name| format!("/waiting-room/assets/{}", name.trim_start_matches("./"))));
    }
    assert_problem(&gateway.visitors.get("/waiting-room/nowhere").send().await, 404, "queue_not_found");
    assert_problem(&gateway.visitors.get("/waiting-room/assets/nothing.js").send().await, 404, "not_found");
    assert_problem(&gateway.visitors.get("/waiting-room/assets/..%2fapp.rs").send().await, 404, "not_found");
}
