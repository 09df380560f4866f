//! Which fast store, and where it is.

use serde::Deserialize;
use service::{
    redis::RedisSettings,
    settings::{Faults, Validate},
};

/// Where seat marks are kept.
#[derive(Clone, Debug, Deserialize)]
pub struct FastStoreSettings {
    /// In this process or in Redis.
    pub engine: FastStoreEngine,
    /// Where its Redis is, if it needs one. What waits longer than the command timeout for a seat mark is better off
    /// with the database.
    pub redis: RedisSettings,
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
    fn validate(&self, at: &mut Faults) {
        at.section("redis", &self.redis);
    }
}
