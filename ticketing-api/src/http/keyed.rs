//! A JSON body together with the `Idempotency-Key` under which it is carried out once.

use axum::{
    body::HttpBody,
    extract::{FromRequest, OriginalUri, Request},
    http::{HeaderMap, Method},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::{
    ids::MemberId,
    problem::{Json, Problem},
};

use super::error;
use crate::store::IdempotencyKey;

const HEADER: &str = "idempotency-key";
const MAX_KEY_BYTES: usize = 255;

/// A body with its key, if it has one. A request without a body counts as one with an empty object.
#[derive(Debug)]
pub(super) struct Keyed<T> {
    /// The body.
    pub(super) body: T,
    key: Option<String>,
    fingerprint: [u8; 32],
}

impl<T> Keyed<T> {
    /// The key, for calls that may go without.
    pub(super) fn key(&self, member: MemberId) -> Option<IdempotencyKey> {
        let key = self.key.clone()?;
        Some(IdempotencyKey { member, key, fingerprint: self.fingerprint })
    }

    /// The key, for calls that move money.
    pub(super) fn required_key(&self, member: MemberId) -> Result<IdempotencyKey, Problem> {
        self.key(member).ok_or_else(error::key_required)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        let key = key_of(request.headers())?;
        let method = request.method().clone();
        let path = match request.extensions_mut().get::<OriginalUri>() {
            Some(OriginalUri(uri)) => uri.path().to_owned(),
            None => request.uri().path().to_owned(),
        };
        let body = if request.body().is_end_stream() {
            Value::Object(serde_json::Map::new())
        } else {
            let Json(body) = Json::<Value>::from_request(request, state).await?;
            body
        };
        let fingerprint = fingerprint(&method, &path, &body);
        let body = serde_json::from_value(body).map_err(|error| error::invalid_body(error.to_string()))?;
        Ok(Self { body, key, fingerprint })
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let valid = (1..=MAX_KEY_BYTES).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if valid => Ok(Some(key.to_owned())),
        _ => Err(error::key_invalid()),
    }
}

/// What the request asks for, whatever its spacing and the order of its members: the body is hashed as it was
/// understood, not as it was spelt.
fn fingerprint(method: &Method, path: &str, body: &Value) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [method.as_str(), path, &body.to_string()] {
        // With its length before it, no part can be taken for the end of another.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, path: &str, body: &str) -> [u8; 32] {
        fingerprint(method, path, &serde_json::from_str(body).unwrap())
    }

    #[test]
    fn the_same_request_spelt_differently_has_the_same_fingerprint() {
        let one = of(&Method::POST, "/v1/x", r#"{"a": 1, "b": [1, 2]}"#);
        assert_eq!(one, of(&Method::POST, "/v1/x", r#"{"b":[1,2],"a":1}"#));
    }

    #[test]
    fn another_request_has_another_fingerprint() {
        let one = of(&Method::POST, "/v1/x", r#"{"a":1}"#);
        for other in [
            of(&Method::DELETE, "/v1/x", r#"{"a":1}"#),
            of(&Method::POST, "/v1/y", r#"{"a":1}"#),
            of(&Method::POST, "/v1/x", r#"{"a":2}"#),
            of(&Method::POST, "/v1/x", r#"{"a":"1"}"#),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_key_is_short_visible_ascii() {
        let key = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
            key_of(&headers)
        };
        assert_eq!(key("a-1").unwrap().as_deref(), Some("a-1"));
        for bad in ["", "a b", "\u{e9}", &"x".repeat(256)] {
            assert_eq!(key(bad).unwrap_err().code, "idempotency_key_invalid", "{bad:?}");
        }
        assert_eq!(key_of(&HeaderMap::new()).unwrap(), None);
    }
}
