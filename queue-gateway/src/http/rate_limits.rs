//! How often one address may join, poll and open streams.

use prometheus::IntCounter;
use serde::Deserialize;
use service::{
    address_limit::QuotaSettings,
    rate_limit::CallLimiter,
    settings::{Faults, Validate},
};

use crate::metrics::RateLimitedMetrics;

/// Settings of the limits per address; see the documented default file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RateLimitSettings {
    /// Addresses kept apart at one time.
    pub max_addresses: usize,
    /// Joins.
    pub join: QuotaSettings,
    /// Polls.
    pub poll: QuotaSettings,
    /// Openings of a stream.
    pub stream: QuotaSettings,
}

impl Validate for RateLimitSettings {
    fn validate(&self, at: &mut Faults) {
        at.within_range("max_addresses", self.max_addresses, 1_000..=100_000_000);
        at.section("join", &self.join);
        at.section("poll", &self.poll);
        at.section("stream", &self.stream);
    }
}

/// The limits of all calls.
#[derive(Debug)]
pub struct RateLimits {
    /// Joins.
    pub join: CallLimiter,
    /// Polls.
    pub poll: CallLimiter,
    /// Openings of a stream.
    pub stream: CallLimiter,
}

impl RateLimits {
    /// Limits with their tables empty.
    pub fn new(settings: &RateLimitSettings, refusals: &RateLimitedMetrics) -> Self {
        let limiter = |quota, refused: &IntCounter| CallLimiter::new(quota, settings.max_addresses, refused.clone());
        Self {
            join: limiter(settings.join, &refusals.join),
            poll: limiter(settings.poll, &refusals.poll),
            stream: limiter(settings.stream, &refusals.stream),
        }
    }

    /// Drops the addresses that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        for limiter in [&self.join, &self.poll, &self.stream] {
            limiter.sweep();
        }
    }
}
