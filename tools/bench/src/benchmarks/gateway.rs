//! The gateway's own binary with settings for a measurement.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context;
use contract::tokens::ActiveSigner;
use secrecy::ExposeSecret;

use super::{
    load::{self, Connection},
    process::Process,
};

/// The queue that is measured.
pub(super) const QUEUE: &str = "bench";

/// Connections of whoever fills the line.
const CONNECTIONS: usize = 128;

const SITE: &str = "http://127.0.0.1:8081/";

/// A running gateway.
pub(super) struct Gateway {
    /// Its process.
    pub(super) process: Process,
    /// Where visitors come.
    pub(super) public: SocketAddr,
    operations: SocketAddr,
    /// Watched by the process, so it lives as long.
    _settings: tempfile::NamedTempFile,
}

impl Gateway {
    /// Starts a gateway on the Redis of `redis_url`, or on the embedded engine, that admits `rate` visitors a second.
    pub(super) async fn start(redis_url: Option<String>, rate: f64) -> anyhow::Result<Self> {
        Self::start_beside(redis_url, rate, 0).await
    }

    /// As [`Gateway::start`], with so many queues beside that nobody asks for.
    pub(super) async fn start_beside(redis_url: Option<String>, rate: f64, idle: usize) -> anyhow::Result<Self> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (public, operations) = (local(testkit::free_port()), local(testkit::free_port()));
        let engine = redis_url.map_or_else(String::new, |url| format!("engine = 'redis'\n[redis]\nurl = '{url}'\n"));
        let settings = tempfile::NamedTempFile::new()?;
        let admission = format!("{{ mode = 'fixed', rate_per_second = {rate:?}, active_cap = 1000000 }}");
        let text = format!(
            "{engine}
[listen]
address = '{public}'
max_connections = 19000
max_connections_per_network = 0
[operations]
address = '{operations}'
[streams]
max_streams = 19000
[telemetry]
filter = 'warn'
[secrets]
waiting_secret = 'bench-waiting-secret-0123456789abcdef'
active_key = '''
{key}'''
service_key = 'bench-service-key-0123456789abcdef'
operator_key = 'bench-operator-key-0123456789abcdef'
# One address sends everything here, and nobody arrives: neither the limits for each address nor what is done about
# networks like that must be what is measured.
[access]
allowed = ['127.0.0.0/8']
[tokens]
arrive_within = '10m'
[queues.{QUEUE}]
redirect_to = '{SITE}'
admission = {admission}
{idle}",
            idle = (0..idle).fold(String::new(), |queues, number| {
                queues + &format!("[queues.idle-{number}]\nredirect_to = '{SITE}'\nadmission = {admission}\n")
            }),
            key = ActiveSigner::generate_pem().expose_secret(),
        );
        std::fs::write(settings.path(), text)?;
        let process = Process::service("queue-gateway", settings.path(), operations).await?;
        Ok(Self { process, public, operations, _settings: settings })
    }

    /// Has newcomers join until so many wait.
    pub(super) async fn fill(&self, waiting: f64) -> anyhow::Result<()> {
        let join = [load::post_request(&format!("/v1/queues/{QUEUE}/tokens"))];
        while self.metric("queue_gateway_visitors_waiting").await? < waiting {
            load::rate(self.public, &join, CONNECTIONS, Duration::from_secs(1)).await?;
        }
        Ok(())
    }

    /// The sum over all labels of a counter or gauge.
    pub(super) async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let mut connection = Connection::open(self.operations).await?;
        connection.send(b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n").await?;
        let text = std::str::from_utf8(connection.body()).context("the metrics are no text")?;
        let values = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            (series.split('{').next() == Some(name)).then(|| value.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }
}
