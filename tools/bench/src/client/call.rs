//! A call that can be repeated, and its answer.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

/// A call that can be repeated.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Value>,
}

/// A definite answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// As they were received.
    pub headers: HeaderMap,
    /// The JSON body; null when there was none.
    pub body: Value,
    /// Which instance answered, by its place among the service's addresses.
    pub from: usize,
}

impl Call {
    /// A call without a body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: None }
    }

    /// `GET path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// `DELETE path`.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// `POST path` with a JSON body.
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, path) }
    }

    /// Adds a header; one that HTTP cannot carry is left out, and the server's refusal will tell.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Says from which address the caller comes, to services that trust us as a proxy: a real crowd has many addresses.
    #[must_use]
    pub fn from_address(self, address: &str) -> Self {
        self.header("x-forwarded-for", address)
    }

    /// Adds `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Makes the call safe to repeat.
    #[must_use]
    pub fn once(self) -> Self {
        let key = uuid::Uuid::new_v4().to_string();
        self.header("idempotency-key", &key)
    }

    /// The call as it goes to the instance at `base`.
    pub(super) fn request(&self, base: &str) -> Result<Request<Full<bytes::Bytes>>, http::Error> {
        let mut request = Request::builder().method(self.method.clone()).uri(format!("{base}{}", self.path));
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            if self.body.is_some() {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
        }
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        request.body(Full::new(body.into()))
    }
}

impl Reply {
    /// The stable code of a problem document; empty for other replies.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Where a redirection leads; empty for other replies.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|location| location.to_str().ok()).unwrap_or_default()
    }
}
