//! Queues of members: a place belongs to a member of a site, whose word for it is a signed join token.

use std::time::Duration;

use contract::{
    clock::SharedClock,
    ids::{MemberId, QueueName},
    tokens::{JoinClaims, TokenError},
};
use http::Uri;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::Deserialize;
use service::{
    outage::Outage,
    remote_keys::{KeyFetches, RemoteKeys, TokenIssuer, Unverified},
    settings::{Faults, Validate},
};
use tokio_util::sync::CancellationToken;

/// Whose members may join, and how their site is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberQueueSettings {
    /// Where the site publishes its keys, such as `http://tickets:8081/.well-known/jwks.json`. Plain HTTP: the hop is
    /// inside our network.
    pub jwks_url: String,
    /// The `iss` that join tokens must carry.
    #[serde(default = "issuer")]
    pub issuer: String,
    /// The `aud` that join tokens must carry.
    #[serde(default = "audience")]
    pub audience: String,
    /// Time for one fetch of the keys, connecting included.
    #[serde(with = "duration", default = "timeout")]
    pub timeout: Duration,
    /// How often the keys are fetched anew without a reason: so long a withdrawn key is still believed.
    #[serde(with = "duration", default = "key_refresh")]
    pub key_refresh: Duration,
    /// Least time between two fetches for unknown keys: anybody can invent a key's name.
    #[serde(with = "duration", default = "key_refresh_pause")]
    pub key_refresh_pause: Duration,
}

fn issuer() -> String {
    "ticketing".to_owned()
}

fn audience() -> String {
    "queue-gateway".to_owned()
}

fn timeout() -> Duration {
    Duration::from_secs(2)
}

fn key_refresh() -> Duration {
    Duration::from_mins(5)
}

fn key_refresh_pause() -> Duration {
    Duration::from_secs(5)
}

impl Validate for MemberQueueSettings {
    fn validate(&self, at: &mut Faults) {
        let is_http = self
            .jwks_url
            .parse::<Uri>()
            .is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty()));
        at.require("jwks_url", is_http, "must be an address such as http://127.0.0.1:8081/.well-known/jwks.json");
        at.not_blank("issuer", &self.issuer);
        at.not_blank("audience", &self.audience);
        at.positive_duration("timeout", self.timeout);
        at.positive_duration("key_refresh", self.key_refresh);
        at.positive_duration("key_refresh_pause", self.key_refresh_pause);
    }
}

impl MemberQueueSettings {
    fn token_issuer(&self) -> TokenIssuer {
        TokenIssuer {
            jwks_url: self.jwks_url.clone(),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            timeout: self.timeout,
            key_refresh: self.key_refresh,
            key_refresh_pause: self.key_refresh_pause,
        }
    }
}

/// Why a join token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinTokenError {
    /// The site did not sign it for us.
    #[error("not a join token of the site: {0}")]
    Invalid(TokenError),
    /// Its two minutes are over: the site signs another.
    #[error("the join token has expired")]
    Expired,
    /// It is for another queue.
    #[error("the join token is for another queue")]
    WrongQueue,
    /// Its key is not known, and the site cannot be asked for its keys: try again later.
    #[error("the site's keys cannot be fetched")]
    KeysUnavailable,
}

/// Verifies the join tokens of one site.
#[derive(Debug)]
pub struct JoinTokens {
    keys: RemoteKeys<JoinClaims>,
    clock: SharedClock,
}

impl JoinTokens {
    /// A verifier without keys yet: they are fetched by [`keep_fresh`](Self::keep_fresh) or for the first token.
    pub fn new(settings: &MemberQueueSettings, clock: SharedClock, fetches: KeyFetches) -> Self {
        let outage = Outage::new(
            "the keys of the members' site cannot be fetched: trying on",
            "the keys of the members' site are fetched again",
        );
        let outage = outage.of(&settings.jwks_url);
        Self { keys: RemoteKeys::new(settings.token_issuer(), outage, fetches), clock }
    }

    /// The member whom the site sends to this queue.
    pub async fn verify(&self, token: &str, queue: &QueueName) -> Result<MemberId, JoinTokenError> {
        let claims = self.keys.verify(token, self.clock.now()).await?;
        if claims.queue == *queue { Ok(claims.member) } else { Err(JoinTokenError::WrongQueue) }
    }

    /// Fetches the keys now and then at the configured interval, until `shutdown`.
    pub async fn keep_fresh(&self, shutdown: CancellationToken) {
        self.keys.keep_fresh(shutdown).await;
    }
}

impl From<Unverified> for JoinTokenError {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Refused(TokenError::Expired) => Self::Expired,
            Unverified::Refused(reason) => Self::Invalid(reason),
            Unverified::KeysUnavailable => Self::KeysUnavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, routing::get};
    use contract::{
        clock::{Clock, ManualClock},
        tokens::{JoinSigner, JwkSet},
    };
    use prometheus::IntCounter;
    use service::accept::{self, ListenSettings};

    use super::*;

    const MEMBER: MemberId = MemberId(uuid::Uuid::from_u128(7));

    fn settings(jwks_url: String) -> MemberQueueSettings {
        MemberQueueSettings {
            jwks_url,
            issuer: "ticketing".to_owned(),
            audience: "queue-gateway".to_owned(),
            timeout: Duration::from_secs(5),
            key_refresh: Duration::from_hours(1),
            key_refresh_pause: Duration::from_hours(1),
        }
    }

    fn signer() -> JoinSigner {
        JoinSigner::from_pem(&JoinSigner::generate_pem(), "ticketing", "queue-gateway").unwrap()
    }

    /// A site that publishes this key set, until the token is cancelled.
    fn site(published: JwkSet, clock: &Arc<ManualClock>) -> (JoinTokens, CancellationToken) {
        let listener = accept::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", get(async move || axum::Json(published)));
        let shutdown = CancellationToken::new();
        tokio::spawn(accept::serve(listener, router, ListenSettings::default(), shutdown.clone()));
        let counter = |name: &str| IntCounter::new(name, "help").unwrap();
        let fetches = KeyFetches { succeeded: counter("succeeded"), failed: counter("failed") };
        (JoinTokens::new(&settings(url), Arc::<ManualClock>::clone(clock), fetches), shutdown)
    }

    #[tokio::test]
    async fn the_site_says_who_joins_and_which_queue() {
        let (clock, signer) = (Arc::new(ManualClock::at_second(1_800_000_000)), signer());
        let (tokens, shutdown) = site(signer.jwks(), &clock);
        let demo: QueueName = "demo".parse().unwrap();
        let token = signer.mint(&JoinClaims::new(demo.clone(), MEMBER, clock.now()));
        assert_eq!(tokens.verify(&token, &demo).await, Ok(MEMBER));
        assert_eq!(tokens.verify(&token, &"other".parse().unwrap()).await, Err(JoinTokenError::WrongQueue));
        clock.advance(JoinClaims::LIFE);
        assert_eq!(tokens.verify(&token, &demo).await, Err(JoinTokenError::Expired));
        shutdown.cancel();
    }

    #[tokio::test]
    async fn nobody_else_says_so() {
        let clock = Arc::new(ManualClock::at_second(1_800_000_000));
        let (tokens, shutdown) = site(signer().jwks(), &clock);
        let demo: QueueName = "demo".parse().unwrap();
        let forged = signer().mint(&JoinClaims::new(demo.clone(), MEMBER, clock.now()));
        let unknown = JoinTokenError::Invalid(TokenError::UnknownKey);
        assert_eq!(tokens.verify(&forged, &demo).await, Err(unknown));
        assert_eq!(tokens.verify("no.token.at-all", &demo).await, Err(JoinTokenError::Invalid(TokenError::Malformed)));
        shutdown.cancel();
    }

    #[test]
    fn every_wrong_setting_is_named() {
        let wrong = MemberQueueSettings {
            jwks_url: "https://tickets.test/keys".to_owned(),
            issuer: " ".to_owned(),
            timeout: Duration::ZERO,
            ..settings(String::new())
        };
        let named = format!("{:?}", Faults::of(&wrong));
        for key in ["jwks_url", "issuer", "timeout"] {
            assert!(named.contains(key), "{key} in {named}");
        }
        assert!(!named.contains("audience"), "{named}");
    }
}
