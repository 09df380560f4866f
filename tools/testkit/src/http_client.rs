//! A small JSON client for tests: no redirects followed, no cookies kept, nothing decided for the test.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;

mod raw;
mod reply;

pub use raw::{RawReply, send_raw};
pub use reply::Reply;

/// Why a request has no reply. For tests of faults; others let [`Request::send`] panic.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request could not be formed: a header or path with forbidden bytes.
    #[error("the request is malformed: {0}")]
    Request(#[from] http::Error),
    /// No connection, or it broke before the whole reply came.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// The reply did not come in time.
    #[error("no reply within {0:?}")]
    Timeout(Duration),
}

/// A client of one server, with a pool of connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl HttpClient {
    /// A client of the server at `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self { base: format!("http://{address}"), client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// `POST path`.
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// `PATCH path`.
    pub fn patch(&self, path: &str) -> Request {
        self.request(Method::PATCH, path)
    }

    /// `DELETE path`.
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Any method.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let parts = http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        Request { client: self.client.clone(), parts, body: Bytes::new(), timeout: Duration::from_secs(30) }
    }
}

/// A request that is being put together.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: Client<HttpConnector, Full<Bytes>>,
    parts: http::request::Builder,
    body: Bytes,
    timeout: Duration,
}

impl Request {
    /// `Authorization: Bearer <token>`.
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// One more header, beside others of the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.parts = self.parts.header(name, value);
        self
    }

    /// A body of JSON.
    ///
    /// # Panics
    /// When the value is not JSON: a map with keys that are no strings.
    pub fn json(self, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|error| panic!("the body is not JSON: {error}"));
        self.body("application/json", body)
    }

    /// Any other body.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), content_type)
    }

    /// How long to wait for the whole reply; 30 seconds unless told.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The reply, whatever its status.
    ///
    /// # Panics
    /// When there is none.
    pub async fn send(self) -> Reply {
        let target = format!("{:?} {:?}", self.parts.method_ref(), self.parts.uri_ref());
        self.try_send().await.unwrap_or_else(|error| panic!("{target}: {error}"))
    }

    /// The reply, whatever its status, or why there is none.
    pub async fn try_send(self) -> Result<Reply, HttpError> {
        let request = self.parts.body(Full::new(self.body))?;
        let exchange = async {
            let reply = self.client.request(request).await.map_err(|error| HttpError::Connection(causes(&error)))?;
            let (parts, body) = reply.into_parts();
            let body = body.collect().await.map_err(|error| HttpError::Connection(causes(&error)))?;
            Ok(Reply { status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(HttpError::Timeout(self.timeout)))
    }
}

/// An error with all its causes: the outermost alone says only "client error".
fn causes(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
