//! Another site's page may have a browser call us: it takes no place, and gives none up.

use testkit::Request;

use crate::fixture::{CURRENT, Gateway, TOKENS, assert_problem};

/// The calls that change something, as a browser makes them that holds this token.
fn calls(gateway: &Gateway, token: &str) -> [Request; 2] {
    let cookie = format!("waiting_token.demo={token}");
    [gateway.visitors.post(TOKENS), gateway.visitors.delete(CURRENT)].map(|call| call.header("cookie", &cookie))
}

#[tokio::test]
async fn a_foreign_page_is_refused_by_what_the_browser_says_of_it() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    for site in ["cross-site", "same-site", "nonsense", ""] {
        for call in calls(&gateway, &token) {
            assert_problem(&call.header("sec-fetch-site", site).send().await, 403, "cross_site_request");
        }
    }
    assert_eq!(gateway.poll(&token).await["state"], "waiting");
}

#[tokio::test]
async fn a_foreign_page_is_refused_by_its_origin_where_a_browser_says_no_more() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    let neighbour = format!("http://127.0.0.1:{}", gateway.address.port() ^ 1);
    for origin in ["https://evil.test", "null", "", "http://wait.test.evil.test", &neighbour] {
        for call in calls(&gateway, &token) {
            assert_problem(&call.header("origin", origin).send().await, 403, "cross_site_request");
        }
    }
    assert_eq!(gateway.poll(&token).await["state"], "waiting");
}

#[tokio::test]
async fn our_own_page_is_let_through_also_behind_a_proxy_that_changes_the_host() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    let direct = format!("http://{}", gateway.address);
    for (name, value) in [
        ("sec-fetch-site", "same-origin"),
        // Typed into the address bar.
        ("sec-fetch-site", "none"),
        ("origin", direct.as_str()),
        ("origin", "http://wait.test"),
    ] {
        let [join, _] = calls(&gateway, &token);
        let reply = join.header(name, value).send().await;
        assert_eq!(reply.status, 200, "{name}: {value}: {}", reply.text());
    }
    // What fetch metadata says goes before the origin.
    let [_, leave] = calls(&gateway, &token);
    let refused = leave.header("origin", &direct).header("sec-fetch-site", "cross-site").send().await;
    assert_problem(&refused, 403, "cross_site_request");
}

#[tokio::test]
async fn a_client_that_holds_its_token_itself_calls_from_wherever_it_likes() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    let join = gateway.visitors.post(TOKENS).bearer(&token).header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(join.status, 200, "{}", join.text());
    let leave = gateway.visitors.delete(CURRENT).bearer(&token).header("origin", "https://app.test").send().await;
    assert_eq!(leave.status, 204, "{}", leave.text());
}

#[tokio::test]
async fn no_reply_may_be_read_by_a_foreign_page() {
    let gateway = Gateway::open().await;
    let (token, _) = gateway.waiting_visitor().await;
    let reply = gateway.visitors.get(CURRENT).bearer(&token).header("origin", "https://evil.test").send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), None);
}
