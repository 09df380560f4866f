//! A member with money, and the steps to a ticket.

use serde_json::{Value, json};
use testkit::{HttpClient, Reply, Request};

use crate::process::System;

/// Who buys.
pub(crate) struct Buyer {
    shop: HttpClient,
    session: String,
}

impl Buyer {
    /// Signs up, logs in and tops the wallet up.
    pub(crate) async fn with_money(system: &System, nickname: &str, amount: i64) -> Self {
        let shop = system.shop();
        let (email, password) = (format!("{nickname}@example.com"), "s3cret-pass!");
        let member = json!({"email": email, "password": password, "nickname": nickname});
        assert_eq!(shop.post("/v1/members").json(&member).send().await.status, 201);
        let credentials = json!({"email": email, "password": password});
        let session = shop.post("/v1/sessions").json(&credentials).send().await.json();
        let buyer = Self { shop, session: session["access_token"].as_str().unwrap().to_owned() };
        let charge =
            buyer.post("/v1/wallet/charges").header("Idempotency-Key", "charge").json(&json!({"amount": amount}));
        assert_eq!(charge.send().await.status, 201);
        buyer
    }

    /// The demo sale's only performance.
    pub(crate) async fn performance(&self) -> String {
        let concerts = self.shop.get("/v1/concerts").send().await.json();
        let concert = concerts["items"][0]["id"].as_str().unwrap().to_owned();
        let concert = self.shop.get(&format!("/v1/concerts/{concert}")).send().await.json();
        concert["performances"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Holds and reserves a seat; the reservation.
    pub(crate) async fn reserve(&self, performance: &str, active_token: &str, seat: u32) -> Value {
        let hold = self.post(&format!("/v1/performances/{performance}/holds")).header("Active-Token", active_token);
        let hold = created(&hold.json(&json!({"seats": [seat]})).send().await);
        let reservation = self.post("/v1/reservations").header("Active-Token", active_token);
        created(&reservation.json(&json!({"hold_id": hold["id"]})).send().await)
    }

    /// Pays a reservation.
    pub(crate) async fn pay(&self, reservation: &Value, active_token: &str) -> Reply {
        let path = format!("/v1/reservations/{}/payments", reservation["id"].as_str().unwrap());
        let payment = self.post(&path).header("Active-Token", active_token).header("Idempotency-Key", "pay");
        payment.json(&json!({})).send().await
    }

    /// Anything of their own.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.shop.get(path).bearer(&self.session).send().await.json()
    }

    fn post(&self, path: &str) -> Request {
        self.shop.post(path).bearer(&self.session)
    }
}

/// The body of a 201.
pub(crate) fn created(reply: &Reply) -> Value {
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
}
