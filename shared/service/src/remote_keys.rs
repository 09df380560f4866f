//! Tokens that another service signs, verified offline with the keys that it publishes.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use contract::tokens::{Ed25519Claims, Ed25519Verifier, JwkSet, TokenError};
use http::{Request, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    http_client::{CallFailed, HttpClient, read},
    outage::Outage,
};

/// Pause after a failed background refresh: until the first success no token can be verified.
const RETRY: Duration = Duration::from_secs(1);

/// So long keys are believed that could not be fetched again: a key may have been withdrawn because it was stolen.
const BELIEVED_FOR: Duration = Duration::from_hours(24);

/// Whose tokens are believed.
#[derive(Clone, Debug)]
pub struct TokenIssuer {
    /// Where the key set is. Plain HTTP: the hop is inside our network.
    pub jwks_url: String,
    /// The `iss` that the tokens must carry.
    pub issuer: String,
    /// The `aud` that they must carry.
    pub audience: String,
    /// Time for one fetch, connecting included.
    pub timeout: Duration,
    /// How often the keys are fetched anew without a reason: so long a withdrawn key is still believed.
    pub key_refresh: Duration,
    /// Least time between two fetches for unknown keys: anybody can invent a key's name.
    pub key_refresh_pause: Duration,
}

/// Fetches of a key set.
#[derive(Clone, Debug)]
pub struct KeyFetches {
    /// That brought one.
    pub succeeded: IntCounter,
    /// That brought none.
    pub failed: IntCounter,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The issuer did not sign it for us, or it has expired.
    #[error(transparent)]
    Refused(#[from] TokenError),
    /// Its key is not known, and the issuer cannot be asked for its keys.
    #[error("the keys cannot be fetched")]
    KeysUnavailable,
}

/// The published keys of an issuer, kept fresh.
#[derive(Debug)]
pub struct RemoteKeys<C: Ed25519Claims> {
    issuer: TokenIssuer,
    client: HttpClient,
    keys: ArcSwapOption<Keys<C>>,
    fetching: Semaphore,
    last_fetch: Mutex<Option<Fetch>>,
    outage: Outage,
    fetches: KeyFetches,
}

#[derive(Debug)]
struct Keys<C: Ed25519Claims> {
    version: u64,
    fetched_at: Instant,
    published: JwkSet,
    verifier: Ed25519Verifier<C>,
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    at: Instant,
    succeeded: bool,
}

impl<C: Ed25519Claims> RemoteKeys<C> {
    /// A verifier without keys yet: they are fetched by [`keep_fresh`](Self::keep_fresh) or for the first token.
    pub fn new(issuer: TokenIssuer, outage: Outage, fetches: KeyFetches) -> Self {
        Self {
            client: HttpClient::new(issuer.timeout),
            issuer,
            keys: ArcSwapOption::empty(),
            fetching: Semaphore::new(1),
            last_fetch: Mutex::new(None),
            outage,
            fetches,
        }
    }

    /// The claims of a token that the issuer signed for us and that has not expired at `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<C, Unverified> {
        match self.verify_with_known_keys(token, now) {
            Err(TokenError::UnknownKey) => {
                self.fetch_for_unknown_key().await?;
                Ok(self.verify_with_known_keys(token, now)?)
            }
            known => Ok(known?),
        }
    }

    /// Another number for each key set. Whoever remembers verified tokens remembers it with them, read before the token
    /// was verified: a withdrawn key takes its tokens along.
    pub fn version(&self) -> u64 {
        self.keys.load().as_ref().map_or(0, |keys| keys.version)
    }

    /// Fetches the keys now and then at the configured interval, until `shutdown`.
    pub async fn keep_fresh(&self, shutdown: CancellationToken) {
        loop {
            let fetched = match self.fetching.acquire().await {
                Ok(_turn) => self.fetch().await,
                // It fails only when the semaphore is closed, which nobody does.
                Err(closed) => Err(CallFailed::because(closed)),
            };
            // The keys that we have stay good for a while.
            self.outage.note(&fetched);
            let pause = if fetched.is_ok() { self.issuer.key_refresh } else { RETRY };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn verify_with_known_keys(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        match &*self.keys.load() {
            Some(keys) if keys.fetched_at.elapsed() < BELIEVED_FOR => keys.verifier.verify(token, now),
            _ => Err(TokenError::UnknownKey),
        }
    }

    /// One fetch at a time, and not sooner after the last than the pause: those who come in between go by its result.
    async fn fetch_for_unknown_key(&self) -> Result<(), Unverified> {
        // It fails only when the semaphore is closed, which nobody does.
        let _turn = self.fetching.acquire().await.map_err(|_| Unverified::KeysUnavailable)?;
        let last = *self.last_fetch.lock();
        let succeeded = match last {
            Some(last) if last.at.elapsed() < self.issuer.key_refresh_pause => last.succeeded,
            _ => self.fetch().await.is_ok(),
        };
        if succeeded { Ok(()) } else { Err(Unverified::KeysUnavailable) }
    }

    /// The caller has the turn.
    async fn fetch(&self) -> Result<(), CallFailed> {
        // Noted before, too: a caller that goes away early must not make the next one fetch at once.
        *self.last_fetch.lock() = Some(Fetch { at: Instant::now(), succeeded: false });
        let fetched = self.published().await;
        *self.last_fetch.lock() = Some(Fetch { at: Instant::now(), succeeded: fetched.is_ok() });
        let counter = if fetched.is_ok() { &self.fetches.succeeded } else { &self.fetches.failed };
        counter.inc();
        let published = fetched?;
        let fetched_at = Instant::now();
        let keys = if let Some(same) = self.keys.load_full().filter(|keys| keys.published == published) {
            Keys { version: same.version, fetched_at, published, verifier: same.verifier.clone() }
        } else {
            let TokenIssuer { jwks_url, issuer, audience, .. } = &self.issuer;
            tracing::info!(keys.count = published.keys.len(), keys.url = jwks_url, "using the published keys");
            let verifier = Ed25519Verifier::from_jwks(&published, issuer, audience);
            Keys { version: self.version() + 1, fetched_at, published, verifier }
        };
        self.keys.store(Some(Arc::new(keys)));
        Ok(())
    }

    async fn published(&self) -> Result<JwkSet, CallFailed> {
        let request = Request::get(&self.issuer.jwks_url).body(Full::default()).map_err(CallFailed::because)?;
        match self.client.call(request).await? {
            (StatusCode::OK, body) => read(&body),
            (status, body) => Err(CallFailed::unexpected(status, &body)),
        }
    }
}
