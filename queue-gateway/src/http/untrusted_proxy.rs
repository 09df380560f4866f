//! The alarm about a proxy that nobody told us of.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use prometheus::IntCounter;

/// Counts requests of a neighbour that says it forwards for others, and logs the first.
#[derive(Debug)]
pub struct UntrustedProxy {
    requests: IntCounter,
    logged: AtomicBool,
}

impl UntrustedProxy {
    /// No such request was met yet.
    pub fn new(requests: IntCounter) -> Self {
        Self { requests, logged: AtomicBool::new(false) }
    }

    pub(super) fn note(&self, peer: IpAddr) {
        self.requests.inc();
        if !self.logged.swap(true, Ordering::Relaxed) {
            tracing::error!(
                %peer,
                "a proxy that is not in trusted_proxies forwards visitors: all of them count as one address, and networks \
                 whose visitors do not arrive are not held back"
            );
        }
    }
}
