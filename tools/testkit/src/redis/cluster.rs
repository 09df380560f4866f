//! A real Redis Cluster of several servers.

use super::{Fsync, Redis, RedisValue};
use crate::port::free_port;

const SLOTS: usize = 16_384;

/// Masters with the slots spread evenly among them, and their replicas.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
    masters: usize,
}

impl RedisCluster {
    /// Starts `masters` servers and `replicas` more for each of them, and joins them; returns when every node
    /// sees the whole cluster as healthy and every replica follows its master.
    ///
    /// # Panics
    /// When `redis-server` is not installed or the cluster does not come up, and when `masters` is zero.
    pub async fn start(masters: usize, replicas: usize) -> Self {
        assert!(masters > 0, "a cluster needs a master");
        let mut nodes = Vec::new();
        let mut bus_ports = Vec::new();
        for _ in 0..masters * (1 + replicas) {
            let bus_port = free_port().to_string();
            let options = Redis::options()
                .fsync(Fsync::EverySecond)
                .setting("cluster-enabled", "yes")
                // The default, the port plus 10,000, may be anybody's.
                .setting("cluster-port", &bus_port)
                .setting("cluster-node-timeout", "2000");
            nodes.push(options.start().await);
            bus_ports.push(bus_port);
        }
        let cluster = Self { nodes, masters };
        cluster.give_out_slots().await;
        cluster.introduce(&bus_ports).await;
        cluster.attach_replicas().await;
        for node in &cluster.nodes {
            node.settle("did not see its cluster become healthy", &["CLUSTER", "INFO"], |info| {
                info.text().is_some_and(|info| info.contains("cluster_state:ok"))
            })
            .await;
        }
        cluster
    }

    /// All servers: first the masters of the start, then the replicas, in the order of their masters and again.
    /// After a failover the roles may be others.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The servers that were started as masters.
    pub fn masters(&self) -> &[Redis] {
        &self.nodes[..self.masters]
    }

    /// `redis-cluster://127.0.0.1:port?node=127.0.0.1:port...` as fred reads it.
    pub fn url(&self) -> String {
        let mut addresses = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port()));
        let first = addresses.next().unwrap_or_default();
        let others: Vec<String> = addresses.map(|address| format!("node={address}")).collect();
        format!("redis-cluster://{first}?{}", others.join("&"))
    }

    /// Which of [`Self::masters`] was given the keys with this hash tag at the start.
    ///
    /// # Panics
    /// When the first server does not answer.
    pub async fn owner_of(&self, tag: &str) -> usize {
        self.slot_of(tag).await * self.masters / SLOTS
    }

    async fn slot_of(&self, tag: &str) -> usize {
        let slot = match self.nodes[0].call(&["CLUSTER", "KEYSLOT", &format!("{{{tag}}}")]).await {
            RedisValue::Integer(slot) => usize::try_from(slot).ok(),
            _ => None,
        };
        slot.unwrap_or_else(|| panic!("redis-server tells no slot of {tag}"))
    }

    /// Moves the keys with this hash tag from the master of the start to another one, as an operator does who adds a
    /// node. Both know that the slot is on its way, until [`Self::end_move`].
    ///
    /// # Panics
    /// When a server does not answer, or refuses.
    pub async fn begin_move(&self, tag: &str, to: usize) {
        let slot = self.slot_of(tag).await.to_string();
        let (source, target) = (&self.masters()[self.owner_of(tag).await], &self.masters()[to]);
        expect_ok(target, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id_of(source).await]).await;
        expect_ok(source, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id_of(target).await]).await;
        let keys = source.call(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]).await;
        let keys = keys.elements().iter().filter_map(RedisValue::text);
        let port = target.port().to_string();
        let migrate: Vec<&str> =
            ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"].into_iter().chain(keys).collect();
        expect_ok(source, &migrate).await;
    }

    /// Says to all that the slot is there.
    ///
    /// # Panics
    /// As [`Self::begin_move`].
    pub async fn end_move(&self, tag: &str, to: usize) {
        let (slot, target) = (self.slot_of(tag).await.to_string(), &self.masters()[to]);
        let id = id_of(target).await;
        for node in [target].into_iter().chain(self.masters()) {
            expect_ok(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &id]).await;
        }
    }

    /// Lets the nodes go on when one of them is dead; one that is restarted has the default again, which is to stop.
    ///
    /// # Panics
    /// When a server does not answer.
    pub async fn allow_gaps(&self) {
        for node in &self.nodes {
            expect_ok(node, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await;
        }
    }

    async fn give_out_slots(&self) {
        for (index, master) in self.masters().iter().enumerate() {
            let first = (SLOTS * index / self.masters).to_string();
            let last = (SLOTS * (index + 1) / self.masters - 1).to_string();
            expect_ok(master, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
            // Distinct from the beginning, so that no two masters meet with the same epoch and have to sort it out.
            expect_ok(master, &["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]).await;
        }
    }

    async fn introduce(&self, bus_ports: &[String]) {
        let Some((first, others)) = self.nodes.split_first() else { return };
        for (node, bus_port) in others.iter().zip(&bus_ports[1..]) {
            expect_ok(first, &["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), bus_port]).await;
        }
        let line = format!("cluster_known_nodes:{}\r\n", self.nodes.len());
        for node in &self.nodes {
            node.settle("did not meet all nodes of its cluster", &["CLUSTER", "INFO"], |info| {
                info.text().is_some_and(|info| info.contains(&line))
            })
            .await;
        }
    }

    async fn attach_replicas(&self) {
        for (index, replica) in self.nodes[self.masters..].iter().enumerate() {
            let master = id_of(&self.nodes[index % self.masters]).await;
            // Refused until gossip has told the replica of its master.
            replica
                .settle("did not accept its master", &["CLUSTER", "REPLICATE", &master], |reply| {
                    reply.text() == Some("OK")
                })
                .await;
        }
        for replica in &self.nodes[self.masters..] {
            replica
                .settle("did not catch up with its master", &["INFO", "replication"], |info| {
                    info.text().is_some_and(|info| info.contains("master_link_status:up"))
                })
                .await;
        }
    }
}

async fn id_of(node: &Redis) -> String {
    node.call(&["CLUSTER", "MYID"]).await.text().unwrap_or_default().to_owned()
}

async fn expect_ok(node: &Redis, command: &[&str]) {
    let reply = node.call(command).await;
    assert_eq!(reply, RedisValue::Status("OK".to_owned()), "redis-server refuses {command:?}");
}
