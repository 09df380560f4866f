//! How often one address may sign up and log in: what guesses passwords or fills the member list is slowed down.

use std::{marker::PhantomData, net::IpAddr, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::Deserialize;
use service::{
    accept::Peer,
    address_limit::{AddressLimiter, QuotaSettings},
    client_address::client_address,
    problem::Problem,
    settings::{Problems, Validate},
};

use super::Api;

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
    fn validate(&self, at: &mut Problems) {
        at.within_range("max_addresses", self.max_addresses, 1_000..=100_000_000);
        at.section("sign_up", &self.sign_up);
        at.section("log_in", &self.log_in);
    }
}

/// The limits of all calls that have one.
#[derive(Debug)]
pub struct Limits {
    sign_up: AddressLimiter,
    log_in: AddressLimiter,
}

impl Limits {
    /// Limits with their tables empty.
    pub fn new(settings: &RateLimitSettings) -> Self {
        Self {
            sign_up: AddressLimiter::new(settings.sign_up, settings.max_addresses),
            log_in: AddressLimiter::new(settings.log_in, settings.max_addresses),
        }
    }

    /// Drops the addresses that need no watching any more. To be called about once a second.
    pub fn sweep(&self) {
        self.sign_up.sweep();
        self.log_in.sweep();
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
