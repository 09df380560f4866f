//! Signing up and logging in.

use serde_json::json;

use crate::fixture::{PASSWORD, Shop, assert_problem};

#[tokio::test]
async fn a_member_signs_up_logs_in_and_sees_himself() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    let me = shop.api.get("/v1/members/me").bearer(&member.session).send().await.json();
    assert_eq!((me["email"].as_str(), &me["role"]), (Some(member.email.as_str()), &json!("member")));
    assert!(!me.to_string().contains("argon2"), "{me}");

    // The case of an email does not matter.
    let shouted = json!({"email": member.email.to_uppercase(), "password": PASSWORD});
    let session = shop.api.post("/v1/sessions").json(&shouted).send().await.json();
    assert_eq!((&session["token_type"], &session["member"]["id"]), (&json!("Bearer"), &me["id"]));
}

#[tokio::test]
async fn rules_and_duplicates_are_refused() {
    let shop = Shop::open().await;
    let sign_up = async |email: &str, password: &str, nickname: &str| {
        let body = json!({"email": email, "password": password, "nickname": nickname});
        shop.api.post("/v1/members").json(&body).send().await
    };
    let broken = sign_up("nobody", "short", "!").await;
    assert_problem(&broken, 422, "invalid_sign_up");
    assert_eq!(broken.json()["rules"].as_array().unwrap().len(), 5, "{}", broken.text());

    assert_eq!(sign_up("ann@example.org", PASSWORD, "ann").await.status, 201);
    assert_problem(&sign_up("Ann@example.org", PASSWORD, "ann2").await, 409, "email_taken");
    assert_problem(&sign_up("ann2@example.org", PASSWORD, "ann").await, 409, "nickname_taken");
    let more = json!({"email": "a@b.cd", "password": PASSWORD, "nickname": "bob", "role": "admin"});
    assert_problem(&shop.api.post("/v1/members").json(&more).send().await, 400, "invalid_body");
}

#[tokio::test]
async fn a_failed_log_in_does_not_tell_whether_there_is_such_a_member() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    let mut bodies = vec![];
    for (email, password) in
        [(member.email.as_str(), "wrong1!!"), ("nobody@example.org", PASSWORD), (&member.email, &"x".repeat(5000))]
    {
        let reply = shop.api.post("/v1/sessions").json(&json!({"email": email, "password": password})).send().await;
        assert_problem(&reply, 401, "invalid_credentials");
        bodies.push(reply.text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn an_address_that_logs_in_too_often_is_told_to_wait() {
    let shop = Shop::with("rate_limits.log_in = { per_second = 1, burst = 2 }").await;
    let body = json!({"email": "nobody@example.org", "password": PASSWORD});
    let log_in =
        async || shop.api.post("/v1/sessions").json(&body).header("x-forwarded-for", "203.0.113.9").send().await;
    log_in().await;
    log_in().await;
    // The forged header is not believed: nobody is a trusted proxy here.
    let refused = log_in().await;
    assert_problem(&refused, 429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let metrics = shop.operations.get("/metrics").send().await.text();
    assert!(metrics.contains(r#"ticketing_rate_limited_total{call="log_in"} 1"#), "{metrics}");
}

#[tokio::test]
async fn a_crowd_that_signs_up_is_told_to_come_back_instead_of_taking_all_cores() {
    let shop = Shop::with("passwords = { concurrent = 1, waiting = 1 }").await;
    let mut attempts = tokio::task::JoinSet::new();
    for number in 0..12 {
        let body =
            json!({"email": format!("c{number}@example.org"), "password": PASSWORD, "nickname": format!("c{number}")});
        attempts.spawn(shop.api.post("/v1/members").json(&body).send());
    }
    let replies = attempts.join_all().await;
    let (served, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 201);
    assert!(!served.is_empty() && !refused.is_empty(), "{} served, {} refused", served.len(), refused.len());
    for reply in refused {
        assert_problem(reply, 503, "too_many_log_ins");
    }
}
