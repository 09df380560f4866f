//! Active tokens verified offline with the gateway's published keys.

use std::sync::Arc;

use contract::{
    clock::SharedClock,
    tokens::{ActiveClaims, TokenError},
};
use moka::future::Cache;
use service::{
    outage::Outage,
    remote_keys::{RemoteKeys, Unverified},
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::GatewaySettings;
use crate::metrics::GatewayMetrics;

/// Verified tokens remembered; beyond it the least used are verified again (some 40 us).
const REMEMBERED_TOKENS: u64 = 100_000;

/// Why a token is refused before anybody is asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActiveTokenError {
    /// The gateway did not sign it for us.
    #[error("not an active token of our gateway: {0}")]
    Invalid(TokenError),
    /// It was valid once.
    #[error("the active token has expired")]
    Expired,
    /// Its key is not known, and the gateway cannot be asked for its keys.
    #[error("the gateway's keys cannot be fetched")]
    KeysUnavailable,
}

/// The gateway's keys, kept fresh, and the tokens they have verified.
#[derive(Debug)]
pub struct ActiveTokenVerifier {
    keys: RemoteKeys<ActiveClaims>,
    clock: SharedClock,
    /// By SHA-256 of the token.
    verified: Cache<[u8; 32], Verified>,
}

#[derive(Clone, Debug)]
struct Verified {
    claims: Arc<ActiveClaims>,
    /// Which key set verified it: another one has to do it again.
    by: u64,
}

impl ActiveTokenVerifier {
    /// A verifier without keys yet: they are fetched by [`keep_fresh`](Self::keep_fresh) or for the first token.
    pub fn new(clock: SharedClock, settings: &GatewaySettings, metrics: &GatewayMetrics) -> Self {
        let outage =
            Outage::new("the gateway's keys cannot be fetched: trying on", "the gateway's keys are fetched again");
        Self {
            keys: RemoteKeys::new(settings.token_issuer(), outage, metrics.key_fetches.clone()),
            clock,
            verified: Cache::builder().max_capacity(REMEMBERED_TOKENS).build(),
        }
    }

    /// The claims of a token that the gateway signed for us and that has not expired.
    pub async fn verify(&self, token: &str) -> Result<Arc<ActiveClaims>, ActiveTokenError> {
        let now = self.clock.now();
        let digest: [u8; 32] = Sha256::digest(token).into();
        let by = self.keys.version();
        match self.verified.get(&digest).await {
            Some(known) if known.by == by && now < known.claims.expires_at => return Ok(known.claims),
            Some(_) => self.verified.invalidate(&digest).await,
            None => {}
        }
        let claims = Arc::new(self.keys.verify(token, now).await?);
        self.verified.insert(digest, Verified { claims: Arc::clone(&claims), by }).await;
        Ok(claims)
    }

    /// Fetches the keys now and then at the configured interval, until `shutdown`.
    pub async fn keep_fresh(self: Arc<Self>, shutdown: CancellationToken) {
        self.keys.keep_fresh(shutdown).await;
    }
}

impl From<Unverified> for ActiveTokenError {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Refused(TokenError::Expired) => Self::Expired,
            Unverified::Refused(reason) => Self::Invalid(reason),
            Unverified::KeysUnavailable => Self::KeysUnavailable,
        }
    }
}
