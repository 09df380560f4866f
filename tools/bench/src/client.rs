//! A patient JSON client over several instances of one service.
//!
//! It does what a good client of ours should: any instance serves any call, a 503 or a lost connection is retried after
//! the server's `Retry-After` or a jittered pause, and every unsafe call carries an idempotency key, so that a retry
//! after an unknown outcome is harmless.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rand::Rng;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// A single attempt may last so long; a dead instance must not hold a visitor for the whole run.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest reply that is read; the seats of a performance are the largest we ask for.
const MAX_REPLY_BYTES: usize = 32 << 20;

/// One service behind one or more addresses.
#[derive(Clone, Debug)]
pub struct Service {
    http: Client<HttpConnector, Full<Bytes>>,
    bases: Vec<String>,
    patience: Duration,
}

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
    /// The JSON body; null when there was none.
    pub body: Value,
}

/// No definite answer.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Every attempt failed until patience ran out; the last failure is told.
    #[error("no answer within {patience:?}, at last: {last}")]
    OutOfPatience {
        /// How long it was tried.
        patience: Duration,
        /// The last failure.
        last: String,
    },
    /// The call itself cannot be sent.
    #[error("unsendable request: {0}")]
    Unsendable(#[from] http::Error),
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
}

impl Reply {
    /// The stable code of a problem document; empty for other replies.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Service {
    /// A service at `bases`, each like `http://127.0.0.1:8080`; a call gives up after `patience`.
    pub fn new(bases: &[String], patience: Duration) -> Self {
        let http = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(15)).build_http();
        let bases = bases.iter().map(|base| base.trim_end_matches('/').to_owned()).collect();
        Self { http, bases, patience }
    }

    /// How long a call is tried.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Sends the call until there is an answer other than 429 and 503, each time to an instance drawn at random.
    pub async fn send(&self, call: &Call) -> Result<Reply, Trouble> {
        let started = Instant::now();
        loop {
            let (pause, last) = match timeout(ATTEMPT_TIMEOUT, self.attempt(call)).await {
                Ok(Ok((reply, None))) => return Ok(reply),
                Ok(Ok((reply, Some(pause)))) => (pause, format!("{} {}", reply.status, reply.code())),
                Ok(Err(Failure::Unsendable(error))) => return Err(error.into()),
                Ok(Err(Failure::Transport(error))) => (jittered(Duration::from_millis(300)), error),
                Err(_) => (Duration::ZERO, "timed out".to_owned()),
            };
            if started.elapsed() + pause > self.patience {
                return Err(Trouble::OutOfPatience { patience: self.patience, last });
            }
            sleep(pause).await;
        }
    }

    /// Opens a stream on an instance drawn at random and returns the response with its body unread.
    pub async fn open(&self, call: &Call) -> Result<http::Response<Incoming>, String> {
        let request = self.request(call).map_err(|error| error.to_string())?;
        self.http.request(request).await.map_err(|error| error.to_string())
    }

    /// One attempt; a pause beside the reply says that it is not definite.
    async fn attempt(&self, call: &Call) -> Result<(Reply, Option<Duration>), Failure> {
        let request = self.request(call).map_err(Failure::Unsendable)?;
        let response = self.http.request(request).await.map_err(|error| Failure::Transport(error.to_string()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_REPLY_BYTES).collect().await;
        let body = body.map_err(|error| Failure::Transport(error.to_string()))?.to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let reply = Reply { status: head.status, body };
        let come_back = matches!(reply.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        let pause = come_back.then(|| retry_after(&head.headers));
        Ok((reply, pause))
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, http::Error> {
        let base = &self.bases[rand::rng().random_range(0..self.bases.len())];
        let mut request = Request::builder().method(call.method.clone()).uri(format!("{base}{}", call.path));
        if let Some(headers) = request.headers_mut() {
            headers.extend(call.headers.clone());
            if call.body.is_some() {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
        }
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        request.body(Full::new(body.into()))
    }
}

enum Failure {
    Unsendable(http::Error),
    Transport(String),
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    jittered(Duration::from_secs(seconds.map_or(1, u64::from).min(5)))
}

/// Between half and all of `pause`: clients that failed together must not come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}
