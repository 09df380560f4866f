//! Networks that an operator keeps out, and those that no limit holds.

use std::{net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;
use serde::Deserialize;
use service::client_address::Network;

/// The lists; both are read again when the settings file changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessLists {
    /// Nothing that there is on the public port is given to anybody here.
    pub blocked: Vec<Network>,
    /// Calls from here have no limits, and visitors from here are never held back.
    pub allowed: Vec<Network>,
}

/// The lists in force.
#[derive(Clone, Debug)]
pub struct Access(Arc<ArcSwap<AccessLists>>);

impl Access {
    /// Goes by these lists.
    pub fn by(lists: AccessLists) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(lists)))
    }

    /// Goes by other lists from now on.
    pub fn replace(&self, lists: AccessLists) {
        self.0.store(Arc::new(lists));
    }

    /// Whether no limit holds this address.
    pub fn is_allowed(&self, address: IpAddr) -> bool {
        self.0.load().allowed.iter().any(|network| network.contains(address))
    }

    /// Whether calls from this address are refused.
    pub fn is_blocked(&self, address: IpAddr) -> bool {
        let lists = self.0.load();
        lists.blocked.iter().any(|network| network.contains(address)) && !self.is_allowed(address)
    }
}
