//! A browser as far as the gateway can tell: it keeps the cookies that it is given, and says whose page calls.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::{HttpClient, Reply, Request};

use crate::fixture::{CURRENT, Gateway, TOKENS};

pub(crate) const PAGE: &str = "/waiting-room/demo";
pub(crate) const ENTER: &str = "/v1/queues/demo/enter";

pub(crate) struct Browser<'a> {
    client: &'a HttpClient,
    cookies: Mutex<BTreeMap<String, String>>,
    /// Where a proxy says that it is.
    address: Option<String>,
}

impl<'a> Browser<'a> {
    /// A browser that has not been here before.
    pub(crate) fn new(gateway: &'a Gateway) -> Self {
        Self { client: &gateway.visitors, cookies: Mutex::default(), address: None }
    }

    /// The same behind a proxy that says where it is.
    pub(crate) fn at(gateway: &'a Gateway, address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..Self::new(gateway) }
    }

    /// Opens the waiting room's page, as everybody does first.
    pub(crate) async fn visit(self) -> Self {
        let page = self.send(self.client.get(PAGE)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        self
    }

    pub(crate) async fn join(&self) -> Reply {
        self.send(self.client.post(TOKENS)).await
    }

    /// Joins with an invitation.
    pub(crate) async fn bring(&self, invitation: &str) -> Reply {
        self.send(self.client.post(TOKENS).json(&json!({"invitation": invitation}))).await
    }

    /// Joins with a solved challenge.
    pub(crate) async fn join_with_proof(&self, proof: &str) -> Reply {
        self.send(self.client.post(TOKENS).header("proof-of-work", proof)).await
    }

    pub(crate) async fn poll(&self) -> Reply {
        self.send(self.client.get(CURRENT)).await
    }

    /// What the next poll says.
    pub(crate) async fn place(&self) -> Value {
        let reply = self.poll().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    pub(crate) async fn leave(&self) -> Reply {
        self.send(self.client.delete(CURRENT)).await
    }

    /// Follows the link to the site.
    pub(crate) async fn enter(&self) -> Reply {
        self.send(self.client.get(ENTER)).await
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().get(name).cloned()
    }

    /// The waiting token that it holds.
    pub(crate) fn waiting_token(&self) -> String {
        self.cookie("waiting_token.demo").unwrap()
    }

    /// Has a cookie of before again.
    pub(crate) fn put_back(&self, name: &str, value: &str) {
        self.cookies.lock().insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn forget(&self, name: &str) {
        self.cookies.lock().remove(name);
    }

    /// All its cookies as one header.
    pub(crate) fn cookies(&self) -> String {
        let pairs: Vec<_> = self.cookies.lock().iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// Sends a request of our own page, and keeps what it is given.
    async fn send(&self, request: Request) -> Reply {
        let mut request = request.header("sec-fetch-site", "same-origin");
        let cookies = self.cookies();
        if !cookies.is_empty() {
            request = request.header("cookie", &cookies);
        }
        if let Some(address) = &self.address {
            request = request.header("x-forwarded-for", address);
        }
        let reply = request.send().await;
        self.keep(&reply);
        reply
    }

    fn keep(&self, reply: &Reply) {
        for line in reply.headers.get_all("set-cookie") {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.lock().insert(name.to_owned(), value.to_owned());
        }
    }
}
