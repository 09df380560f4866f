//! Where Redis is, and how long to wait for it.

use std::time::Duration;

use fred::types::config::Config;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::settings::{Faults, Validate};

/// One Redis. Keys that a file leaves out have the values of [`RedisSettings::at`] on this machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct RedisSettings {
    /// `redis://`, `redis-cluster://` or `redis-sentinel://`, each also as `rediss...` for TLS, with user and password
    /// where the server wants them: `redis-sentinel://:password@host:26379?sentinelServiceName=main&node=other:26379`.
    /// A secret, because passwords stand in it.
    pub url: SecretString,
    /// Connections. Each pipelines, so a few serve thousands of calls.
    pub pool_size: usize,
    /// How long a call may take; then Redis counts as unavailable.
    #[serde(with = "duration")]
    pub command_timeout: Duration,
    /// How long connecting may take, greeting included.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// Calls that may wait for each connection; above it they are refused at once.
    pub max_pending: usize,
}

impl RedisSettings {
    /// The defaults with another address.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: SecretString::from(url.into()),
            pool_size: 4,
            command_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(2),
            max_pending: 10_000,
        }
    }

    /// The address as the driver reads it.
    pub(super) fn config(&self) -> Result<Config, InvalidUrl> {
        let url = self.url.expose_secret();
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        // The driver takes whatever it does not know for a plain server.
        if !matches!(scheme.trim_end_matches("-cluster").trim_end_matches("-sentinel"), "redis" | "rediss") {
            return Err(InvalidUrl);
        }
        // The driver's error could repeat parts of the address, and so of a password.
        Config::from_url(url).map_err(|_| InvalidUrl)
    }
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self::at("redis://127.0.0.1:6379")
    }
}

impl Validate for RedisSettings {
    fn validate(&self, at: &mut Faults) {
        at.require("url", self.config().is_ok(), InvalidUrl.to_string());
        at.within_range("pool_size", self.pool_size, 1..=64);
        at.positive_duration("command_timeout", self.command_timeout);
        at.positive_duration("connect_timeout", self.connect_timeout);
        at.within_range("max_pending", self.max_pending, 100..=1_000_000);
    }
}

/// The url is not one of a Redis. It is not repeated here: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an address such as redis://host:6379 (also redis-cluster:// and redis-sentinel://)")]
pub struct InvalidUrl;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_of_address_are_taken() {
        for url in [
            "redis://localhost",
            "rediss://user:secret@cache.example:6380",
            "redis-cluster://a:7000?node=b:7000",
            "redis-sentinel://:secret@a:26379?sentinelServiceName=main&node=b:26379",
        ] {
            assert_eq!(Faults::of(&RedisSettings::at(url)), [], "{url}");
        }
    }

    #[test]
    fn faults_are_reported_without_the_secret() {
        let settings = RedisSettings { pool_size: 0, ..RedisSettings::at("http://user:hunter2@host") };
        let faults = Faults::of(&settings);
        assert_eq!(faults.iter().map(|fault| fault.key.as_str()).collect::<Vec<_>>(), ["url", "pool_size"]);
        for text in [format!("{faults:?}"), format!("{settings:?}")] {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
