//! The sale's page.

use ticketing_api::demo;

use crate::fixture::Shop;

#[tokio::test]
async fn the_page_and_its_parts_come_with_a_strict_policy() {
    let shop = Shop::open().await;
    for (path, media_type) in [
        ("/".to_owned(), "text/html; charset=utf-8"),
        (format!("/performances/{}", demo::PERFORMANCE), "text/html; charset=utf-8"),
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
