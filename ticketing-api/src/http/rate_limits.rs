//! How often one address may sign up and log in: what guesses passwords or fills the member list is slowed down.

use prometheus::IntCounter;
use serde::Deserialize;
use service::{
    address_limit::QuotaSettings,
    rate_limit::{CallLimiter, LimitedCall},
    settings::{Faults, Validate},
};

use crate::metrics::RateLimitedMetrics;

/// Settings of the limits per address.
#[derive(Clone, Debug, Deserialize)]
pub struct RateLimitSettings {
    /// Addresses kept apart at one time.
    pub max_addresses: usize,
    /// Sign-ups.
    pub sign_up: QuotaSettings,
    /// Log-ins.
    pub log_in: QuotaSettings,
}

impl Validate for RateLimitSettings {
    fn validate(&self, at: &mut Faults) {
        at.within_range("max_addresses", self.max_addresses, 1_000..=100_000_000);
        at.section("sign_up", &self.sign_up);
        at.section("log_in", &self.log_in);
    }
}

/// The limits of all calls that have one.
#[derive(Debug)]
pub struct RateLimits {
    sign_up: CallLimiter,
    log_in: CallLimiter,
}

impl RateLimits {
    /// Limits with their tables empty.
    pub fn new(settings: &RateLimitSettings, refusals: &RateLimitedMetrics) -> Self {
        let limiter = |quota, refused: &IntCounter| CallLimiter::new(quota, settings.max_addresses, refused.clone());
        Self {
            sign_up: limiter(settings.sign_up, &refusals.sign_up),
            log_in: limiter(settings.log_in, &refusals.log_in),
        }
    }

    /// Drops the addresses that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        self.sign_up.sweep();
        self.log_in.sweep();
    }
}

/// Signing up.
#[derive(Debug)]
pub(super) struct SignUpCall;

/// Logging in.
#[derive(Debug)]
pub(super) struct LogInCall;

impl LimitedCall<RateLimits> for SignUpCall {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.sign_up
    }
}

impl LimitedCall<RateLimits> for LogInCall {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.log_in
    }
}
