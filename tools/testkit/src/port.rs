//! Free TCP ports on loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ranges from which Linux (32768 up) and macOS (49152 up) take the local ports of outgoing
/// connections: a server that is dead for a while must find its port free when it comes back.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on 127.0.0.1 that nobody listens on now, and that this process has not been given before.
///
/// Another process may take it before its user binds it. Starters here check that the server which
/// answers is their own and try another port otherwise.
///
/// # Panics
/// When all of the 12,000 ports are taken.
pub fn free_port() -> u16 {
    // Test processes that run side by side begin at different places, so that they rarely meet.
    let seed = u16::try_from(std::process::id().wrapping_mul(7919) % u32::from(COUNT)).unwrap_or_default();
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (seed + step) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT - 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_never_given_twice() {
        let ports: Vec<u16> = (0..50).map(|_| free_port()).collect();
        let distinct: std::collections::HashSet<u16> = ports.iter().copied().collect();
        assert_eq!(distinct.len(), ports.len());
    }
}
