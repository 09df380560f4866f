//! The gateway's settings. The documented file config/queue-gateway.toml is their text and holds every default.

mod queue;
mod secrets;

use std::{collections::BTreeMap, path::Path, time::Duration};

use contract::ids::QueueName;
use http::{HeaderName, Uri};
use jiff::{Timestamp, fmt::serde::unsigned_duration::friendly::compact::required as duration};
use secrecy::ExposeSecret;
use serde::Deserialize;
use service::{
    accept::ListenSettings,
    client_address::TrustedProxies,
    redis::RedisSettings,
    settings::{self, Faults, SettingsError, Validate},
    telemetry::TelemetrySettings,
};

pub use self::{
    queue::{IdentityKind, InvitationSettings, LifetimeSettings, QueueSettings, ScheduleSettings},
    secrets::Secrets,
};
use crate::{
    http::{access_lists::AccessLists, rate_limits::RateLimitSettings},
    line::{Baseline, Lifetimes},
};

/// The documented defaults.
pub const DEFAULTS: &str = include_str!("../../config/queue-gateway.toml");

/// What the names of environment variables begin with: `QUEUE_GATEWAY__LISTEN__ADDRESS`.
pub const ENVIRONMENT_PREFIX: &str = "QUEUE_GATEWAY";

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// How visitors reach this gateway: scheme, host and port.
    pub public_url: String,
    /// The engine that keeps the line.
    pub engine: EngineChoice,
    /// Where its Redis is, if it needs one. The server must not evict (`maxmemory-policy noeviction`): half a queue is
    /// worse than none.
    pub redis: RedisSettings,
    /// The public port.
    pub listen: ListenSettings,
    /// The operations port.
    pub operations: ListenSettings,
    /// Whose word on a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// The header in which they name the client; empty for `X-Forwarded-For`.
    pub client_address_header: String,
    /// The log.
    pub telemetry: TelemetrySettings,
    /// Keys of tokens and callers.
    pub secrets: Secrets,
    /// Who issues tokens, for whom and for how long.
    pub tokens: TokenSettings,
    /// The loop that admits.
    pub promotion: PromotionSettings,
    /// Open streams.
    pub streams: StreamSettings,
    /// Networks that are kept out, and those that no limit holds.
    pub access: AccessLists,
    /// How often one address may ask.
    pub rate_limits: RateLimitSettings,
    /// The queues by name.
    #[serde(default)]
    pub queues: BTreeMap<QueueName, QueueSettings>,
    /// Since when the file says what it says of queues; `None` where only the present moment can be told.
    #[serde(skip)]
    pub as_of: Option<Timestamp>,
}

/// Which engine keeps the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum EngineChoice {
    /// In this process.
    Embedded,
    /// In Redis, shared by several gateways.
    Redis,
}

/// The derived error would speak of enums and constructors.
impl TryFrom<String> for EngineChoice {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "embedded" => Ok(Self::Embedded),
            "redis" => Ok(Self::Redis),
            _ => Err("must be \"embedded\" or \"redis\""),
        }
    }
}

/// Who issues tokens, for whom and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TokenSettings {
    /// The `iss` of active tokens.
    pub issuer: String,
    /// Their `aud`.
    pub audience: String,
    /// Life of a waiting token.
    #[serde(with = "duration")]
    pub waiting_lifetime: Duration,
    /// Life of an active token.
    #[serde(with = "duration")]
    pub active_lifetime: Duration,
    /// An admitted visitor who has not come to the site by then frees the slot.
    #[serde(with = "duration")]
    pub arrive_within: Duration,
    /// From the arrival, and from each later sign of life, the slot waits so long for a claim.
    #[serde(with = "duration")]
    pub claim_within: Duration,
    /// From the arrival at most so long.
    #[serde(with = "duration")]
    pub claim_at_most: Duration,
    /// The place of somebody who was absent when the line passed it is kept for so long.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// When the first comes back to a place that was lost with all who remembered it, the others are awaited for so
    /// long.
    #[serde(with = "duration")]
    pub come_back_within: Duration,
}

/// The loop that admits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PromotionSettings {
    /// Time between two steps.
    #[serde(with = "duration")]
    pub tick: Duration,
    /// A queue rests when nobody was interested for so long.
    #[serde(with = "duration")]
    pub idle_after: Duration,
}

/// Open streams.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StreamSettings {
    /// Most streams at one time.
    pub max_streams: usize,
    /// Of them, those of one client network.
    pub max_streams_per_network: usize,
}

impl Settings {
    /// Reads the defaults, over them the file, over that the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let settings: Self = settings::load(DEFAULTS, file, ENVIRONMENT_PREFIX)?;
        let names = settings::environment().map(|(name, _)| name);
        Ok(Self { as_of: file.and_then(last_changed).filter(|_| !speaks_of_queues(names)), ..settings })
    }

    /// What the store is to be told of each queue, where they say it since `as_of`.
    pub fn baselines(&self, as_of: Timestamp) -> BTreeMap<QueueName, Baseline> {
        let baseline = |queue: &QueueSettings| Baseline {
            as_of: Timestamp::from_microsecond(as_of.as_microsecond()).unwrap_or(as_of),
            limits: queue.admission.limits(),
            lifetimes: queue.lifetimes.over(self.tokens.lifetimes()),
            max_places: queue.max_places,
            schedule: queue.schedule.schedule(),
            invitations: queue.invitations.as_ref().map(InvitationSettings::granted),
            message: queue.message.clone(),
        };
        self.queues.iter().map(|(name, queue)| (name.clone(), baseline(queue))).collect()
    }

    /// Whose word on a client's address is taken, and in which header.
    pub fn proxies(&self) -> TrustedProxies {
        let proxies = self.trusted_proxies.clone();
        match self.client_address_header.parse() {
            Ok(header) if !self.client_address_header.is_empty() => proxies.naming_clients_in(header),
            _ => proxies,
        }
    }

    /// Whether visitors reach this gateway over https.
    pub fn is_public_over_https(&self) -> bool {
        self.public_url.starts_with("https:")
    }

    /// The sections in which `new` differs in more than the baselines of queues that both have: a running gateway
    /// cannot take that up.
    pub fn needing_restart(&self, new: &Self) -> Vec<&'static str> {
        let lasting =
            |tokens: &TokenSettings| (tokens.issuer.clone(), tokens.audience.clone(), tokens.waiting_lifetime);
        let places = |settings: &Self| {
            let place = |(name, queue): (&QueueName, &QueueSettings)| {
                let lasting = (queue.identity, queue.members.clone(), queue.proof_of_work);
                (name.clone(), queue.title.clone(), queue.redirect_to.clone(), lasting)
            };
            settings.queues.iter().map(place).collect::<Vec<_>>()
        };
        [
            ("public_url", self.public_url != new.public_url),
            ("engine", self.engine != new.engine),
            (
                "redis",
                self.redis.url.expose_secret() != new.redis.url.expose_secret() || differ(&self.redis, &new.redis),
            ),
            ("listen", self.listen != new.listen),
            ("operations", self.operations != new.operations),
            ("trusted_proxies", self.trusted_proxies != new.trusted_proxies),
            ("client_address_header", self.client_address_header != new.client_address_header),
            ("telemetry", self.telemetry != new.telemetry),
            ("secrets", self.secrets.exposed() != new.secrets.exposed()),
            ("tokens", lasting(&self.tokens) != lasting(&new.tokens)),
            ("promotion", self.promotion != new.promotion),
            ("streams", self.streams != new.streams),
            ("rate_limits", self.rate_limits != new.rate_limits),
            ("queues", places(self) != places(new)),
        ]
        .into_iter()
        .filter_map(|(section, differs)| differs.then_some(section))
        .collect()
    }
}

/// Files of images that are built to be the same each time say that they are so old, or older.
const REPRODUCIBLE: Timestamp = Timestamp::constant(315_619_200, 0);

/// When a file was last changed, as far as that says anything.
fn last_changed(file: &Path) -> Option<Timestamp> {
    let changed = Timestamp::try_from(std::fs::metadata(file).ok()?.modified().ok()?).ok()?;
    (changed > REPRODUCIBLE).then_some(changed)
}

/// Whether variables set anything of which a store is told. They have no age but that of the process.
fn speaks_of_queues(mut names: impl Iterator<Item = String>) -> bool {
    let ours = format!("{}__", ENVIRONMENT_PREFIX.to_lowercase());
    names.any(|name| {
        let section = name.to_lowercase().strip_prefix(&ours).map(str::to_owned);
        section.is_some_and(|section| ["queues__", "tokens__"].iter().any(|of| section.starts_with(of)))
    })
}

/// Whether two sections show differently.
fn differ(one: &impl std::fmt::Debug, other: &impl std::fmt::Debug) -> bool {
    format!("{one:?}") != format!("{other:?}")
}

impl Validate for Settings {
    fn validate(&self, at: &mut Faults) {
        at.require("public_url", is_origin(&self.public_url), "must be like https://wait.example.com, without a path");
        at.section("redis", &self.redis);
        at.section("listen", &self.listen);
        at.section("operations", &self.operations);
        at.section("telemetry", &self.telemetry);
        at.section("secrets", &self.secrets);
        at.section("tokens", &self.tokens);
        at.within("promotion", |at| {
            let tick = self.promotion.tick;
            at.require("tick", TICKS.contains(&tick), format!("must be from 10ms to 1s, is {tick:?}"));
            let idle_after = self.promotion.idle_after;
            at.require("idle_after", RESTS.contains(&idle_after), format!("must be from 1s to 1h, is {idle_after:?}"));
        });
        let named = self.client_address_header.is_empty() || self.client_address_header.parse::<HeaderName>().is_ok();
        at.require("client_address_header", named, "must be the name of a header, or empty");
        at.within("streams", |at| {
            at.within_range("max_streams", self.streams.max_streams, 1..=1_000_000);
            at.within_range("max_streams_per_network", self.streams.max_streams_per_network, 1..=1_000_000);
        });
        at.section("rate_limits", &self.rate_limits);
        at.require("queues", !self.queues.is_empty(), "define at least one queue, as [queues.<name>]");
        at.within("queues", |at| {
            for (name, queue) in &self.queues {
                at.section(name, queue);
                // What the queue leaves out comes from [tokens], which is named for its own faults.
                if queue.lifetimes != LifetimeSettings::default() {
                    let lifetimes = queue.lifetimes.over(self.tokens.lifetimes());
                    at.within(name, |at| at.within("lifetimes", |at| validate_lifetimes(lifetimes, at)));
                }
            }
        });
    }
}

/// Shorter ticks cost the store more than they gain; longer ones leave admitted visitors in the dark, and line time
/// would run slow.
const TICKS: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(1);
/// Shorter, and visitors who come one by one would meet a queue that rests; longer, and it hardly ever would.
const RESTS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// Nobody is admitted meanwhile.
const LONGEST_COME_BACK: Duration = Duration::from_mins(10);

impl TokenSettings {
    /// How long turns and places last where a queue does not say otherwise.
    pub fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            arrive: self.arrive_within,
            claim: self.claim_within,
            claim_at_most: self.claim_at_most,
            active: self.active_lifetime,
            grace: self.grace,
            come_back: self.come_back_within,
        }
    }
}

impl Validate for TokenSettings {
    fn validate(&self, at: &mut Faults) {
        at.not_blank("issuer", &self.issuer);
        at.not_blank("audience", &self.audience);
        // Tokens count whole seconds.
        at.require("waiting_lifetime", self.waiting_lifetime >= Duration::from_secs(1), "must be at least 1s");
        validate_lifetimes(self.lifetimes(), at);
    }
}

/// The same rules for all queues and for one.
fn validate_lifetimes(lifetimes: Lifetimes, at: &mut Faults) {
    let Lifetimes { arrive, claim, claim_at_most, active, grace, come_back } = lifetimes;
    let second = Duration::from_secs(1);
    at.require("arrive_within", arrive >= second, "must be at least 1s");
    at.require("claim_within", claim >= second, "must be at least 1s");
    at.require("claim_at_most", claim_at_most >= claim, "must not be shorter than claim_within");
    let fits = claim_at_most <= active && arrive <= active;
    at.require("active_lifetime", fits, "must not be shorter than arrive_within or claim_at_most");
    at.require("grace", grace >= second, "must be at least 1s");
    at.require("come_back_within", come_back <= LONGEST_COME_BACK, "must be at most 10m");
}

/// `http` or `https` with a host: nothing that a browser would run as a script.
fn is_address(text: &str) -> bool {
    let uri = text.split('#').next().unwrap_or_default().parse::<Uri>();
    uri.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}

fn is_origin(text: &str) -> bool {
    is_address(text)
        && text.parse::<Uri>().is_ok_and(|uri| uri.path() == "/" && uri.query().is_none())
        && !text.ends_with('/')
}

#[cfg(test)]
mod tests;
