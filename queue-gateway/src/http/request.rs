//! What handlers are given of a request: the queue it names, the place it proves, the key it holds.
//!
//! Every refusal is a problem document, and every credential is checked here and nowhere else.

use std::{ops::Deref, sync::Arc};

use axum::{
    body::HttpBody,
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use contract::ids::VisitorId;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::problem::{Json, Path, Problem};
use subtle::ConstantTimeEq;

use super::{Gateway, Queue, cookie, error};
use crate::line::Place;

/// The queue that the address names.
#[derive(Clone, Debug)]
pub struct AskedQueue(Arc<Queue>);

impl Deref for AskedQueue {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.0
    }
}

impl FromRequestParts<Arc<Gateway>> for AskedQueue {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let Path(name) = Path::<String>::from_request_parts(parts, gateway).await?;
        // Looked up by text: what is no queue name is no queue.
        gateway.queues.get(name.as_str()).cloned().map(Self).ok_or_else(error::queue_not_found)
    }
}

/// A place proven by a valid waiting token of the asked queue.
#[derive(Clone, Copy, Debug)]
pub struct HeldPlace {
    /// Whose place.
    pub visitor: VisitorId,
    /// Which place.
    pub place: Place,
    /// When the token was minted.
    pub issued_at: Timestamp,
}

/// The token is in `Authorization: Bearer` or else in the cookie.
impl FromRequestParts<Arc<Gateway>> for HeldPlace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let queue = AskedQueue::from_request_parts(parts, gateway).await?;
        let token = bearer(&parts.headers)
            .or_else(|| cookie::value_of(&parts.headers, cookie::WAITING_TOKEN))
            .ok_or_else(error::waiting_token_missing)?;
        let now = gateway.clock.now();
        let claims = gateway.documents.read_waiting_token(token, now).map_err(error::waiting_token_refused)?;
        if claims.queue != queue.name {
            return Err(error::waiting_token_of_another_queue());
        }
        Ok(Self { visitor: claims.visitor, place: Place::from(&claims), issued_at: claims.issued_at })
    }
}

/// For calls that take a visitor with a useless token like one with none.
impl OptionalFromRequestParts<Arc<Gateway>> for HeldPlace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Option<Self>, Problem> {
        Ok(<Self as FromRequestParts<_>>::from_request_parts(parts, gateway).await.ok())
    }
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
    /// What he calls himself in `Operator-Name`, for the log; the key is what authenticates him.
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
