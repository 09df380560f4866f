//! What handlers are given of a request: the queue it names, the place it proves, the key it holds.
//!
//! Every refusal is a problem document, and every credential is checked here and nowhere else.

use std::{net::IpAddr, ops::Deref, sync::Arc};

use axum::{
    body::HttpBody,
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request},
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use contract::ids::VisitorId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use service::{
    accept::Peer,
    client_address::{client_address, limit_key},
    problem::{Json, Path, Problem},
};
use subtle::ConstantTimeEq;

use super::{Gateway, cookie, error};
use crate::{
    documents::Holder,
    line::{ClientNetwork, Place},
    waiting_room::{Client, Held, Queue},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The queue that the address names.
#[derive(Clone, Debug)]
pub struct AskedQueue(pub Arc<Queue>);

impl Deref for AskedQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.0
    }
}

impl FromRequestParts<Arc<Gateway>> for AskedQueue {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        if let Some(found) = parts.extensions.get::<Self>() {
            return Ok(found.clone());
        }
        let Path(name) = Path::<String>::from_request_parts(parts, gateway).await?;
        // Looked up by text: what is no queue name is no queue.
        let queue = gateway.queues.get(name.as_str()).cloned().map(Self).ok_or_else(error::queue_not_found)?;
        queue.follower.interest.ask().await;
        // Several extractors ask for it.
        parts.extensions.insert(queue.clone());
        Ok(queue)
    }
}

/// A place proven by a valid waiting token of the asked queue.
#[derive(Clone, Copy, Debug)]
pub struct HeldPlace(pub Held);

/// The token is in `Authorization: Bearer`, or else in a cookie: the first that we signed counts.
impl FromRequestParts<Arc<Gateway>> for HeldPlace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let queue = AskedQueue::from_request_parts(parts, gateway).await?;
        if let Some(token) = bearer(&parts.headers) {
            return held(gateway, &queue, token);
        }
        let name = gateway.cookies.waiting_token(&queue.name);
        let mut refusal = error::waiting_token_missing();
        for token in cookie::values_of(&parts.headers, &name) {
            match held(gateway, &queue, token) {
                Ok(held) => return Ok(held),
                Err(refused) => refusal = refused,
            }
        }
        Err(refusal)
    }
}

fn held(gateway: &Gateway, queue: &Queue, token: &str) -> Result<HeldPlace, Problem> {
    let now = gateway.clock.now();
    let claims = gateway.documents.read_waiting_token(token, now).map_err(error::waiting_token_refused)?;
    if claims.queue != queue.name {
        return Err(error::waiting_token_of_another_queue());
    }
    Ok(HeldPlace(Held {
        holder: Holder { visitor: claims.visitor, member: claims.member },
        place: Place::from(&claims),
        issued_at: claims.issued_at,
    }))
}

/// For calls that take a visitor with a useless token like one with none.
impl OptionalFromRequestParts<Arc<Gateway>> for HeldPlace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Option<Self>, Problem> {
        Ok(<Self as FromRequestParts<_>>::from_request_parts(parts, gateway).await.ok())
    }
}

/// Who a browser is by the identity that we gave it, if it has one.
#[derive(Clone, Copy, Debug)]
pub struct Identity(pub Option<VisitorId>);

impl FromRequestParts<Arc<Gateway>> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let now = gateway.clock.now();
        let known = cookie::values_of(&parts.headers, &gateway.cookies.identity())
            .find_map(|token| gateway.identities.verify(token, now).ok());
        Ok(Self(known.map(|claims| claims.visitor)))
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct CalledFrom(pub Client);

impl FromRequestParts<Arc<Gateway>> for CalledFrom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let Peer(peer) = <Peer as FromRequestParts<_>>::from_request_parts(parts, gateway).await?;
        let peer = peer.ip().to_canonical();
        if parts.headers.contains_key(X_FORWARDED_FOR) && is_private(peer) && !gateway.proxies.contains(peer) {
            // All visitors behind it would be taken for one network.
            gateway.untrusted_proxy.note(peer);
            return Ok(Self(Client { network: None }));
        }
        let address = client_address(peer, &parts.headers, &gateway.proxies);
        let network = (!gateway.access.is_allowed(address)).then(|| ClientNetwork(limit_key(address)));
        Ok(Self(Client { network }))
    }
}

/// Addresses that only neighbours have: a proxy of ours that nobody told us of, rather than a visitor.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

/// A call in a visitor's name, made by our own page or by a client that holds its token itself. A foreign page may
/// make a browser call us with its cookies; it must not take a place, or give one up.
#[derive(Clone, Copy, Debug)]
pub struct OwnPage {
    /// How the caller keeps a waiting token.
    pub keeps: Keeps,
}

/// How a caller keeps a waiting token, as far as the request shows. Nobody needs it twice, and what stands in the body
/// of a reply to a browser is open to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// A browser does, whatever a script in it sends.
    InCookie,
    /// Whoever else sends one as `Authorization: Bearer` does.
    ByItself,
    /// A first contact of no browser that we know of.
    Unknown,
}

impl FromRequestParts<Arc<Gateway>> for OwnPage {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let site = headers.get(SEC_FETCH_SITE);
        // A foreign page would have to ask first whether it may send one.
        let holds_a_token = bearer(headers).is_some();
        let own = holds_a_token
            || match site {
                Some(site) => site == "same-origin" || site == "none",
                None => comes_from_us(headers, &gateway.public_url),
            };
        let is_browser = site.is_some() || headers.contains_key(header::ORIGIN);
        let keeps = match (is_browser, holds_a_token) {
            (true, _) => Keeps::InCookie,
            (false, true) => Keeps::ByItself,
            (false, false) => Keeps::Unknown,
        };
        if own { Ok(Self { keeps }) } else { Err(error::cross_site()) }
    }
}

/// By the `Origin`, which browsers also send without fetch metadata: old ones, and all of them over plain http. Without
/// either it is no browser. A proxy in front may have changed the `Host`, so the public address counts as well.
fn comes_from_us(headers: &HeaderMap, public_url: &str) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    if origin == public_url {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    origin.is_some() && origin == host
}

/// An empty body, or an empty JSON object.
#[derive(Debug)]
pub struct NoContent;

/// Keys may be added to the body some day; until then an unknown one is an error, not ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmptyObject {}

impl<S: Send + Sync> FromRequest<S> for NoContent {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !request.body().is_end_stream() {
            let Json(EmptyObject {}) = Json::from_request(request, state).await?;
        }
        Ok(Self)
    }
}

/// A body that may be empty, which is the default.
#[derive(Debug)]
pub struct OrEmpty<T>(pub T);

impl<S: Send + Sync, T: Default + DeserializeOwned> FromRequest<S> for OrEmpty<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Body of a join: empty, or an object, with the join token in a queue of members and the invitation of whoever has
/// one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JoinBody {
    /// What the site says of its member.
    pub join_token: Option<String>,
    /// For the priority lane.
    pub invitation: Option<String>,
}

impl<S: Send + Sync> FromRequest<S> for JoinBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self::default());
        }
        let Json(body) = Json::from_request(request, state).await?;
        Ok(body)
    }
}

/// The keys of callers that are no visitors.
#[derive(Debug)]
pub struct Keys {
    /// Of services: claim and release.
    pub service: SecretString,
    /// Of operators: the admin calls.
    pub operator: SecretString,
}

/// The caller is one of our services.
#[derive(Debug)]
pub struct Service;

impl FromRequestParts<Arc<Gateway>> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        if !holds_key(&parts.headers, &gateway.keys.service) {
            return Err(error::key_refused("service_key_required"));
        }
        Ok(Self)
    }
}

/// The caller is an operator.
#[derive(Debug)]
pub struct Operator {
    /// What they call themselves in `Operator-Name`, for the log; the key is what authenticates them.
    pub name: String,
}

/// Longer names are cut: they go to the log.
const MAX_OPERATOR_NAME: usize = 64;

impl FromRequestParts<Arc<Gateway>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        if !holds_key(&parts.headers, &gateway.keys.operator) {
            return Err(error::key_refused("operator_key_required"));
        }
        // `to_str` refuses all but visible ASCII, so a name cannot forge a line of the log.
        let name = parts.headers.get("operator-name").and_then(|name| name.to_str().ok()).unwrap_or("operator");
        Ok(Self { name: name.chars().take(MAX_OPERATOR_NAME).collect() })
    }
}

fn holds_key(headers: &HeaderMap, key: &SecretString) -> bool {
    // Compared in constant time: how long a refusal takes says nothing about how much of a guess was right.
    bearer(headers).is_some_and(|given| given.as_bytes().ct_eq(key.expose_secret().as_bytes()).into())
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
