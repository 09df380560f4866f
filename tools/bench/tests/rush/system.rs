//! Gateways, and a shop behind them, on shared stores.

use std::net::SocketAddr;

use bench::rush::{Arguments, Verdict, run};
use clap::Parser;
use contract::tokens::{ActiveSigner, JoinSigner};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{audit::Audit, instance::Instance};

const ADMIN_EMAIL: &str = "admin@example.com";
const ADMIN_PASSWORD: &str = "admin-pass-1!";
const SERVICE_KEY: &str = "a-service-key-for-tests-0123456789abc";
const OPERATOR_KEY: &str = "an-operator-key-for-tests-0123456789a";

/// How the line runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Gateways on one Redis; a single one may do without.
    pub(crate) gateways: usize,
    /// Admissions a second.
    pub(crate) rate: u32,
    /// Active users.
    pub(crate) cap: u32,
    /// Seconds for which a slot is kept without an arrival.
    pub(crate) arrive_within: u32,
}

/// The processes of a system.
pub(crate) struct System {
    pub(crate) gateways: Vec<Instance>,
    pub(crate) apis: Vec<Instance>,
    folder: TempDir,
    redis: Option<String>,
    /// Crowds come one after another: how long things take is part of what they judge.
    _turn: SemaphorePermit<'static>,
}

static TURN: Semaphore = Semaphore::const_new(1);

impl System {
    /// Starts the gateways, on the Redis of this address, or one on the embedded engine.
    pub(crate) async fn start(line: Line, redis: Option<String>) -> Self {
        let turn = TURN.acquire().await.unwrap();
        let mut system =
            Self { gateways: Vec::new(), apis: Vec::new(), folder: TempDir::new().unwrap(), redis, _turn: turn };
        let key = ActiveSigner::generate_pem();
        for number in 0..line.gateways {
            let settings = |public, internal| system.gateway(line, number, key.expose_secret(), public, internal);
            let instance = Instance::of("queue-gateway", system.folder.path(), number, settings).await;
            system.gateways.push(instance);
        }
        system
    }

    /// Opens a shop with so many APIs on the PostgreSQL of this address. Each knows one of the gateways, the last
    /// first: an API that lives on loses the gateway that is killed.
    pub(crate) async fn with_shop(mut self, postgres: &str, apis: usize) -> Self {
        let key = JoinSigner::generate_pem();
        for number in 0..apis {
            let gateway = &self.gateways[(2 * self.gateways.len() - 1 - number) % self.gateways.len()];
            let settings = |public, internal| self.api(postgres, &key, gateway, public, internal);
            let instance = Instance::of("ticketing-api", self.folder.path(), number, settings).await;
            self.apis.push(instance);
        }
        self
    }

    /// Sends a crowd.
    pub(crate) async fn rush(&self, arguments: &str) -> Verdict {
        run(self.arguments(arguments)).await.expect("the rush runs")
    }

    /// What a crowd needs to know.
    pub(crate) fn arguments(&self, arguments: &str) -> Arguments {
        let at = |option: &str, address: SocketAddr| format!("--{option}=http://{address}");
        let mut all = vec!["rush".to_owned()];
        all.extend(self.gateways.iter().map(|gateway| at("gateway", gateway.public)));
        all.extend(self.gateways.iter().map(|gateway| at("operator", gateway.internal)));
        all.extend(self.apis.iter().map(|api| at("ticketing", api.public)));
        let secrets = [
            format!("--admin-email={ADMIN_EMAIL}"),
            format!("--admin-password={ADMIN_PASSWORD}"),
            format!("--operator-key={OPERATOR_KEY}"),
        ];
        all.extend(secrets);
        if self.apis.is_empty() {
            all.push("--line-only".to_owned());
        }
        all.extend(arguments.split_whitespace().map(str::to_owned));
        Arguments::parse_from(all)
    }

    fn gateway(&self, line: Line, number: usize, key: &str, public: SocketAddr, internal: SocketAddr) -> String {
        let Line { rate, cap, arrive_within, .. } = line;
        let engine =
            self.redis.as_ref().map_or_else(String::new, |url| format!("engine = 'redis'\nredis.url = '{url}'"));
        // Out of step: what one gateway has told, the other must not take back.
        let tick = 250 - 60 * number;
        format!(
            "{engine}
trusted_proxies = ['127.0.0.0/8']
listen.address = '{public}'
operations.address = '{internal}'
telemetry.filter = 'error'
promotion.tick = '{tick}ms'
tokens.arrive_within = '{arrive_within}s'
rate_limits.join.per_second = 0
rate_limits.stream.per_second = 0
rate_limits.leave.per_second = 0
[secrets]
waiting_secret = 'a-waiting-secret-for-tests-0123456789'
active_key = '''
{key}'''
service_key = '{SERVICE_KEY}'
operator_key = '{OPERATOR_KEY}'
[queues.demo]
redirect_to = 'http://127.0.0.1:8081/'
admission = {{ mode = 'fixed', rate_per_second = {rate}, active_cap = {cap} }}
"
        )
    }

    fn api(
        &self,
        postgres: &str,
        join_key: &SecretString,
        gateway: &Instance,
        public: SocketAddr,
        internal: SocketAddr,
    ) -> String {
        let redis = self
            .redis
            .as_ref()
            .map_or_else(String::new, |url| format!("fast_store = {{ engine = 'redis', redis.url = '{url}' }}"));
        format!(
            "trusted_proxies = ['127.0.0.0/8']
listen.address = '{public}'
operations.address = '{internal}'
telemetry.filter = 'error'
store.url = '{postgres}'
{redis}
gateway.internal_url = 'http://{}'
admin = {{ email = '{ADMIN_EMAIL}', password = '{ADMIN_PASSWORD}' }}
[secrets]
session_secret = 'a-session-secret-for-tests-0123456789'
service_key = '{SERVICE_KEY}'
join_key = '''
{}'''
",
            gateway.internal,
            join_key.expose_secret(),
        )
    }
}

/// Fails with the promises that were not kept, and with what money and seats say.
pub(crate) async fn assert_kept(verdict: &Verdict, audit: Option<(&Audit, usize)>) {
    assert!(verdict.kept(), "{}", verdict.broken().join("\n"));
    if let Some((audit, seats)) = audit {
        assert_eq!(audit.sold().await, seats);
        audit.finds_nothing().await;
    }
}
