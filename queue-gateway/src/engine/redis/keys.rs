//! The keys of a queue: a fixed number of them, all under one hash tag, so that a Cluster keeps them on one node.

use std::collections::HashMap;

use contract::ids::QueueName;
use fred::types::Key;
use parking_lot::RwLock;

/// What follows `wr:{queue}:`, in the order in which the library names its KEYS.
const NAMES: [&str; 26] = [
    "meta",
    "line",
    "away",
    "away-places",
    "passed",
    "no-shows",
    "given-back",
    "ready",
    "entries",
    "gateways",
    "histograms",
    "slots",
    "tokens",
    "deadlines",
    "expiries",
    "networks",
    "network-ages",
    "held-back",
    "withheld",
    "lost",
    "lost-order",
    "log",
    "changes",
    "invitations",
    "heard",
    "snapshot",
];

/// The KEYS of every script, made once for each queue: there are as many as the settings name.
#[derive(Debug, Default)]
pub(super) struct Keys(RwLock<HashMap<QueueName, Vec<Key>>>);

impl Keys {
    pub(super) fn of(&self, queue: &QueueName) -> Vec<Key> {
        if let Some(keys) = self.0.read().get(queue) {
            return keys.clone();
        }
        self.0.write().entry(queue.clone()).or_insert_with(|| keys_of(queue)).clone()
    }
}

fn keys_of(queue: &QueueName) -> Vec<Key> {
    NAMES.iter().map(|name| Key::from(format!("wr:{{{queue}}}:{name}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_queue_share_one_cluster_slot() {
        let keys = keys_of(&"spring-2027".parse().unwrap());
        assert_eq!(keys[0].as_str(), Some("wr:{spring-2027}:meta"));
        let slots: std::collections::HashSet<u16> = keys.iter().map(Key::cluster_hash).collect();
        assert_eq!(slots.len(), 1);
    }
}
