//! Calls to other services inside our network: plain HTTP over pooled connections, each call bounded in time and size.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde::de::DeserializeOwned;

/// No reply between our services comes near this size.
const MAX_REPLY_BYTES: usize = 64 * 1024;
/// Shorter than our servers keep an idle connection, so that we rarely write into one that is being closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(15);

/// No usable answer came: try again later. The text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CallFailed(String);

/// Calls other services.
pub struct HttpClient {
    http: Client<HttpConnector, Full<Bytes>>,
    timeout: Duration,
}

impl HttpClient {
    /// A client that connects when it is first used. The time is for one whole call, connecting included.
    pub fn new(timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeout));
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .build(connector);
        Self { http, timeout }
    }

    /// The answer, whatever its status.
    pub async fn call(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), CallFailed> {
        let exchange = async {
            let reply = self.http.request(request).await.map_err(CallFailed::because)?;
            let status = reply.status();
            let body = Limited::new(reply.into_body(), MAX_REPLY_BYTES).collect().await;
            Ok((status, body.map_err(CallFailed::because)?.to_bytes()))
        };
        tokio::time::timeout(self.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(CallFailed(format!("no reply within {:?}", self.timeout))))
    }
}

impl CallFailed {
    /// The call could not be made, or its answer not be read.
    pub fn because(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    /// An answer that the call's contract does not know. Our own fault may be behind it, such as a wrong key: the text
    /// has to say so.
    pub fn unexpected(status: StatusCode, body: &[u8]) -> Self {
        let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
        Self(format!("it answered {status}: {text}"))
    }
}

/// The document in an answer.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallFailed> {
    serde_json::from_slice(body).map_err(|error| CallFailed(format!("unreadable reply: {error}")))
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
