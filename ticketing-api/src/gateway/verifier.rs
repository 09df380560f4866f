//! Active tokens verified offline with the gateway's published keys.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use contract::{
    clock::SharedClock,
    tokens::{ActiveClaims, ActiveVerifier, JwkSet, TokenError},
};
use jiff::Timestamp;
use moka::future::Cache;
use parking_lot::Mutex;
use service::outage::Outage;
use sha2::{Digest, Sha256};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{GatewayClient, GatewaySettings};
use crate::metrics::GatewayMetrics;

/// Verified tokens remembered; beyond it the least used are verified again (some 40 us).
const REMEMBERED_TOKENS: u64 = 100_000;
/// Pause after a failed background refresh: until the first success no token can be verified.
const RETRY: Duration = Duration::from_secs(1);

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
    client: Arc<GatewayClient>,
    clock: SharedClock,
    settings: GatewaySettings,
    keys: ArcSwapOption<Keys>,
    /// By SHA-256 of the token. Emptied when the keys change: a withdrawn key takes its tokens along.
    verified: Cache<[u8; 32], Arc<ActiveClaims>>,
    fetching: Semaphore,
    last_fetch: Mutex<Option<Fetch>>,
    metrics: GatewayMetrics,
}

#[derive(Debug)]
struct Keys {
    published: JwkSet,
    verifier: ActiveVerifier,
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    at: Instant,
    succeeded: bool,
}

impl ActiveTokenVerifier {
    /// A verifier without keys yet: they are fetched by [`keep_fresh`](Self::keep_fresh) or for the first token.
    pub fn new(
        client: Arc<GatewayClient>,
        clock: SharedClock,
        settings: GatewaySettings,
        metrics: GatewayMetrics,
    ) -> Self {
        Self {
            client,
            clock,
            settings,
            keys: ArcSwapOption::empty(),
            verified: Cache::builder().max_capacity(REMEMBERED_TOKENS).build(),
            fetching: Semaphore::new(1),
            last_fetch: Mutex::new(None),
            metrics,
        }
    }

    /// The claims of a token that the gateway signed for us and that has not expired.
    pub async fn verify(&self, token: &str) -> Result<Arc<ActiveClaims>, ActiveTokenError> {
        let now = self.clock.now();
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(claims) = self.verified.get(&digest).await {
            if now < claims.expires_at {
                return Ok(claims);
            }
            self.verified.invalidate(&digest).await;
            return Err(ActiveTokenError::Expired);
        }
        let claims = match self.verify_with_known_keys(token, now) {
            Err(TokenError::UnknownKey) => {
                self.fetch_for_unknown_key().await?;
                self.verify_with_known_keys(token, now)
            }
            known => known,
        };
        let claims = Arc::new(claims.map_err(|error| match error {
            TokenError::Expired => ActiveTokenError::Expired,
            other => ActiveTokenError::Invalid(other),
        })?);
        self.verified.insert(digest, Arc::clone(&claims)).await;
        Ok(claims)
    }

    /// Fetches the keys now and then at the configured interval, until `shutdown`.
    pub async fn keep_fresh(self: Arc<Self>, shutdown: CancellationToken) {
        // The keys that we have stay good.
        let outage =
            Outage::new("the gateway's keys cannot be fetched: trying on", "the gateway's keys are fetched again");
        loop {
            let fetched = self.fetch().await;
            outage.note(&fetched);
            let pause = if fetched.is_ok() { self.settings.key_refresh } else { RETRY };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn verify_with_known_keys(&self, token: &str, now: Timestamp) -> Result<ActiveClaims, TokenError> {
        match &*self.keys.load() {
            Some(keys) => keys.verifier.verify(token, now),
            None => Err(TokenError::UnknownKey),
        }
    }

    /// One fetch at a time, and not sooner after the last than the pause: those who come in between go by its result.
    async fn fetch_for_unknown_key(&self) -> Result<(), ActiveTokenError> {
        // It fails only when the semaphore is closed, which nobody does.
        let _turn = self.fetching.acquire().await.map_err(|_| ActiveTokenError::KeysUnavailable)?;
        let last = *self.last_fetch.lock();
        let succeeded = match last {
            Some(last) if last.at.elapsed() < self.settings.key_refresh_pause => last.succeeded,
            _ => self.fetch().await.is_ok(),
        };
        if succeeded { Ok(()) } else { Err(ActiveTokenError::KeysUnavailable) }
    }

    async fn fetch(&self) -> Result<(), super::GatewayUnavailable> {
        let fetched = self.client.keys().await;
        *self.last_fetch.lock() = Some(Fetch { at: Instant::now(), succeeded: fetched.is_ok() });
        self.metrics.key_fetch(fetched.is_ok());
        let published = fetched?;
        if self.keys.load().as_ref().is_none_or(|keys| keys.published != published) {
            tracing::info!(keys.count = published.keys.len(), "using the gateway's published keys");
            let verifier = ActiveVerifier::from_jwks(&published, &self.settings.issuer, &self.settings.audience);
            self.keys.store(Some(Arc::new(Keys { published, verifier })));
            self.verified.invalidate_all();
        }
        Ok(())
    }
}
