//! A Cluster: a pool of connections to each of its masters, and the map of who has which slots.
//!
//! The driver's own client of a Cluster takes no call for as long as any of the masters cannot be reached. All keys of
//! a call of ours lie on one node, so plain clients to each do, and a node that is away is nobody's concern but of
//! those who have keys on it.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fred::{
    error::{Error, ErrorKind},
    types::{
        FromValue, InfoKind, Key, Value,
        cluster::SlotRange,
        config::{Config, Server, ServerConfig},
        scripts::Script,
    },
};
use futures_util::{
    FutureExt, StreamExt,
    future::{join_all, select_ok},
    stream::FuturesUnordered,
};
use parking_lot::RwLock;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::{
    ConnectError, InvalidUrl, RedisSettings,
    pool::{Pool, connect},
    redirection::{Redirection, Way},
};

/// How often one call is sent on at most. One that goes round in circles is among nodes that do not agree yet.
const MOST_REDIRECTIONS: usize = 3;
/// Least time between two readings of the map: every call that fails asks for one.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Cluster {
    nodes: Arc<Nodes>,
    /// Reads the map anew for as long as this value lives.
    _reader: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Nodes {
    settings: RedisSettings,
    /// The servers that the url names: where to ask when nobody else is there.
    named: Vec<Server>,
    map: RwLock<Map>,
    /// Somebody has met a loss or a redirection.
    outdated: Notify,
    turn: AtomicUsize,
}

/// Empty until a node has told it.
#[derive(Debug, Default)]
struct Map {
    /// First and last slot, and who has them; by the last one.
    ranges: Vec<(u16, u16, Server)>,
    pools: HashMap<Server, Arc<Pool>>,
}

/// Where a call goes.
type Node = (Server, Arc<Pool>);

impl Cluster {
    /// Learns the map from one of the servers that the url names. The others may be away.
    pub(super) async fn open(settings: &RedisSettings) -> Result<Self, ConnectError> {
        let nodes = Nodes::new(settings)?;
        nodes.learn(nodes.ask_those_named().await?);
        Ok(Self::keeping(nodes))
    }

    pub(super) fn open_in_background(settings: &RedisSettings) -> Result<Self, InvalidUrl> {
        let nodes = Nodes::new(settings)?;
        nodes.outdated.notify_one();
        Ok(Self::keeping(nodes))
    }

    fn keeping(nodes: Nodes) -> Self {
        let nodes = Arc::new(nodes);
        let reader = tokio::spawn(nodes.clone().keep_map());
        Self { nodes, _reader: AbortOnDropHandle::new(reader) }
    }

    pub(super) async fn run<R: FromValue>(&self, script: &Script, keys: &[Key], args: &[Value]) -> Result<R, Error> {
        let (mut server, mut pool) = self.nodes.owner(keys)?;
        let (mut way, mut redirections) = (Way::Owner, 0);
        loop {
            let reply = match way {
                Way::Owner => pool.run(script, keys, args).await,
                Way::Ask => pool.run_asking(script, keys, args).await,
            };
            let Err(error) = &reply else { return reply };
            self.nodes.outdated.notify_one();
            match Redirection::told_by(error, &server) {
                Some(told) if redirections < MOST_REDIRECTIONS => {
                    (server, pool) = self.nodes.node(told.to)?;
                    (way, redirections) = (told.way, redirections + 1);
                }
                _ => return reply,
            }
        }
    }

    /// What each master tells of itself.
    pub(super) async fn info(&self, sections: &[InfoKind]) -> Vec<Result<String, Error>> {
        join_all(self.nodes.all().iter().map(|(_, pool)| pool.info(sections))).await
    }

    /// How each master is set.
    pub(super) async fn setting(&self, name: &str) -> Vec<Result<String, Error>> {
        join_all(self.nodes.all().iter().map(|(_, pool)| pool.setting(name))).await
    }

    /// Asks all masters who are connected, and takes the first sign of life.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        let nodes = self.nodes.connected();
        if nodes.is_empty() {
            self.nodes.outdated.notify_one();
            return Err(Error::new(ErrorKind::IO, "no node of the Cluster is connected"));
        }
        select_ok(nodes.iter().map(|(_, pool)| pool.ping().boxed())).await.map(|((), _)| ())
    }

    pub(super) fn is_connected(&self, keys: &[Key]) -> bool {
        if keys.is_empty() {
            return !self.nodes.connected().is_empty();
        }
        self.nodes.owner(keys).is_ok_and(|(_, pool)| pool.is_connected())
    }
}

impl Nodes {
    fn new(settings: &RedisSettings) -> Result<Self, InvalidUrl> {
        Ok(Self {
            settings: settings.clone(),
            named: settings.config()?.server.hosts(),
            map: RwLock::default(),
            outdated: Notify::new(),
            turn: AtomicUsize::new(0),
        })
    }

    /// Who has the keys, which all lie in one slot.
    fn owner(&self, keys: &[Key]) -> Result<Node, Error> {
        let node = self.map.read().owner(keys.first().map_or(0, Key::cluster_hash));
        if !node.as_ref().is_some_and(|(_, pool)| pool.is_connected()) {
            self.outdated.notify_one();
        }
        node.ok_or_else(|| Error::new(ErrorKind::Cluster, "no node of the Cluster is known to have the keys"))
    }

    /// A node that another one has named, which may be new to us.
    fn node(&self, server: Server) -> Result<Node, Error> {
        let mut map = self.map.write();
        let pool = match map.pools.get(&server) {
            Some(pool) => pool.clone(),
            None => self.pool(&server).map_err(|invalid| Error::new(ErrorKind::Config, invalid.to_string()))?,
        };
        map.pools.insert(server.clone(), pool.clone());
        Ok((server, pool))
    }

    fn pool(&self, server: &Server) -> Result<Arc<Pool>, InvalidUrl> {
        Pool::open_in_background(&self.settings, self.config(server)?).map(Arc::new)
    }

    /// The url's, for one server alone: user, password and TLS are those of the Cluster.
    fn config(&self, server: &Server) -> Result<Config, InvalidUrl> {
        Ok(Config { server: ServerConfig::Centralized { server: server.clone() }, ..self.settings.config()? })
    }

    fn all(&self) -> Vec<Node> {
        self.map.read().pools.iter().map(|(server, pool)| (server.clone(), pool.clone())).collect()
    }

    fn connected(&self) -> Vec<Node> {
        let mut nodes = self.all();
        nodes.retain(|(_, pool)| pool.is_connected());
        nodes
    }

    async fn keep_map(self: Arc<Self>) {
        loop {
            self.outdated.notified().await;
            match self.ask().await {
                Ok(told) => self.learn(told),
                Err(error) => {
                    tracing::debug!(%error, "no node of the Redis Cluster tells where the keys are");
                    // Nobody need fail for it once more.
                    self.outdated.notify_one();
                }
            }
            tokio::time::sleep(READ_AGAIN_AFTER).await;
        }
    }

    /// Asks who is connected, another one each time: a node that is cut off from the others tells of what was.
    async fn ask(&self) -> Result<Vec<SlotRange>, ConnectError> {
        let mut nodes = self.connected();
        if !nodes.is_empty() {
            let first = self.turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
            nodes.rotate_left(first);
        }
        for (server, pool) in nodes {
            if let Ok(told) = pool.slots(&server).await {
                return Ok(told);
            }
        }
        self.ask_those_named().await
    }

    async fn ask_those_named(&self) -> Result<Vec<SlotRange>, ConnectError> {
        let mut attempts: FuturesUnordered<_> = self.named.iter().map(|server| self.ask_one(server)).collect();
        let mut failure = ConnectError::Unreachable("the url names no server".to_owned());
        while let Some(attempt) = attempts.next().await {
            match attempt {
                Ok(told) => return Ok(told),
                // Whatever the others are, this has to be put right.
                Err(_) if matches!(failure, ConnectError::Refused(_)) => {}
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask_one(&self, server: &Server) -> Result<Vec<SlotRange>, ConnectError> {
        let connection = connect(&self.settings, self.config(server)?).await?;
        connection.slots(server).await.map_err(|error| ConnectError::Unreachable(error.to_string()))
    }

    fn learn(&self, told: Vec<SlotRange>) {
        let mut map = self.map.write();
        let mut known = mem::take(&mut map.pools);
        for range in &told {
            // Those of one server may be several. The settings have made connections before, so they make these.
            let pool = map.pools.get(&range.primary).cloned().or_else(|| known.remove(&range.primary));
            if let Some(pool) = pool.or_else(|| self.pool(&range.primary).ok()) {
                map.pools.insert(range.primary.clone(), pool);
            }
        }
        map.ranges = told.into_iter().map(|range| (range.start, range.end, range.primary)).collect();
        map.ranges.sort_by_key(|(_, last, _)| *last);
    }
}

impl Map {
    fn owner(&self, slot: u16) -> Option<Node> {
        let (first, _, server) = self.ranges.get(self.ranges.partition_point(|(_, last, _)| *last < slot))?;
        let pool = self.pools.get(server)?;
        (*first <= slot).then(|| (server.clone(), pool.clone()))
    }
}
