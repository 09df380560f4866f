//! The calls to the gateway's internal listener.

use std::fmt;

use bytes::Bytes;
use contract::{
    calls::{ArriveReply, ArriveRequest, ClaimReply, ClaimRequest, ReleaseRequest},
    ids::{ActiveTokenId, MemberId, QueueName},
};
use http::{Request, StatusCode, header};
use http_body_util::Full;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use service::http_client::{CallFailed, HttpClient, read};

use super::GatewaySettings;

/// The gateway did not answer in time, or not in a way that its contract knows: try again later.
#[derive(Debug, thiserror::Error)]
#[error("the gateway is unavailable: {0}")]
pub struct GatewayUnavailable(#[from] CallFailed);

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

/// Reply to a sign of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The visitor's turn goes on.
    Counted(ArriveReply),
    /// The slot is gone: released, expired, or not claimed in time.
    Gone,
}

/// Calls the gateway over pooled connections.
pub struct GatewayClient {
    http: HttpClient,
    base: String,
    authorization: SecretString,
}

impl GatewayClient {
    /// A client that connects when it is first used.
    pub fn new(settings: &GatewaySettings, service_key: &SecretString) -> Self {
        Self {
            http: HttpClient::new(settings.timeout),
            base: settings.internal_url.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {}", service_key.expose_secret()).into(),
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
        match self.call(id, "claim", document(&request)?).await? {
            (StatusCode::OK, body) => Ok(read(&body).map(|ClaimReply { expires_at }| Claim::Granted { expires_at })?),
            (StatusCode::CONFLICT, _) => Ok(Claim::HeldByAnother),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Ok(Claim::Gone),
            (status, body) => Err(CallFailed::unexpected(status, &body).into()),
        }
    }

    /// Reports that the visitor is at the site, or still there.
    pub async fn arrive(&self, id: ActiveTokenId, active_token: &str) -> Result<Arrival, GatewayUnavailable> {
        let request = ArriveRequest { active_token: active_token.to_owned() };
        match self.call(id, "arrive", document(&request)?).await? {
            (StatusCode::OK, body) => Ok(read(&body).map(Arrival::Counted)?),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Ok(Arrival::Gone),
            (status, body) => Err(CallFailed::unexpected(status, &body).into()),
        }
    }

    /// Frees a token's slot. A slot that the gateway does not know, or no longer, is as free as one can be.
    pub async fn release(&self, id: ActiveTokenId, queue: QueueName) -> Result<(), GatewayUnavailable> {
        let request = ReleaseRequest { queue: Some(queue) };
        let (status, body) = self.call(id, "release", document(&request)?).await?;
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            _ => Err(CallFailed::unexpected(status, &body).into()),
        }
    }

    async fn call(&self, id: ActiveTokenId, action: &str, body: Bytes) -> Result<(StatusCode, Bytes), CallFailed> {
        let request = Request::post(format!("{}/v1/active-tokens/{id}/{action}", self.base))
            .header(header::AUTHORIZATION, self.authorization.expose_secret())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(CallFailed::because)?;
        self.http.call(request).await
    }
}

impl fmt::Debug for GatewayClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayClient").field("base", &self.base).finish_non_exhaustive()
    }
}

fn document(request: &impl Serialize) -> Result<Bytes, CallFailed> {
    serde_json::to_vec(request).map(Bytes::from).map_err(CallFailed::because)
}
