//! Whose request it is, when proxies stand in between.
//!
//! `X-Forwarded-For` is written by whoever sends the request; only what a proxy of ours has appended can be
//! believed. Ready-made extractors believe its left end, which is the part that anybody can forge.

mod network;

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName};
use serde::Deserialize;

pub use self::network::{InvalidNetwork, Network};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of our own proxies. Empty: nobody is trusted, and no header is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<Network>")]
pub struct TrustedProxies {
    networks: Vec<Network>,
    header: Option<HeaderName>,
}

impl From<Vec<Network>> for TrustedProxies {
    fn from(networks: Vec<Network>) -> Self {
        Self { networks, header: None }
    }
}

impl TrustedProxies {
    /// Whether the address is that of a proxy of ours.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// These proxies name the client in a header of their own, such as a content delivery network's `cf-connecting-ip`,
    /// and `X-Forwarded-For` is not read.
    #[must_use]
    pub fn naming_clients_in(self, header: HeaderName) -> Self {
        Self { header: Some(header), ..self }
    }
}

impl FromIterator<Network> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        networks.into_iter().collect::<Vec<_>>().into()
    }
}

/// The address of the client: the nearest one on the way to us that is not a proxy of ours.
///
/// An entry that cannot be read ends the search at the proxy that passed it on. When every entry is trusted,
/// the client is itself one of those hosts, and the farthest is taken.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let mut nearest = peer.to_canonical();
    if let Some(header) = &trusted.header {
        let named = headers.get(header).filter(|_| trusted.contains(nearest)).and_then(|value| value.to_str().ok());
        return named.and_then(parse_entry).map_or(nearest, |address| address.to_canonical());
    }
    // Each proxy appends on the right, to the last line or as a line of its own.
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    for entry in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
        if !trusted.contains(nearest) {
            break;
        }
        let Some(address) = std::str::from_utf8(entry).ok().and_then(parse_entry) else { break };
        nearest = address.to_canonical();
    }
    nearest
}

/// What a rate limit counts by. One IPv6 customer is given at least a /64 and can use all its addresses in turn,
/// so the whole network is one; the key is its first address.
pub fn limit_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// An address, bare or with a port (some proxies append it); IPv6 also in brackets.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests;
