//! How often one address may join, poll or enter, open streams, leave, verify and look at draws, and one visitor ask
//! the store.

use std::sync::Arc;

use contract::ids::VisitorId;
use prometheus::IntCounter;
use serde::Deserialize;
use service::{
    address_limit::{KeyedLimiter, QuotaSettings},
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
    /// Polls, and the way to the site.
    pub poll: QuotaSettings,
    /// Openings of a stream.
    pub stream: QuotaSettings,
    /// Leaving.
    pub leave: QuotaSettings,
    /// Forward authentication, counted by the address of the visitor.
    pub verify: QuotaSettings,
    /// What is published of a draw, and receipts of numbers.
    pub draw: QuotaSettings,
    /// Polls and streams of one visitor whose place has left the line: the store alone can answer them.
    pub departed: QuotaSettings,
}

impl Validate for RateLimitSettings {
    fn validate(&self, at: &mut Faults) {
        at.within_range("max_addresses", self.max_addresses, 1_000..=100_000_000);
        at.section("join", &self.join);
        at.section("poll", &self.poll);
        at.section("stream", &self.stream);
        at.section("leave", &self.leave);
        at.section("verify", &self.verify);
        at.section("draw", &self.draw);
        at.section("departed", &self.departed);
    }
}

/// The limits of all calls.
#[derive(Debug)]
pub struct RateLimits {
    pub(super) join: CallLimiter,
    pub(super) poll: CallLimiter,
    pub(super) stream: CallLimiter,
    pub(super) leave: CallLimiter,
    pub(super) verify: CallLimiter,
    pub(super) draw: CallLimiter,
    /// Checked where it turns out that the store must be asked.
    pub departed: Arc<KeyedLimiter<VisitorId>>,
}

impl RateLimits {
    /// Limits with their tables empty.
    pub fn new(settings: &RateLimitSettings, refusals: &RateLimitedMetrics) -> Self {
        let limiter = |quota, refused: &IntCounter| CallLimiter::new(quota, settings.max_addresses, refused.clone());
        Self {
            join: limiter(settings.join, &refusals.join),
            poll: limiter(settings.poll, &refusals.poll),
            stream: limiter(settings.stream, &refusals.stream),
            leave: limiter(settings.leave, &refusals.leave),
            verify: limiter(settings.verify, &refusals.verify),
            draw: limiter(settings.draw, &refusals.draw),
            departed: Arc::new(KeyedLimiter::new(settings.departed, settings.max_addresses)),
        }
    }

    /// Drops the addresses and visitors that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        for limiter in [&self.join, &self.poll, &self.stream, &self.leave, &self.verify, &self.draw] {
            limiter.sweep();
        }
        self.departed.sweep();
    }
}
