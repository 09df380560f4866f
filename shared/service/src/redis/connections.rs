//! Where a call goes: to the one server that there is, or to the node of a Cluster that has its keys.

use fred::{
    error::Error,
    types::{FromValue, InfoKind, Key, Value, scripts::Script},
};

use super::{InvalidUrl, RedisSettings, cluster::Cluster, pool::Pool};

/// Why there is no connection at the start. Later losses are mended without asking, and show as errors of the calls.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings' url is not one of a Redis.
    #[error(transparent)]
    InvalidUrl(#[from] InvalidUrl),
    /// Nobody answers at the address.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(String),
    /// The server is there and refuses us.
    #[error("Redis refuses the user or the password of the settings: {0}")]
    Refused(String),
}

/// Connections to one Redis, each driven by a task of its own that reconnects for as long as this value lives.
///
/// In a Cluster a node that is away costs those calls alone whose keys it has.
#[derive(Debug)]
pub struct Connections(To);

#[derive(Debug)]
enum To {
    Server(Pool),
    Cluster(Cluster),
}

impl Connections {
    /// Connects, or says within the connect timeout why not. Of a Cluster one node need be there.
    pub async fn open(settings: &RedisSettings) -> Result<Self, ConnectError> {
        Ok(Self(if settings.config()?.server.is_clustered() {
            To::Cluster(Cluster::open(settings).await?)
        } else {
            To::Server(Pool::open(settings).await?)
        }))
    }

    /// Connects in the background, for as long as it takes: a server that is down does not stop the start, and calls
    /// fail until it is there. Must be called within a runtime.
    pub fn open_in_background(settings: &RedisSettings) -> Result<Self, InvalidUrl> {
        let config = settings.config()?;
        Ok(Self(if config.server.is_clustered() {
            To::Cluster(Cluster::open_in_background(settings)?)
        } else {
            To::Server(Pool::open_in_background(settings, config)?)
        }))
    }

    /// Runs a script: by its hash, or by its text where the server does not know it yet. All keys have the same hash
    /// tag.
    pub async fn run<R: FromValue>(&self, script: &Script, keys: Vec<Key>, args: Vec<Value>) -> Result<R, Error> {
        match &self.0 {
            To::Server(pool) => pool.run(script, &keys, &args).await,
            To::Cluster(cluster) => cluster.run(script, &keys, &args).await,
        }
    }

    /// What a server tells of itself; in a Cluster each master.
    pub async fn info(&self, sections: &[InfoKind]) -> Vec<Result<String, Error>> {
        match &self.0 {
            To::Server(pool) => vec![pool.info(sections).await],
            To::Cluster(cluster) => cluster.info(sections).await,
        }
    }

    /// How a server is set, empty for a setting that it does not know; in a Cluster each master.
    pub async fn setting(&self, name: &str) -> Vec<Result<String, Error>> {
        match &self.0 {
            To::Server(pool) => vec![pool.setting(name).await],
            To::Cluster(cluster) => cluster.setting(name).await,
        }
    }

    /// Asks for a sign of life; in a Cluster any master's.
    pub async fn ping(&self) -> Result<(), Error> {
        match &self.0 {
            To::Server(pool) => pool.ping().await,
            To::Cluster(cluster) => cluster.ping().await,
        }
    }

    /// Whether a call on these keys would find a connection, or one without any. For callers who have somewhere else to
    /// turn: the others may as well call, since a connection is often back within the command timeout.
    pub fn is_connected(&self, keys: &[Key]) -> bool {
        match &self.0 {
            To::Server(pool) => pool.is_connected(),
            To::Cluster(cluster) => cluster.is_connected(keys),
        }
    }
}
