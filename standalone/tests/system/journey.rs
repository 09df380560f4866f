//! A person with a browser: wait, be admitted, choose a seat, sign up, top up, pay, see the ticket.

use std::{path::PathBuf, time::Duration};

use fantoccini::{Client, Locator, elements::Element};
use serde_json::json;
use testkit::{Browser, eventually};

use crate::process::System;

/// Long enough for a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Person<'a> {
    browser: &'a Browser,
    page: &'a Client,
}

impl Person<'_> {
    async fn sees(&self, selector: &str) -> Element {
        let wait = self.page.wait().at_most(PATIENCE);
        let element = wait.for_element(Locator::Css(selector)).await;
        element.unwrap_or_else(|error| panic!("no {selector}: {error}"))
    }

    async fn sees_displayed(&self, selector: &str) -> Element {
        let shown = async {
            loop {
                let element = self.sees(selector).await;
                if element.is_displayed().await.unwrap_or(false) {
                    return element;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let Ok(element) = tokio::time::timeout(PATIENCE, shown).await else {
            self.keeps("failure").await;
            panic!("{selector} is never displayed")
        };
        element
    }

    async fn clicks(&self, selector: &str) {
        self.sees_displayed(selector).await.click().await.unwrap();
    }

    async fn types(&self, selector: &str, text: &str) {
        self.sees_displayed(selector).await.send_keys(text).await.unwrap();
    }

    async fn signs_up(&self, name: &str) {
        self.clicks("#account-switch").await;
        self.types("#email", &format!("{name}@example.com")).await;
        self.types("#password", "s3cret-pass!").await;
        self.types("#nickname", name).await;
        self.clicks("#account-submit").await;
    }

    /// Waits until the browser is at an address that begins so.
    async fn comes_to(&self, beginning: &str) {
        let arrived = async {
            while !self.page.current_url().await.unwrap().as_str().starts_with(beginning) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let Ok(()) = tokio::time::timeout(PATIENCE, arrived).await else {
            self.keeps("failure").await;
            panic!("they never come to {beginning}")
        };
    }

    async fn reads(&self, selector: &str) -> String {
        self.sees_displayed(selector).await.text().await.unwrap()
    }

    /// Keeps a screenshot where `JOURNEY_SCREENSHOTS` names a folder: for people who want to look.
    async fn keeps(&self, name: &str) {
        if let Some(folder) = std::env::var_os("JOURNEY_SCREENSHOTS") {
            self.browser.screenshot(&PathBuf::from(folder).join(format!("{name}.png"))).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_member_takes_the_shops_word_to_a_line_for_members_and_comes_back_with_a_turn() {
    let system = System::start(2.0).await;
    let browser = Browser::start().await;
    let person = Person { browser: &browser, page: browser.client() };
    let (shop, room) = (format!("http://{}", system.ticketing), format!("http://{}", system.gateway));

    person.page.goto(&format!("{room}/waiting-room/presale")).await.unwrap();
    person.sees_displayed("#to-site").await;
    person.keeps("5-members-only").await;
    person.clicks("#to-site").await;
    person.comes_to(&shop).await;

    let presale = ticketing_api::demo::FOR_MEMBERS.performance;
    person.page.goto(&format!("{shop}/performances/{presale}")).await.unwrap();
    person.clicks("#to-waiting-room").await;
    person.signs_up("member").await;
    // Through the waiting room, which lets them in at once, and back.
    person.sees_displayed("#panel[data-step='choosing']").await;
    person.clicks("#seat-12").await;
    person.clicks("#hold").await;
    person.sees_displayed("#pay").await;
    person.keeps("6-held-by-a-member").await;
}

#[tokio::test]
async fn a_person_gets_from_the_waiting_room_to_a_paid_ticket() {
    let system = System::start(0.0).await;
    let waiting_room = system.waiting_room();
    for _ in 0..2 {
        let join = waiting_room.post("/v1/queues/demo/tokens").json(&json!({})).send().await;
        assert_eq!(join.status, 201);
    }
    let browser = Browser::start().await;
    let person = Person { browser: &browser, page: browser.client() };

    person.page.goto(&format!("http://{}/waiting-room/demo", system.gateway)).await.unwrap();
    assert_eq!(person.reads("#position").await, "3");
    person.keeps("1-waiting").await;

    let operator = system.secret("operator_key");
    let internal = system.waiting_room_internal();
    let rate = internal.patch("/v1/admin/queues/demo").bearer(&operator).json(&json!({"rate_per_second": 2.0}));
    assert_eq!(rate.send().await.status, 200);
    let shop = format!("http://{}", system.ticketing);
    person.comes_to(&shop).await;

    person.sees_displayed("#seat-12").await;
    assert!(!person.page.current_url().await.unwrap().as_str().contains("active_token"), "the token left the address");

    person.clicks("#sign-in").await;
    person.signs_up("person").await;
    person.sees_displayed("#member-name").await;

    person.clicks("#wallet").await;
    person.types("#top-up-amount", "500000").await;
    person.clicks("#top-up").await;
    let is_topped_up = async || person.sees("#balance").await.text().await.unwrap().contains("500");
    eventually("the balance shows the money", is_topped_up).await;
    if person.sees("#wallet-dialog").await.is_displayed().await.unwrap() {
        person.clicks("#wallet-dialog [data-close]").await;
    }

    person.clicks("#seat-12").await;
    person.clicks("#seat-13").await;
    person.keeps("2-seats").await;
    person.clicks("#hold").await;
    person.sees_displayed("#pay").await;
    person.keeps("3-held").await;
    person.clicks("#pay").await;
    let ticket = person.reads("#ticket").await;
    person.keeps("4-ticket").await;
    assert!(ticket.contains("12") && ticket.contains("13"), "{ticket}");
}
