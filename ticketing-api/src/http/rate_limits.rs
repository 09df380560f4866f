//! How often one address may make the calls that cost something before anybody is known: what guesses passwords, fills
//! the member list or asks for signatures is slowed down.

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
    /// Reports that a visitor has come.
    pub arrival: QuotaSettings,
    /// Join tokens.
    pub join_token: QuotaSettings,
}

impl Validate for RateLimitSettings {
    fn validate(&self, at: &mut Faults) {
        at.within_range("max_addresses", self.max_addresses, 1_000..=100_000_000);
        at.section("sign_up", &self.sign_up);
        at.section("log_in", &self.log_in);
        at.section("arrival", &self.arrival);
        at.section("join_token", &self.join_token);
    }
}

/// The limits of all calls that have one.
#[derive(Debug)]
pub struct RateLimits {
    sign_up: CallLimiter,
    log_in: CallLimiter,
    arrival: CallLimiter,
    join_token: CallLimiter,
}

impl RateLimits {
    /// Limits with their tables empty.
    pub fn new(settings: &RateLimitSettings, refusals: &RateLimitedMetrics) -> Self {
        let limiter = |quota, refused: &IntCounter| CallLimiter::new(quota, settings.max_addresses, refused.clone());
        Self {
            sign_up: limiter(settings.sign_up, &refusals.sign_up),
            log_in: limiter(settings.log_in, &refusals.log_in),
            arrival: limiter(settings.arrival, &refusals.arrival),
            join_token: limiter(settings.join_token, &refusals.join_token),
        }
    }

    /// Drops the addresses that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        self.sign_up.sweep();
        self.log_in.sweep();
        self.arrival.sweep();
        self.join_token.sweep();
    }
}

/// Signing up.
#[derive(Debug)]
pub(super) struct SignUpCall;

/// Logging in.
#[derive(Debug)]
pub(super) struct LogInCall;

/// Coming to the shop with a turn.
#[derive(Debug)]
pub(super) struct ArrivalCall;

/// Asking for a join token.
#[derive(Debug)]
pub(super) struct JoinTokenCall;

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

impl LimitedCall<RateLimits> for ArrivalCall {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.arrival
    }
}

impl LimitedCall<RateLimits> for JoinTokenCall {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.join_token
    }
}
