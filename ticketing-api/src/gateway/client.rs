//! The calls to the gateway.

use std::{fmt, time::Duration};

use bytes::Bytes;
use contract::{
    calls::{ClaimReply, ClaimRequest},
    ids::{ActiveTokenId, MemberId},
    tokens::JwkSet,
};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::GatewaySettings;

/// No reply of the gateway comes near this size.
const MAX_REPLY_BYTES: usize = 64 * 1024;
/// Shorter than the gateway keeps an idle connection, so that we rarely write into one that it is closing.
const IDLE_CONNECTION: Duration = Duration::from_secs(15);

/// The gateway did not answer in time, or not in a way that its contract knows: try again later.
#[derive(Debug, thiserror::Error)]
#[error("the gateway is unavailable: {0}")]
pub struct GatewayUnavailable(pub String);

/// Reply to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The token is bound to the member.
    Granted {
        /// Until when the slot lives.
        expires_at: Timestamp,
    },
    /// Somebody else claimed it first.
    HeldByAnother,
    /// The slot is gone: released, expired, or not claimed in time.
    Gone,
}

/// Calls the gateway over pooled connections.
pub struct GatewayClient {
    http: Client<HttpConnector, Full<Bytes>>,
    base: String,
    authorization: SecretString,
    timeout: Duration,
}

impl GatewayClient {
    /// A client that connects when it is first used.
    pub fn new(settings: &GatewaySettings, service_key: &SecretString) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(settings.timeout));
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .build(connector);
        Self {
            http,
            base: settings.url.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {}", service_key.expose_secret()).into(),
            timeout: settings.timeout,
        }
    }

    /// The published keys.
    pub async fn keys(&self) -> Result<JwkSet, GatewayUnavailable> {
        match self.call(Method::GET, "/.well-known/jwks.json", Bytes::new()).await? {
            (StatusCode::OK, body) => read(&body),
            (status, body) => Err(unexpected(status, &body)),
        }
    }

    /// Binds a token to a member. Repeating it for the same member changes nothing.
    pub async fn claim(
        &self,
        id: ActiveTokenId,
        holder: MemberId,
        active_token: &str,
    ) -> Result<Claim, GatewayUnavailable> {
        let request = ClaimRequest { holder, active_token: Some(active_token.to_owned()) };
        let body = serde_json::to_vec(&request).map_err(|error| GatewayUnavailable(error.to_string()))?;
        match self.call(Method::POST, &format!("/v1/active-tokens/{id}/claim"), body.into()).await? {
            (StatusCode::OK, body) => read(&body).map(|ClaimReply { expires_at }| Claim::Granted { expires_at }),
            (StatusCode::CONFLICT, _) => Ok(Claim::HeldByAnother),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Ok(Claim::Gone),
            (status, body) => Err(unexpected(status, &body)),
        }
    }

    /// Frees a token's slot. A slot that the gateway does not know, or no longer, is as free as one can be.
    pub async fn release(&self, id: ActiveTokenId) -> Result<(), GatewayUnavailable> {
        let (status, body) = self.call(Method::POST, &format!("/v1/active-tokens/{id}/release"), Bytes::new()).await?;
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            _ => Err(unexpected(status, &body)),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), GatewayUnavailable> {
        let mut request = Request::builder().method(&method).uri(format!("{}{path}", self.base));
        if method != Method::GET {
            request = request
                .header(header::AUTHORIZATION, self.authorization.expose_secret())
                .header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body)).map_err(|error| GatewayUnavailable(error.to_string()))?;
        let exchange = async {
            let reply = self.http.request(request).await.map_err(|error| GatewayUnavailable(error.to_string()))?;
            let status = reply.status();
            let body = Limited::new(reply.into_body(), MAX_REPLY_BYTES)
                .collect()
                .await
                .map_err(|error| GatewayUnavailable(error.to_string()))?;
            Ok((status, body.to_bytes()))
        };
        tokio::time::timeout(self.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(GatewayUnavailable(format!("no reply within {:?}", self.timeout))))
    }
}

impl fmt::Debug for GatewayClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayClient").field("base", &self.base).finish_non_exhaustive()
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, GatewayUnavailable> {
    serde_json::from_slice(body).map_err(|error| GatewayUnavailable(format!("unreadable reply: {error}")))
}

/// Also our own fault may be behind it (a wrong service key): the log has to say so.
fn unexpected(status: StatusCode, body: &[u8]) -> GatewayUnavailable {
    let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
    GatewayUnavailable(format!("it answered {status}: {text}"))
}
