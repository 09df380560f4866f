//! How often one address may join, poll and open streams.

use std::net::IpAddr;

use prometheus::IntCounter;
use serde::Deserialize;
use service::{
    address_limit::{AddressLimiter, QuotaSettings},
    problem::Problem,
    settings::{Problems, Validate},
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
    fn validate(&self, at: &mut Problems) {
        at.within_range("max_addresses", self.max_addresses, 1_000..=100_000_000);
        at.section("join", &self.join);
        at.section("poll", &self.poll);
        at.section("stream", &self.stream);
    }
}

/// The limits of all calls.
#[derive(Debug)]
pub struct Limits {
    /// Joins.
    pub join: Limiter,
    /// Polls.
    pub poll: Limiter,
    /// Openings of a stream.
    pub stream: Limiter,
}

impl Limits {
    /// Limits with their tables empty.
    pub fn new(settings: &RateLimitSettings, refusals: &RateLimitedMetrics) -> Self {
        let limiter = |quota, refused: &IntCounter| Limiter::new(quota, settings.max_addresses, refused.clone());
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

/// The limit of one call; refusals are counted.
#[derive(Debug)]
pub struct Limiter {
    addresses: AddressLimiter,
    refused: IntCounter,
}

impl Limiter {
    fn new(quota: QuotaSettings, max_addresses: usize, refused: IntCounter) -> Self {
        Self { addresses: AddressLimiter::new(quota, max_addresses), refused }
    }

    /// Counts one request; refuses it when its address has asked too often.
    pub fn check(&self, address: IpAddr) -> Result<(), Problem> {
        self.addresses.check(address).inspect_err(|_| self.refused.inc())
    }

    fn sweep(&self) {
        self.addresses.sweep();
    }
}
