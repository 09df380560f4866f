//! Where the gateway is and how its tokens are recognised.

use std::time::Duration;

use contract::ids::QueueName;
use http::Uri;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::{Deserialize, Serialize};
use service::{
    remote_keys::TokenIssuer,
    settings::{Faults, Validate},
};

/// The gateway as this service sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct GatewaySettings {
    /// Its internal listener, such as `http://gateway:9080`: its keys are there too, and there alone tokens are claimed
    /// and released, so that a flood on the public port keeps nobody from paying. Plain HTTP: the hop is inside our
    /// network.
    pub internal_url: String,
    /// Base address for browsers; the pages send visitors without an active token there.
    pub public_url: String,
    /// Queues for members alone: the pages take visitors there with a join token.
    pub member_queues: Vec<QueueName>,
    /// The `iss` that active tokens must carry.
    pub issuer: String,
    /// The `aud` that active tokens must carry.
    pub audience: String,
    /// Time for one call, connecting included; after it the gateway counts as unreachable.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// How often the keys are fetched anew without a reason: so long a withdrawn key is still believed.
    #[serde(with = "duration")]
    pub key_refresh: Duration,
    /// Least time between two fetches for unknown keys: anybody can invent a key's name.
    #[serde(with = "duration")]
    pub key_refresh_pause: Duration,
}

/// The waiting room of a queue, for a browser.
#[derive(Debug, Serialize)]
pub struct WaitingRoom {
    /// The page's address.
    pub waiting_room_url: String,
    /// Whether it takes members alone: `#join_token=` and a join token are then added to the address.
    pub members_only: bool,
}

impl GatewaySettings {
    /// Whose active tokens are believed.
    pub fn token_issuer(&self) -> TokenIssuer {
        TokenIssuer {
            jwks_url: format!("{}/.well-known/jwks.json", self.internal_url.trim_end_matches('/')),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            timeout: self.timeout,
            key_refresh: self.key_refresh,
            key_refresh_pause: self.key_refresh_pause,
        }
    }

    /// The waiting room of a queue, for a browser.
    pub fn waiting_room(&self, queue: &QueueName) -> WaitingRoom {
        WaitingRoom {
            waiting_room_url: format!("{}/waiting-room/{queue}", self.public_url.trim_end_matches('/')),
            members_only: self.member_queues.contains(queue),
        }
    }
}

impl Validate for GatewaySettings {
    fn validate(&self, at: &mut Faults) {
        let has_host = |uri: &Uri| uri.host().is_some_and(|host| !host.is_empty());
        let is_base = |text: &str, schemes: &[&str]| {
            text.parse::<Uri>()
                .is_ok_and(|uri| has_host(&uri) && uri.scheme_str().is_some_and(|s| schemes.contains(&s)))
        };
        at.require(
            "internal_url",
            is_base(&self.internal_url, &["http"]),
            "must be an address such as http://127.0.0.1:9080",
        );
        at.require(
            "public_url",
            is_base(&self.public_url, &["http", "https"]),
            "must be an address such as https://queue.example.com",
        );
        at.not_blank("issuer", &self.issuer);
        at.not_blank("audience", &self.audience);
        at.positive_duration("timeout", self.timeout);
        at.positive_duration("key_refresh", self.key_refresh);
        at.positive_duration("key_refresh_pause", self.key_refresh_pause);
    }
}
