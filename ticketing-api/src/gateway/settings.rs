//! Where the gateway is and how its tokens are recognised.

use std::time::Duration;

use http::Uri;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::Deserialize;
use service::settings::{Faults, Validate};

/// The gateway as this service sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct GatewaySettings {
    /// Base address for our calls, such as `http://gateway:8080`. Plain HTTP: the hop is inside our network.
    pub url: String,
    /// Base address for browsers; the pages send visitors without an active token there.
    pub public_url: String,
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

impl GatewaySettings {
    /// The waiting room of a queue, for a browser.
    pub fn waiting_room(&self, queue: &contract::ids::QueueName) -> String {
        format!("{}/waiting-room/{queue}", self.public_url.trim_end_matches('/'))
    }
}

impl Validate for GatewaySettings {
    fn validate(&self, at: &mut Faults) {
        let has_host = |uri: &Uri| uri.host().is_some_and(|host| !host.is_empty());
        let is_base = |text: &str, schemes: &[&str]| {
            text.parse::<Uri>()
                .is_ok_and(|uri| has_host(&uri) && uri.scheme_str().is_some_and(|s| schemes.contains(&s)))
        };
        at.require("url", is_base(&self.url, &["http"]), "must be an address such as http://127.0.0.1:8080");
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
