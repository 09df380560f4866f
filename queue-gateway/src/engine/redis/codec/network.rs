//! Client networks as the store has them: text whose order is the order of networks, so that a sorted set can tell the
//! lowest.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::line::ClientNetwork;

/// `v4:203.000.113.007` or `v6:2001:0db8:0000:0000:0000:0000:0000:0000`.
pub(super) fn write(network: ClientNetwork) -> String {
    match network.0 {
        IpAddr::V4(address) => format!("v4:{}", address.octets().map(|octet| format!("{octet:03}")).join(".")),
        IpAddr::V6(address) => format!("v6:{}", address.segments().map(|segment| format!("{segment:04x}")).join(":")),
    }
}

pub(super) fn read(text: &str) -> Option<ClientNetwork> {
    let address = match text.split_at_checked(3)? {
        ("v4:", address) => {
            // The standard parser takes leading zeros for octal numbers, and refuses them.
            let octets: Vec<u8> = address.split('.').map(|octet| octet.parse().ok()).collect::<Option<_>>()?;
            IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?))
        }
        ("v6:", address) => IpAddr::from(address.parse::<Ipv6Addr>().ok()?),
        _ => return None,
    };
    Some(ClientNetwork(address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn networks_read_back_and_keep_their_order(one: IpAddr, other: IpAddr) {
            let (one, other) = (ClientNetwork(one), ClientNetwork(other));
            prop_assert_eq!(read(&write(one)), Some(one));
            prop_assert_eq!(write(one).cmp(&write(other)), one.cmp(&other));
        }

        #[test]
        fn whatever_is_read_is_one_network_or_none(text in "(v[46]:)?[0-9a-f:.]{0,20}") {
            if let Some(network) = read(&text) {
                prop_assert_eq!(read(&write(network)), Some(network));
            }
        }
    }
}
