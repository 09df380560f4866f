//! What a listener allows.

use std::{net::SocketAddr, time::Duration};

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as duration;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::{
    client_address::TrustedProxies,
    settings::{Faults, Validate},
};

/// hyper's smallest buffer; a lower header limit is kept on top of it.
pub(super) const MIN_BUFFER_BYTES: usize = 8192;

/// One listener. Keys that a file leaves out have the values of [`ListenSettings::at`], on a free port of loopback.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ListenSettings {
    /// Where to listen, such as `0.0.0.0:8080`. Port 0 takes any free port.
    pub address: SocketAddr,
    /// Open connections at once. At the cap no more are accepted; newcomers wait in the kernel's backlog.
    pub max_connections: usize,
    /// Of them, those of one client network (an IPv4 address, an IPv6 /64); above it a connection is closed at once.
    /// Zero sets no limit. Trusted proxies have none: they stand for many.
    pub max_connections_per_network: usize,
    /// Balancers whose connections begin with a PROXY protocol header that names the client.
    pub proxy_protocol_from: TrustedProxies,
    /// Networks that stand for many clients, filled in from the settings of the service.
    #[serde(skip)]
    pub proxies: TrustedProxies,
    /// Time for a request's head to arrive. Also how long an idle kept-alive connection stays open.
    #[serde(with = "duration")]
    pub header_read_timeout: Duration,
    /// Size of a request's head; above it the answer is 431.
    pub max_header_bytes: usize,
    /// Time for a request's whole body to arrive; after it the answer is 408.
    #[serde(with = "duration")]
    pub body_read_timeout: Duration,
    /// Size of a request's body; above it the answer is 413. Single routes may allow more.
    pub max_body_bytes: usize,
    /// How long a peer may leave what we send unread or unacknowledged before the connection is cut.
    /// Kept by the kernel, on Linux only; it also ends the streams of peers that vanished without a word.
    #[serde(with = "duration")]
    pub send_timeout: Duration,
    /// How long requests in flight may go on when the process stops.
    #[serde(with = "duration")]
    pub drain_deadline: Duration,
}

impl ListenSettings {
    /// The usual limits on the given address.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            max_connections: 10_000,
            max_connections_per_network: 0,
            proxy_protocol_from: TrustedProxies::default(),
            proxies: TrustedProxies::default(),
            header_read_timeout: Duration::from_secs(30),
            max_header_bytes: 16 * 1024,
            body_read_timeout: Duration::from_secs(15),
            max_body_bytes: 64 * 1024,
            send_timeout: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(20),
        }
    }
}

impl Default for ListenSettings {
    fn default() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

impl Validate for ListenSettings {
    fn validate(&self, at: &mut Faults) {
        at.within_range("max_connections", self.max_connections, 1..=Semaphore::MAX_PERMITS);
        at.within_range("max_header_bytes", self.max_header_bytes, 1024..=1024 * 1024);
        at.within_range("max_body_bytes", self.max_body_bytes, 1..=1024 * 1024 * 1024);
        at.positive_duration("header_read_timeout", self.header_read_timeout);
        at.positive_duration("body_read_timeout", self.body_read_timeout);
        at.positive_duration("send_timeout", self.send_timeout);
    }
}
