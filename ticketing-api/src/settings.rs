//! All settings of this service; `config/ticketing-api.toml` documents every key and holds the defaults.

use std::{path::Path, time::Duration};

use contract::tokens::{JoinSigner, MIN_SECRET_BYTES};
use http::Uri;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::{
    accept::ListenSettings,
    client_address::TrustedProxies,
    settings::{self, Faults, SettingsError, Validate},
    telemetry::TelemetrySettings,
};

use crate::{
    accounts::AdminSettings,
    fast_store::FastStoreSettings,
    gateway::GatewaySettings,
    http::{rate_limits::RateLimitSettings, wallet::WalletSettings},
    jobs::JobSettings,
    join_tokens::JoinTokenSettings,
    passwords::PasswordSettings,
    sales::BookingSettings,
    store::{InvalidStoreSetting, StoreSettings},
};

/// The documented file: the defaults are its text.
pub const DEFAULTS: &str = include_str!("../../config/ticketing-api.toml");

/// What the names of environment variables begin with, as in `TICKETING_API__LISTEN__ADDRESS`.
pub const ENVIRONMENT_PREFIX: &str = "TICKETING_API";

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// How browsers reach this service: scheme, host and port.
    pub public_url: String,
    /// Whether a demo sale is there from the start.
    pub demo: bool,
    /// Whose word on a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// Time for one request, after which it is answered 503.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// The public port.
    pub listen: ListenSettings,
    /// Metrics and health.
    pub operations: ListenSettings,
    /// The log.
    pub telemetry: TelemetrySettings,
    /// What must not be known.
    pub secrets: Secrets,
    /// The database.
    pub store: StoreSettings,
    /// Seat marks.
    pub fast_store: FastStoreSettings,
    /// The waiting room.
    pub gateway: GatewaySettings,
    /// Our word for members who join a queue.
    pub join_tokens: JoinTokenSettings,
    /// Log-ins.
    pub sessions: SessionSettings,
    /// Password hashing.
    pub passwords: PasswordSettings,
    /// The rules of a sale.
    pub booking: BookingSettings,
    /// Members' money.
    pub wallet: WalletSettings,
    /// How often one address may ask.
    pub rate_limits: RateLimitSettings,
    /// Background work.
    pub jobs: JobSettings,
    /// The first administrator.
    #[serde(default)]
    pub admin: Option<AdminSettings>,
}

/// Secrets, shared by all instances of one system. None has a default; one that is left out is empty until the check,
/// so that all that are missing are named together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Secrets {
    /// Signs session tokens.
    pub session_secret: SecretString,
    /// Authenticates this service at the gateway.
    pub service_key: SecretString,
    /// Signs join tokens: Ed25519 in PKCS#8 PEM.
    pub join_key: SecretString,
}

/// How long a log-in lasts.
#[derive(Clone, Debug, Deserialize)]
pub struct SessionSettings {
    /// From the log-in to the end of its token.
    #[serde(with = "duration")]
    pub lifetime: Duration,
}

impl Settings {
    /// The defaults, over them the file, over that the environment; or everything that is wrong with them.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        settings::load(DEFAULTS, file, ENVIRONMENT_PREFIX)
    }
}

impl Validate for Settings {
    fn validate(&self, at: &mut Faults) {
        at.require("public_url", is_origin(&self.public_url), "must be an address such as https://tickets.example.com");
        at.positive_duration("request_timeout", self.request_timeout);
        at.section("listen", &self.listen);
        at.section("operations", &self.operations);
        at.section("telemetry", &self.telemetry);
        at.section("secrets", &self.secrets);
        at.within("store", |at| self.store.invalid().into_iter().for_each(|invalid| add_store_fault(at, invalid)));
        at.section("fast_store", &self.fast_store);
        at.section("gateway", &self.gateway);
        at.section("join_tokens", &self.join_tokens);
        at.within("sessions", |at| {
            at.require("lifetime", self.sessions.lifetime >= Duration::from_secs(1), "must be at least 1s");
        });
        at.section("passwords", &self.passwords);
        at.section("booking", &self.booking);
        at.section("wallet", &self.wallet);
        at.section("rate_limits", &self.rate_limits);
        at.section("jobs", &self.jobs);
        if let Some(admin) = &self.admin {
            at.section("admin", admin);
        }
    }
}

impl Validate for Secrets {
    fn validate(&self, at: &mut Faults) {
        for (key, secret) in [("session_secret", &self.session_secret), ("service_key", &self.service_key)] {
            match secret.expose_secret().len() {
                0 => at.add(key, "is missing"),
                short if short < MIN_SECRET_BYTES => at.add(key, "must have at least 32 characters"),
                _ => {}
            }
        }
        if self.join_key.expose_secret().is_empty() {
            at.add("join_key", "is missing");
        } else if let Err(error) = JoinSigner::from_pem(&self.join_key, "", "") {
            at.add("join_key", format!("{error}: openssl genpkey -algorithm ed25519"));
        }
    }
}

fn add_store_fault(at: &mut Faults, invalid: InvalidStoreSetting) {
    let key = match invalid {
        InvalidStoreSetting::Url => "url",
        InvalidStoreSetting::MaxConnections => "max_connections",
        InvalidStoreSetting::AcquireTimeout => "acquire_timeout_ms",
        InvalidStoreSetting::StatementTimeout => "statement_timeout_ms",
    };
    at.add(key, invalid.to_string());
}

/// Scheme, host and port, and nothing behind them.
fn is_origin(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.path() == "/"
            && uri.query().is_none()
            && !text.ends_with('/')
    })
}

#[cfg(test)]
mod tests;
