use testkit::eventually;

use crate::fixture::{CURRENT, Gateway, assert_problem};

#[tokio::test]
async fn whoever_leaves_is_out_and_those_behind_move_up() {
    let gateway = Gateway::open().await;
    let (first, _) = gateway.waiting_visitor().await;
    let (second, _) = gateway.waiting_visitor().await;
    let reply = gateway.visitors.delete(CURRENT).bearer(&first).send().await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (204, 0));
    assert_eq!(reply.header("set-cookie"), Some("waiting_token.demo=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));
    gateway.until_poll(&second, "the second moves up", |place| place["position"] == 1).await;
    gateway.until_poll(&first, "the first has left", |place| place["state"] == "left").await;
    assert_eq!(gateway.visitors.delete(CURRENT).bearer(&first).send().await.status, 204, "leaving twice is leaving");
}

#[tokio::test]
async fn an_admitted_visitor_who_leaves_frees_the_slot() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.admitted_visitor().await;
    assert_eq!(gateway.visitors.delete(CURRENT).bearer(&token).send().await.status, 204);
    gateway.until_poll(&token, "they have left", |place| place["state"] == "left").await;
    eventually("the slot is free", async || gateway.public_state().await["active"] == 0).await;
}

#[tokio::test]
async fn a_claimed_slot_is_given_up_at_the_site() {
    let gateway = Gateway::open().await;
    let (token, document) = gateway.admitted_visitor().await;
    gateway.claim(&document).await;
    assert_problem(&gateway.visitors.delete(CURRENT).bearer(&token).send().await, 409, "slot_claimed");
    assert_eq!(gateway.poll(&token).await["state"], "admitted");
}

#[tokio::test]
async fn nobody_leaves_without_their_token() {
    let gateway = Gateway::open().await;
    assert_problem(&gateway.visitors.delete(CURRENT).send().await, 401, "waiting_token_missing");
    assert_problem(&gateway.visitors.delete(CURRENT).bearer("rubbish").send().await, 401, "waiting_token_invalid");
}
