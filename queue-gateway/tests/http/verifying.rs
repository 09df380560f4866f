use crate::fixture::{CURRENT, Gateway, SERVICE_KEY, active_token, assert_problem, foreign_active_token};

const VERIFY: &str = "/v1/verify?queue=demo";

#[tokio::test]
async fn an_admitted_visitor_passes_by_header_and_by_cookie() {
    let gateway = Gateway::open().await;
    let (_, document) = gateway.admitted_visitor().await;
    let token = document["active_token"].as_str().unwrap();
    let by_header = gateway.visitors.get(VERIFY).header("active-token", token).send().await;
    let by_cookie = gateway.visitors.get(VERIFY).header("cookie", &format!("active_token={token}")).send().await;
    for reply in [by_header, by_cookie] {
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("x-queue"), Some("demo"));
        assert_eq!(reply.header("x-visitor").map(str::len), Some(36));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn everybody_else_is_told_where_to_wait() {
    let gateway = Gateway::open().await;
    let expired = active_token(&gateway, |claims| claims.expires_at = claims.issued_at);
    let other_queue = active_token(&gateway, |claims| claims.queue = "other".parse().unwrap());
    let unknown = active_token(&gateway, |_| {});
    let foreign = foreign_active_token(&gateway, |_| {});
    let (waiting, _) = gateway.waiting_visitor().await;
    for token in ["rubbish", &expired, &other_queue, &unknown, &foreign, &waiting] {
        let reply = gateway.visitors.get(VERIFY).header("active-token", token).send().await;
        assert_problem(&reply, 401, "active_token_required");
        assert_eq!(reply.header("x-waiting-room"), Some("http://wait.test/waiting-room/demo"));
    }
    assert_problem(&gateway.visitors.get(VERIFY).send().await, 401, "active_token_required");
}

#[tokio::test]
async fn a_slot_that_has_ended_opens_nothing_though_its_token_has_not_expired() {
    let gateway = Gateway::with("tokens.arrive_within = '3s'").await;
    let (waiting, document) = gateway.admitted_visitor().await;
    let token = document["active_token"].as_str().unwrap();
    let verify = async || gateway.visitors.get(VERIFY).header("active-token", token).send().await;
    assert_eq!(verify().await.status, 200);
    gateway.visitors.delete(CURRENT).bearer(&waiting).send().await;
    assert_problem(&verify().await, 401, "active_token_required");

    let (_, document) = gateway.admitted_visitor().await;
    let token = document["active_token"].as_str().unwrap();
    gateway.pass(3).await;
    let unclaimed = gateway.visitors.get(VERIFY).header("active-token", token).send().await;
    assert_problem(&unclaimed, 401, "active_token_required");
}

#[tokio::test]
async fn admitted_visitors_of_before_the_stores_loss_go_on() {
    let gateway = Gateway::open().await;
    let token = active_token(&gateway, |claims| claims.epoch = 1);
    let reply = gateway.visitors.get(VERIFY).header("active-token", &token).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn being_asked_after_counts_as_an_arrival() {
    let gateway = Gateway::with("tokens.arrive_within = '2s'").await;
    let (waiting, document) = gateway.admitted_visitor().await;
    let token = document["active_token"].as_str().unwrap();
    assert_eq!(gateway.visitors.get(VERIFY).header("active-token", token).send().await.status, 200);
    gateway.pass(3).await;
    assert_eq!(gateway.poll(&waiting).await["state"], "admitted");
}

#[tokio::test]
async fn the_queue_must_be_named_where_there_are_several() {
    let gateway = Gateway::open().await;
    assert_problem(&gateway.visitors.get("/v1/verify").send().await, 404, "queue_not_found");
    assert_problem(&gateway.visitors.get("/v1/verify?queue=nowhere").send().await, 404, "queue_not_found");
    assert_problem(&gateway.visitors.get("/v1/verify?queue=A%20B").send().await, 400, "invalid_query");
    assert_problem(&gateway.visitors.get("/v1/verify?q=demo").send().await, 400, "invalid_query");
    let service = gateway.visitors.get(VERIFY).bearer(SERVICE_KEY).send().await;
    assert_problem(&service, 401, "active_token_required");
}
