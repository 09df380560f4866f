//! How often one address, or one visitor, may ask: the one limiter of both services.
//!
//! The table is bounded: a sweep drops those that have been quiet long enough to have their full burst again, and once
//! the table is full all share a fixed number of slots until there is room. An attacker with very many addresses then
//! slows others down, but never grows our memory and never gets more than the slots allow.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::http::StatusCode;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use serde::Deserialize;

use crate::{
    client_address::limit_key,
    problem::Problem,
    settings::{Faults, Validate},
};

/// What one address may ask for. A rate of zero means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct QuotaSettings {
    /// Requests per second in the long run.
    pub per_second: u32,
    /// Requests at one moment after a quiet time.
    pub burst: u32,
}

impl Validate for QuotaSettings {
    fn validate(&self, at: &mut Faults) {
        let usable = self.per_second == 0 || self.burst > 0;
        at.require("burst", usable, "must be at least 1, or nobody is ever let through");
    }
}

/// The limit of one call, for each address.
#[derive(Debug)]
pub struct AddressLimiter(KeyedLimiter<IpAddr>);

impl AddressLimiter {
    /// A limiter that keeps at most about `max_addresses` apart.
    pub fn new(quota: QuotaSettings, max_addresses: usize) -> Self {
        Self(KeyedLimiter::new(quota, max_addresses))
    }

    /// Counts one request; refuses it with 429 when its address (IPv6: its /64) has asked too often.
    pub fn check(&self, address: IpAddr) -> Result<(), Problem> {
        self.0.check(limit_key(address)).map_err(|TooOften { pause }| {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests from this address")
                .retry_after(pause)
        })
    }

    /// Drops the addresses that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        self.0.sweep();
    }
}

/// How often each of many may ask.
#[derive(Debug)]
pub struct KeyedLimiter<K: Clone + Eq + Hash>(Option<Table<K>>);

/// Somebody has asked too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asked too often: again in {pause:?}")]
pub struct TooOften {
    /// They may ask again after this long: a second or more.
    pub pause: Duration,
}

#[derive(Debug)]
struct Table<K: Clone + Eq + Hash> {
    by_slot: DefaultKeyedRateLimiter<Slot<K>>,
    max_keys: usize,
    full: AtomicBool,
    /// Keyed at random, so that nobody can aim for another's slot.
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot<K> {
    Own(K),
    Shared(u16),
}

impl<K: Clone + Eq + Hash> KeyedLimiter<K> {
    /// A limiter that keeps at most about `max_keys` apart.
    pub fn new(quota: QuotaSettings, max_keys: usize) -> Self {
        let table = |per_second| Table {
            by_slot: RateLimiter::keyed(
                Quota::per_second(per_second).allow_burst(NonZeroU32::new(quota.burst).unwrap_or(NonZeroU32::MIN)),
            ),
            max_keys,
            full: AtomicBool::new(false),
            hasher: RandomState::new(),
        };
        Self(NonZeroU32::new(quota.per_second).map(table))
    }

    /// Counts one request, or refuses it.
    pub fn check(&self, key: K) -> Result<(), TooOften> {
        let Some(table) = &self.0 else { return Ok(()) };
        table.by_slot.check_key(&table.slot(key)).map_err(|not_until| {
            let pause = not_until.wait_time_from(DefaultClock::default().now());
            TooOften { pause: pause.max(Duration::from_secs(1)) }
        })
    }

    /// Drops those that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        let Some(table) = &self.0 else { return };
        table.by_slot.retain_recent();
        table.by_slot.shrink_to_fit();
        table.full.store(table.by_slot.len() >= table.max_keys, Ordering::Relaxed);
    }
}

impl<K: Clone + Eq + Hash> Table<K> {
    fn slot(&self, key: K) -> Slot<K> {
        if self.full.load(Ordering::Relaxed) {
            #[expect(clippy::cast_possible_truncation, reason = "any 16 bits of a hash are as good as any others")]
            Slot::Shared(self.hasher.hash_one(key) as u16)
        } else {
            Slot::Own(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(per_second: u32, burst: u32, max_addresses: usize) -> AddressLimiter {
        AddressLimiter::new(QuotaSettings { per_second, burst }, max_addresses)
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
        assert!(limiter.check(address(2)).is_ok());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_address() {
        let limiter = limiter(1, 1, 100);
        assert!(limiter.check("2001:db8::1".parse().unwrap()).is_ok());
        assert!(limiter.check("2001:db8::2".parse().unwrap()).is_err());
        assert!(limiter.check("2001:db8:0:1::1".parse().unwrap()).is_ok());
    }

    #[test]
    fn a_rate_of_zero_sets_no_limit() {
        let limiter = limiter(0, 0, 100);
        assert!((0..1_000).all(|_| limiter.check(address(1)).is_ok()));
    }

    #[test]
    fn a_full_table_shares_its_slots_and_grows_no_more() {
        let limiter = limiter(1, 1, 2);
        for last in 0..3 {
            assert!(limiter.check(address(last)).is_ok());
        }
        limiter.sweep();
        assert!(matches!(limiter.0.0.as_ref().unwrap().slot(address(1)), Slot::Shared(_)));
        // Still limited, though in a shared slot.
        assert!(limiter.check(address(9)).is_ok());
        assert!(limiter.check(address(9)).is_err());
    }
}
