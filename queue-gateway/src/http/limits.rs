//! How often one address may ask.
//!
//! The table of addresses is bounded: a sweep drops those that have been quiet long enough to have their full burst
//! again, and once the table is full all addresses share a fixed number of slots until there is room. An attacker with
//! very many addresses then slows others down, but never grows our memory and never gets more than the slots allow.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};
use prometheus::IntCounter;
use serde::Deserialize;
use shared::{
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

/// What one address may ask for. A rate of zero means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct QuotaSettings {
    /// Requests per second in the long run.
    pub per_second: u32,
    /// Requests at one moment after a quiet time.
    pub burst: u32,
}

impl Validate for RateLimitSettings {
    fn validate(&self, at: &mut Problems) {
        at.within_range("max_addresses", self.max_addresses, 1_000..=100_000_000);
        for (key, quota) in [("join", self.join), ("poll", self.poll), ("stream", self.stream)] {
            let usable = quota.per_second == 0 || quota.burst > 0;
            at.within(key, |at| at.require("burst", usable, "must be at least 1, or nobody is ever let through"));
        }
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

/// The limit of one call.
#[derive(Debug)]
pub struct Limiter {
    table: Option<Table>,
    refused: IntCounter,
}

#[derive(Debug)]
struct Table {
    by_slot: DefaultKeyedRateLimiter<Slot>,
    max_addresses: usize,
    full: AtomicBool,
    /// Keyed at random, so that nobody can aim for another's slot.
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot {
    Own(IpAddr),
    Shared(u16),
}

impl Limiter {
    fn new(quota: QuotaSettings, max_addresses: usize, refused: IntCounter) -> Self {
        let table = NonZeroU32::new(quota.per_second).map(|per_second| Table {
            by_slot: RateLimiter::keyed(
                Quota::per_second(per_second).allow_burst(NonZeroU32::new(quota.burst).unwrap_or(NonZeroU32::MIN)),
            ),
            max_addresses,
            full: AtomicBool::new(false),
            hasher: RandomState::new(),
        });
        Self { table, refused }
    }

    /// Counts one request; refuses it when its address has asked too often.
    pub fn check(&self, address: IpAddr) -> Result<(), Problem> {
        let Some(table) = &self.table else { return Ok(()) };
        table.by_slot.check_key(&table.slot(address)).map_err(|not_until| {
            self.refused.inc();
            Problem::new(http::StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests from this address")
                .retry_after(not_until.wait_time_from(DefaultClock::default().now()).max(Duration::from_secs(1)))
        })
    }

    fn sweep(&self) {
        let Some(table) = &self.table else { return };
        table.by_slot.retain_recent();
        table.by_slot.shrink_to_fit();
        table.full.store(table.by_slot.len() >= table.max_addresses, Ordering::Relaxed);
    }
}

impl Table {
    fn slot(&self, address: IpAddr) -> Slot {
        if self.full.load(Ordering::Relaxed) {
            #[expect(clippy::cast_possible_truncation, reason = "any 16 bits of a hash are as good as any others")]
            Slot::Shared(self.hasher.hash_one(address) as u16)
        } else {
            Slot::Own(address)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(per_second: u32, burst: u32, max_addresses: usize) -> Limiter {
        Limiter::new(QuotaSettings { per_second, burst }, max_addresses, IntCounter::new("refused", "refused").unwrap())
    }

    fn address(last: u8) -> IpAddr {
        std::net::Ipv4Addr::new(203, 0, 113, last).into()
    }

    #[test]
    fn an_address_that_asks_too_often_is_refused_and_others_are_not() {
        let limiter = limiter(1, 2, 100);
        assert!(limiter.check(address(1)).is_ok());
        assert!(limiter.check(address(1)).is_ok());
        let refused = limiter.check(address(1)).unwrap_err();
        assert_eq!((refused.code, refused.retry_after.is_some()), ("rate_limited", true));
        assert_eq!(limiter.refused.get(), 1);
        assert!(limiter.check(address(2)).is_ok());
    }

    #[test]
    fn a_rate_of_zero_sets_no_limit() {
        let limiter = limiter(0, 0, 100);
        assert!((0..1_000).all(|_| limiter.check(address(1)).is_ok()));
    }

    #[test]
    fn a_full_table_shares_its_slots_and_grows_no_more() {
        let limiter = limiter(1, 1, 2);
        let table = limiter.table.as_ref().unwrap();
        for last in 0..3 {
            assert!(limiter.check(address(last)).is_ok());
        }
        limiter.sweep();
        assert!(table.full.load(Ordering::Relaxed));
        assert!(matches!(table.slot(address(1)), Slot::Shared(_)));
        // Still limited, though in a shared slot.
        assert!(limiter.check(address(9)).is_ok());
        assert!(limiter.check(address(9)).is_err());
    }
}
