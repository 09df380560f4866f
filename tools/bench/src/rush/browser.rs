//! One visitor's browser at the gateway: the page, the line, the entrance.

use anyhow::{Context, bail};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{document::Document, jar::Jar, stream::Events, token};
use crate::client::{Call, Reply, Service};

/// A browser with the cookies that it was given.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    gateway: Service,
    queue: String,
    address: String,
    jar: Jar,
    /// The last waiting token, kept when its cookie is cleared.
    place: Option<String>,
}

/// An answer, and which instance gave it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// What it said.
    pub(super) document: Document,
    /// The number of the instance that gave it.
    pub(super) by: usize,
}

impl Browser {
    /// One that has been nowhere yet.
    pub(super) fn new(gateway: Service, queue: &str, address: &str) -> Self {
        Self { gateway, queue: queue.to_owned(), address: address.to_owned(), jar: Jar::default(), place: None }
    }

    /// The service that it speaks to.
    pub(super) fn gateway(&self) -> &Service {
        &self.gateway
    }

    /// The order of its place; the lower goes first.
    pub(super) fn order(&self) -> Option<i64> {
        self.jar.waiting_token(&self.queue).and_then(token::order_of)
    }

    /// Opens the waiting room's page, which gives the browser its identity.
    pub(super) async fn come(&mut self) -> anyhow::Result<()> {
        let reply = self.send(Call::get(format!("/waiting-room/{}", self.queue))).await?;
        if reply.status != StatusCode::OK {
            bail!("the page was answered with {}", reply.status);
        }
        Ok(())
    }

    /// Takes a place.
    pub(super) async fn join(&mut self) -> anyhow::Result<Told> {
        let reply = self.send(Call::post(format!("/v1/queues/{}/tokens", self.queue), json!({}))).await?;
        told(&reply, "the join")
    }

    /// Asks where it stands.
    pub(super) async fn poll(&mut self) -> anyhow::Result<Told> {
        let reply = self.send(Call::get(self.current())).await?;
        told(&reply, "a poll")
    }

    /// What has become of the last place, also when its cookie is gone; none where there never was one.
    pub(super) async fn ask_for_old_place(&self) -> anyhow::Result<Option<Document>> {
        let Some(place) = &self.place else { return Ok(None) };
        let call = Call::get(self.current()).from_address(&self.address).bearer(place);
        Ok(Some(told(&self.gateway.send(&call).await?, "a poll")?.document))
    }

    /// Opens a stream, if there is an instance that can be reached.
    pub(super) async fn listen(&mut self) -> Option<Events> {
        let (from, response) = self.gateway.open(&self.with_cookies(Call::get(self.stream_path()))).await.ok()?;
        self.keep(response.headers());
        (response.status() == StatusCode::OK).then(|| Events::new(from, response.into_body()))
    }

    /// Goes to the site: the active token with which it arrives there, or none when it was sent back to the waiting
    /// room.
    pub(super) async fn enter(&mut self) -> anyhow::Result<Option<String>> {
        let reply = self.send(Call::get(format!("/v1/queues/{}/enter", self.queue))).await?;
        if reply.status != StatusCode::SEE_OTHER {
            bail!("the entrance answered {} {}", reply.status, reply.body);
        }
        let token = reply.location().split_once("#active_token=").map(|(_, token)| token.to_owned());
        Ok(token)
    }

    /// Gives the place up, or the slot. False when the slot is claimed, and so is given up at the shop.
    pub(super) async fn leave(&mut self) -> anyhow::Result<bool> {
        let reply = self.send(Call::delete(self.current())).await?;
        match reply.status {
            status if status.is_success() => Ok(true),
            StatusCode::CONFLICT if reply.code() == "slot_claimed" => Ok(false),
            status => bail!("leaving was answered with {status} {}", reply.body),
        }
    }

    /// The head of a request for a stream, for a connection that is not the client's.
    pub(super) fn stream_head(&self, host: &str) -> String {
        let (path, address, cookies) = (self.stream_path(), &self.address, self.jar.header());
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {address}\r\nCookie: {cookies}\r\n\r\n")
    }

    fn stream_path(&self) -> String {
        format!("/v1/queues/{}/stream", self.queue)
    }

    fn current(&self) -> String {
        format!("/v1/queues/{}/tokens/current", self.queue)
    }

    fn with_cookies(&self, call: Call) -> Call {
        call.from_address(&self.address).header("cookie", &self.jar.header())
    }

    async fn send(&mut self, call: Call) -> anyhow::Result<Reply> {
        let reply = self.gateway.send(&self.with_cookies(call)).await?;
        self.keep(&reply.headers);
        Ok(reply)
    }

    fn keep(&mut self, headers: &HeaderMap) {
        self.jar.keep(headers);
        self.place = self.jar.waiting_token(&self.queue).map(str::to_owned).or(self.place.take());
    }
}

fn told(reply: &Reply, what: &str) -> anyhow::Result<Told> {
    let document = Document::read(&reply.body);
    let document = document.with_context(|| format!("{what} was answered with {} {}", reply.status, reply.body))?;
    Ok(Told { document, by: reply.from })
}
