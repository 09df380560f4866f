//! A Redis master with a replica, watched by Sentinels.

use std::fmt::Write;

use super::{Fsync, Redis, RedisOptions};

const SERVICE: &str = "mymaster";

/// One master, one replica, and the Sentinels that promote the replica when the master dies.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: [Redis; 2],
    sentinels: Vec<Redis>,
}

impl RedisSentinel {
    /// Starts the servers and `sentinels` Sentinels (one to three make sense), of which a majority must agree
    /// that the master is dead; returns when all know one another.
    ///
    /// # Panics
    /// When `redis-server` is not installed or the servers do not find together, and when `sentinels` is zero.
    pub async fn start(sentinels: usize) -> Self {
        assert!(sentinels > 0, "nobody would promote the replica");
        let master = Redis::options().fsync(Fsync::EverySecond).start().await;
        let follow = format!("127.0.0.1 {}", master.port());
        let replica = Redis::options().fsync(Fsync::EverySecond).setting("replicaof", &follow).start().await;
        replica
            .settle("did not catch up with its master", &["INFO", "replication"], |info| {
                info.text().is_some_and(|info| info.contains("master_link_status:up"))
            })
            .await;
        let mut started = Self { servers: [master, replica], sentinels: Vec::new() };
        for _ in 0..sentinels {
            let sentinel = started.sentinel_options(sentinels / 2 + 1).start().await;
            started.sentinels.push(sentinel);
        }
        started.wait_for_acquaintance().await;
        started
    }

    /// The name under which the Sentinels know the master.
    pub fn service(&self) -> &'static str {
        SERVICE
    }

    /// The Sentinels; a Sentinel can be killed and restarted like any server.
    pub fn sentinels(&self) -> &[Redis] {
        &self.sentinels
    }

    /// The two data servers, the master of the start first.
    pub fn servers(&self) -> &[Redis] {
        &self.servers
    }

    /// `redis-sentinel://127.0.0.1:port?node=...&sentinelServiceName=...` as fred reads it.
    pub fn url(&self) -> String {
        let mut addresses = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port()));
        let mut url =
            format!("redis-sentinel://{}?sentinelServiceName={SERVICE}", addresses.next().unwrap_or_default());
        for address in addresses {
            // Writing to a String cannot fail.
            let _infallible = write!(url, "&node={address}");
        }
        url
    }

    /// The port of the master of this moment, as the first Sentinel says.
    ///
    /// # Panics
    /// When the first Sentinel does not answer.
    pub async fn master_port(&self) -> Option<u16> {
        let reply = self.sentinels.first()?.call(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]).await;
        reply.elements().get(1)?.text()?.parse().ok()
    }

    /// Kills the master of this moment; within a few seconds the other server is master.
    ///
    /// # Panics
    /// When the first Sentinel does not answer.
    pub async fn kill_master(&self) {
        let port = self.master_port().await;
        if let Some(master) = self.servers.iter().find(|server| Some(server.port()) == port) {
            master.kill();
        }
    }

    /// Waits until the Sentinels have made another server master than the one at `old`.
    ///
    /// # Panics
    /// When none is promoted within 30 seconds.
    pub async fn wait_for_promotion(&self, old: u16) {
        let old = old.to_string();
        for sentinel in &self.sentinels {
            sentinel
                .settle("promoted nobody", &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE], |reply| {
                    reply.elements().get(1).and_then(|port| port.text()).is_some_and(|port| port != old)
                })
                .await;
        }
    }

    fn sentinel_options(&self, quorum: usize) -> RedisOptions {
        let [master, _] = &self.servers;
        Redis::options().sentinel(format!(
            "sentinel monitor {SERVICE} 127.0.0.1 {} {quorum}\n\
             sentinel down-after-milliseconds {SERVICE} 1000\n\
             sentinel failover-timeout {SERVICE} 5000\n",
            master.port()
        ))
    }

    async fn wait_for_acquaintance(&self) {
        let others = (self.sentinels.len() - 1).to_string();
        for sentinel in &self.sentinels {
            sentinel
                .settle("did not find the replica and the other Sentinels", &["SENTINEL", "MASTER", SERVICE], |reply| {
                    let fields: Vec<&str> = reply.elements().iter().filter_map(|element| element.text()).collect();
                    let has = |name: &str, value: &str| fields.chunks(2).any(|field| field == [name, value]);
                    has("num-slaves", "1") && has("num-other-sentinels", &others)
                })
                .await;
        }
    }
}
