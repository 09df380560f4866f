use axum::http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn trusted(networks: &[&str]) -> TrustedProxies {
    networks.iter().map(|network| network.parse::<Network>().unwrap()).collect()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn client(peer: &str, lines: &[&str], networks: &[&str]) -> IpAddr {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
    }
    client_address(address(peer), &headers, &trusted(networks))
}

#[test]
fn a_header_from_a_stranger_is_not_read() {
    assert_eq!(client("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), address("203.0.113.9"));
    assert_eq!(client("203.0.113.9", &["198.51.100.1"], &[]), address("203.0.113.9"));
}

#[test]
fn the_proxys_own_entry_wins_over_a_forged_one() {
    assert_eq!(client("10.0.0.2", &["1.2.3.4, 203.0.113.9"], &["10.0.0.0/8"]), address("203.0.113.9"));
    assert_eq!(client("10.0.0.2", &["1.2.3.4", "203.0.113.9"], &["10.0.0.0/8"]), address("203.0.113.9"));
    assert_eq!(client("10.0.0.2", &["10.0.0.7, 203.0.113.9"], &["10.0.0.0/8"]), address("203.0.113.9"));
}

#[test]
fn a_named_header_counts_where_a_proxy_of_ours_sends_it() {
    let named = trusted(&["10.0.0.0/8"]).naming_clients_in(HeaderName::from_static("cf-connecting-ip"));
    let mut headers = HeaderMap::new();
    headers.append(FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"));
    assert_eq!(client_address(address("10.0.0.2"), &headers, &named), address("10.0.0.2"), "no other header is read");
    headers.append("cf-connecting-ip", HeaderValue::from_static("203.0.113.9"));
    assert_eq!(client_address(address("10.0.0.2"), &headers, &named), address("203.0.113.9"));
    assert_eq!(
        client_address(address("192.0.2.1"), &headers, &named),
        address("192.0.2.1"),
        "a stranger may say anything"
    );
}

#[test]
fn a_chain_of_our_proxies_is_followed_to_its_end() {
    let chain = ["1.2.3.4, 203.0.113.9,10.0.0.1 , 192.168.7.7"];
    assert_eq!(client("10.0.0.2", &chain, &["10.0.0.0/8", "192.168.0.0/16"]), address("203.0.113.9"));
    assert_eq!(client("10.0.0.2", &["10.0.0.3, 10.0.0.4"], &["10.0.0.0/8"]), address("10.0.0.3"));
}

#[test]
fn an_entry_that_cannot_be_read_ends_at_the_proxy_that_passed_it_on() {
    assert_eq!(client("10.0.0.2", &["203.0.113.9, unknown"], &["10.0.0.0/8"]), address("10.0.0.2"));
    assert_eq!(client("10.0.0.2", &["203.0.113.9, nonsense, 10.0.0.1"], &["10.0.0.0/8"]), address("10.0.0.1"));
    assert_eq!(client("10.0.0.2", &[""], &["10.0.0.0/8"]), address("10.0.0.2"));
}

#[test]
fn ports_brackets_and_mapped_addresses_are_understood() {
    let ours = ["10.0.0.0/8"];
    assert_eq!(client("10.0.0.2", &["203.0.113.9:4711"], &ours), address("203.0.113.9"));
    assert_eq!(client("10.0.0.2", &["[2001:db8::1]:4711"], &ours), address("2001:db8::1"));
    assert_eq!(client("10.0.0.2", &["[2001:db8::1]"], &ours), address("2001:db8::1"));
    assert_eq!(client("::ffff:10.0.0.2", &["::ffff:203.0.113.9"], &ours), address("203.0.113.9"));
}

#[test]
fn networks_that_cannot_be_meant_are_refused() {
    for text in ["", "10.0.0.0/33", "10.1.2.3/8", "fd00::/129", "10.0.0.0/-1", "10.0.0/8", "host", "10.0.0.0/8/8"] {
        assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text:?}");
    }
    assert!(trusted(&["0.0.0.0/0"]).contains(address("203.0.113.9")));
    assert!(!trusted(&["0.0.0.0/0"]).contains(address("2001:db8::1")));
    assert!(trusted(&["203.0.113.9"]).contains(address("203.0.113.9")));
}

#[test]
fn a_customer_counts_once_however_many_addresses_their_network_has() {
    assert_eq!(limit_key(address("2001:db8:1:2:aaaa::1")), limit_key(address("2001:db8:1:2:bbbb::2")));
    assert_ne!(limit_key(address("2001:db8:1:2::1")), limit_key(address("2001:db8:1:3::1")));
    assert_ne!(limit_key(address("203.0.113.9")), limit_key(address("203.0.113.8")));
    assert_eq!(limit_key(address("::ffff:203.0.113.9")), address("203.0.113.9"));
}

proptest! {
    #[test]
    fn whatever_a_client_sends_it_counts_as_its_own_address(forged in "[0-9a-f.:, \\[\\]]{0,60}") {
        // The proxy appends the address that it saw.
        let line = format!("{forged},203.0.113.9");
        prop_assert_eq!(client("10.0.0.2", &[&line], &["10.0.0.0/8"]), address("203.0.113.9"));
    }
}
