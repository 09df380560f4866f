//! A JSON body together with the `Idempotency-Key` under which it is carried out once.

use axum::{
    body::HttpBody,
    extract::{FromRequest, OriginalUri, Request},
    http::{HeaderMap, Method},
};
use contract::ids::MemberId;
use serde::{Serialize, de::DeserializeOwned};
use service::problem::{Json, Problem};
use sha2::{Digest, Sha256};

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

impl<T: DeserializeOwned + Serialize, S: Send + Sync> FromRequest<S> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        let key = key_of(request.headers())?;
        let method = request.method().clone();
        let path = match request.extensions_mut().get::<OriginalUri>() {
            Some(OriginalUri(uri)) => uri.path().to_owned(),
            None => request.uri().path().to_owned(),
        };
        let body = if request.body().is_end_stream() {
            serde_json::from_str("{}").map_err(|error| error::invalid_body(error.to_string()))?
        } else {
            let Json(body) = Json::<T>::from_request(request, state).await?;
            body
        };
        let understood = serde_json::to_string(&body).map_err(|error| error::invalid_body(error.to_string()))?;
        Ok(Self { body, key, fingerprint: fingerprint(&method, &path, &understood) })
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // Of two keys, whoever looked at the request before us may have gone by the other.
    if values.next().is_some() {
        return Err(error::key_invalid());
    }
    let valid = (1..=MAX_KEY_BYTES).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if valid => Ok(Some(key.to_owned())),
        _ => Err(error::key_invalid()),
    }
}

/// What the request asks for, whatever its spacing and the order of its members: the body is hashed as it was
/// understood, not as it was spelt.
fn fingerprint(method: &Method, path: &str, understood: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [method.as_str(), path, understood] {
        // With its length before it, no part can be taken for the end of another.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Serialize)]
    struct Order {
        a: u32,
        b: Vec<u32>,
    }

    async fn of(method: Method, path: &str, body: &str) -> [u8; 32] {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        Keyed::<Order>::from_request(request, &()).await.unwrap().fingerprint
    }

    #[tokio::test]
    async fn the_same_request_spelt_differently_has_the_same_fingerprint() {
        let one = of(Method::POST, "/v1/x", r#"{"a": 1, "b": [1, 2]}"#).await;
        assert_eq!(one, of(Method::POST, "/v1/x", r#"{"b":[1,2],"a":1}"#).await);
    }

    #[tokio::test]
    async fn another_request_has_another_fingerprint() {
        let one = of(Method::POST, "/v1/x", r#"{"a":1,"b":[]}"#).await;
        for other in [
            of(Method::DELETE, "/v1/x", r#"{"a":1,"b":[]}"#).await,
            of(Method::POST, "/v1/y", r#"{"a":1,"b":[]}"#).await,
            of(Method::POST, "/v1/x", r#"{"a":2,"b":[]}"#).await,
            of(Method::POST, "/v1/x", r#"{"a":1,"b":[1]}"#).await,
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
        let two = HeaderMap::from_iter(["a-1", "a-2"].map(|key| (HEADER.parse().unwrap(), key.parse().unwrap())));
        assert_eq!(key_of(&two).unwrap_err().code, "idempotency_key_invalid");
    }
}
