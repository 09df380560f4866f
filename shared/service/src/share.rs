//! What one client network holds of something scarce (connections, streams), so that none takes all of it.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::Arc,
};

use parking_lot::Mutex;

use crate::client_address::limit_key;

/// Held at present, by network; never more networks than things that are held.
#[derive(Clone, Debug)]
pub struct Shares {
    most: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One that a network holds, given back when dropped.
#[derive(Debug)]
pub struct Share {
    network: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Shares {
    /// At most so many a network; zero sets no limit.
    pub fn new(most: usize) -> Self {
        Self { most: if most == 0 { usize::MAX } else { most }, open: Arc::default() }
    }

    /// Takes one for the network of this address; `None` when it has as many as it may.
    pub fn take(&self, address: IpAddr) -> Option<Share> {
        let network = limit_key(address);
        let mut open = self.open.lock();
        let count = open.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Share { network, open: self.open.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.open.lock().entry(self.network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_and_no_more_and_gives_it_back() {
        let shares = Shares::new(2);
        let ours: IpAddr = "2001:db8::1".parse().unwrap();
        let (first, _second) = (shares.take(ours).unwrap(), shares.take("2001:db8::2".parse().unwrap()).unwrap());
        assert!(shares.take(ours).is_none());
        assert!(shares.take("2001:db8:0:1::1".parse().unwrap()).is_some());
        drop(first);
        assert!(shares.take(ours).is_some());
        assert_eq!(shares.open.lock().len(), 1, "networks without a connection are forgotten");
    }

    #[test]
    fn zero_sets_no_limit() {
        let shares = Shares::new(0);
        let held: Vec<_> = (0..1_000).map(|_| shares.take("203.0.113.1".parse().unwrap()).unwrap()).collect();
        assert_eq!(held.len(), 1_000);
    }
}
