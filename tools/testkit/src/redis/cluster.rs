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
            let master = self.nodes[index % self.masters].call(&["CLUSTER", "MYID"]).await;
            let master = master.text().unwrap_or_default();
            // Refused until gossip has told the replica of its master.
            replica
                .settle("did not accept its master", &["CLUSTER", "REPLICATE", master], |reply| {
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

async fn expect_ok(node: &Redis, command: &[&str]) {
    let reply = node.call(command).await;
    assert_eq!(reply, RedisValue::Status("OK".to_owned()), "redis-server refuses {command:?}");
}
