//! Networks in CIDR notation.

use std::{net::IpAddr, str::FromStr};

use serde::Deserialize;

/// A network such as `10.0.0.0/8`, `fd00::/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    /// The first address.
    base: IpAddr,
    /// How many leading bits the addresses share.
    prefix: u32,
}

/// The text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a network such as 10.0.0.0/8 or fd00::/8, or an address, without bits set beyond the prefix")]
pub struct InvalidNetwork;

impl Network {
    /// Whether the address lies in this network. IPv4 addresses in IPv6 clothing count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.prefix) == masked(self.base, self.prefix)
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| InvalidNetwork)?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(width), |prefix| prefix.parse().map_err(|_| InvalidNetwork))?;
        // `10.1.2.3/8` is more likely a slip than a wish to trust sixteen million addresses.
        if prefix > width || masked(base, prefix) != bits(base) {
            return Err(InvalidNetwork);
        }
        Ok(Self { base, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        text.parse()
    }
}

/// The address's bits, from the highest on.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn masked(address: IpAddr, prefix: u32) -> u128 {
    // A shift by the full width is not defined; a prefix of 0 keeps no bit.
    bits(address) & u128::MAX.checked_shl(128 - prefix).unwrap_or(0)
}
