//! The sale's page.

use fantoccini::{Client, Locator};
use testkit::{Browser, eventually};
use ticketing_api::demo;

use crate::fixture::Shop;

#[tokio::test]
async fn the_page_and_its_parts_come_with_a_strict_policy() {
    let shop = Shop::open().await;
    for (path, media_type) in [
        ("/".to_owned(), "text/html; charset=utf-8"),
        (format!("/performances/{}", demo::FOR_EVERYBODY.performance), "text/html; charset=utf-8"),
        ("/assets/sale.js".to_owned(), "text/javascript; charset=utf-8"),
        ("/assets/sale.css".to_owned(), "text/css; charset=utf-8"),
    ] {
        let reply = shop.api.get(&path).send().await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, Some(media_type)), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}

async fn displayed(page: &Client, selector: &str) -> bool {
    match page.find(Locator::Css(selector)).await {
        Ok(element) => element.is_displayed().await.unwrap_or(false),
        Err(_) => false,
    }
}

async fn clicks(page: &Client, selector: &str) {
    eventually(selector, async || displayed(page, selector).await).await;
    page.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
}

async fn reads(page: &Client, selector: &str, text: &str) {
    eventually(text, async || match page.find(Locator::Css(selector)).await {
        Ok(element) => element.text().await.is_ok_and(|shown| shown.contains(text)),
        Err(_) => false,
    })
    .await;
}

#[tokio::test]
async fn a_visitor_is_known_to_be_here_and_may_give_their_turn_up() {
    let shop = Shop::of_today().await;
    let browser = Browser::start().await;
    let page = browser.client();
    let address = format!("http://{}/performances/{}", shop.address, demo::FOR_EVERYBODY.performance);
    page.goto(&format!("{address}#active_token={}", shop.active_token(demo::FOR_EVERYBODY.queue))).await.unwrap();
    eventually("the page reports its visitor", async || shop.gateway.signs_of_life() == 1).await;
    assert_eq!(shop.gateway.active(), 1);

    clicks(page, "#seat-12").await;
    clicks(page, "#leave").await;
    clicks(page, "#leave-now").await;
    reads(page, "#panel-title", "Your turn is over").await;
    reads(page, "#panel-hint", "You gave your turn back").await;
    eventually("the slot is free", async || shop.gateway.active() == 0).await;
    assert!(displayed(page, "#to-waiting-room").await && !displayed(page, "#leave").await);

    // A turn that passed before its visitor came is named as that, also after a reload.
    let late = shop.active_token(demo::FOR_EVERYBODY.queue);
    shop.clock.advance(crate::gateway::CLAIM_WITHIN);
    page.goto(&format!("{address}#active_token={late}")).await.unwrap();
    page.refresh().await.unwrap();
    reads(page, "#panel-hint", "Your turn passed before it was used").await;
}
