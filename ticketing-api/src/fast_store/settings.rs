//! Which fast store, and where it is.

use serde::Deserialize;
use service::settings::{Problems, Validate};

use super::redis::RedisFastStore;

/// Where seat marks are kept.
#[derive(Clone, Debug, Deserialize)]
pub struct FastStoreSettings {
    /// In this process or in Redis.
    pub engine: FastStoreEngine,
    /// Where Redis is; not read with the embedded engine.
    pub url: secrecy::SecretString,
}

/// The two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FastStoreEngine {
    /// In this process: for one instance.
    Embedded,
    /// In Redis: for any number of instances.
    Redis,
}

impl Validate for FastStoreSettings {
    fn validate(&self, at: &mut Problems) {
        if self.engine == FastStoreEngine::Redis && RedisFastStore::check_url(&self.url).is_err() {
            at.add("url", "must be an address such as redis://redis:6379");
        }
    }
}
