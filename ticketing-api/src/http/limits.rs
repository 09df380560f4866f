//! How often one address may sign up and log in: what guesses passwords or fills the member list is slowed down.
//!
//! The table of addresses is bounded. A sweep drops those that have been quiet long enough to have their full burst
//! again; once it is full, newcomers share one allowance until there is room.

use std::{
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{extract::FromRequestParts, http::StatusCode, http::request::Parts};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use serde::Deserialize;
use shared::{
    accept::Peer,
    client_address::{client_address, limit_key},
    problem::Problem,
    settings::{Problems, Validate},
};

use super::Api;

/// Nobody's address: the allowance that newcomers share while the table is full.
const SHARED: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

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

/// What one address may ask for. A rate of zero means no limit.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct QuotaSettings {
    /// Requests per second in the long run.
    pub per_second: u32,
    /// Requests at one moment after a quiet time.
    pub burst: u32,
}

impl Validate for RateLimitSettings {
    fn validate(&self, at: &mut Problems) {
        at.within_range("max_addresses", self.max_addresses, 1_000..=100_000_000);
        for (key, quota) in [("sign_up", self.sign_up), ("log_in", self.log_in)] {
            let usable = quota.per_second == 0 || quota.burst > 0;
            at.within(key, |at| at.require("burst", usable, "must be at least 1, or nobody is ever let through"));
        }
    }
}

/// The limits of all calls that have one.
#[derive(Debug)]
pub struct Limits {
    sign_up: Limiter,
    log_in: Limiter,
}

impl Limits {
    /// Limits with their tables empty.
    pub fn new(settings: &RateLimitSettings) -> Self {
        Self {
            sign_up: Limiter::new(settings.sign_up, settings.max_addresses),
            log_in: Limiter::new(settings.log_in, settings.max_addresses),
        }
    }

    /// Drops the addresses that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        self.sign_up.sweep();
        self.log_in.sweep();
    }
}

/// The limit of one call.
#[derive(Debug)]
struct Limiter {
    table: Option<DefaultKeyedRateLimiter<IpAddr>>,
    max_addresses: usize,
    full: AtomicBool,
}

impl Limiter {
    fn new(quota: QuotaSettings, max_addresses: usize) -> Self {
        let table = NonZeroU32::new(quota.per_second).map(|per_second| {
            let burst = NonZeroU32::new(quota.burst).unwrap_or(NonZeroU32::MIN);
            RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst))
        });
        Self { table, max_addresses, full: AtomicBool::new(false) }
    }

    fn check(&self, address: IpAddr) -> Result<(), Problem> {
        let Some(table) = &self.table else { return Ok(()) };
        let key = if self.full.load(Ordering::Relaxed) { SHARED } else { limit_key(address) };
        table.check_key(&key).map_err(|not_until| {
            let pause = not_until.wait_time_from(DefaultClock::default().now());
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests from this address")
                .retry_after(pause.max(Duration::from_secs(1)))
        })
    }

    fn sweep(&self) {
        let Some(table) = &self.table else { return };
        table.retain_recent();
        table.shrink_to_fit();
        self.full.store(table.len() >= self.max_addresses, Ordering::Relaxed);
    }
}

/// A call whose limit per address is `C`'s, and was not exceeded.
#[derive(Debug)]
pub(super) struct Within<C>(PhantomData<C>);

/// A call that has a limit.
pub(super) trait LimitedCall {
    /// Counts one call of this address.
    fn check(limits: &Limits, address: IpAddr) -> Result<(), Problem>;
}

/// Signing up.
#[derive(Debug)]
pub(super) struct SignUpCall;

/// Logging in.
#[derive(Debug)]
pub(super) struct LogInCall;

impl LimitedCall for SignUpCall {
    fn check(limits: &Limits, address: IpAddr) -> Result<(), Problem> {
        limits.sign_up.check(address)
    }
}

impl LimitedCall for LogInCall {
    fn check(limits: &Limits, address: IpAddr) -> Result<(), Problem> {
        limits.log_in.check(address)
    }
}

impl<C: LimitedCall> FromRequestParts<Arc<Api>> for Within<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let Peer(peer) = Peer::from_request_parts(parts, api).await?;
        C::check(&api.limits, client_address(peer.ip(), &parts.headers, &api.proxies))?;
        Ok(Self(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(per_second: u32, burst: u32, max_addresses: usize) -> Limiter {
        Limiter::new(QuotaSettings { per_second, burst }, max_addresses)
    }

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(203, 0, 113, last).into()
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
    fn a_rate_of_zero_sets_no_limit() {
        let limiter = limiter(0, 0, 100);
        assert!((0..1_000).all(|_| limiter.check(address(1)).is_ok()));
    }

    #[test]
    fn newcomers_to_a_full_table_share_one_allowance() {
        let limiter = limiter(1, 1, 2);
        assert!(limiter.check(address(1)).is_ok() && limiter.check(address(2)).is_ok());
        limiter.sweep();
        assert!(limiter.check(address(3)).is_ok());
        assert!(limiter.check(address(4)).is_err());
    }
}
