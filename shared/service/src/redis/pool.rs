//! Several connections to one server, or to the one that Sentinels name, used in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use fred::{
    error::Error,
    types::{
        Builder, FromValue, InfoKind, Key, Value,
        cluster::SlotRange,
        config::{Config, ReconnectError, ReconnectPolicy, Server, TcpConfig},
        scripts::Script,
    },
};

use super::{ConnectError, InvalidUrl, RedisSettings, connection::Connection};

#[derive(Debug)]
pub(super) struct Pool {
    connections: Vec<Connection>,
    turn: AtomicUsize,
}

impl Pool {
    pub(super) async fn open(settings: &RedisSettings) -> Result<Self, ConnectError> {
        let builder = builder(settings, settings.config()?);
        let mut connections = Vec::with_capacity(settings.pool_size);
        for _ in 0..settings.pool_size {
            connections.push(Connection::open(client(&builder)?, settings.connect_timeout).await?);
        }
        Ok(Self { connections, turn: AtomicUsize::new(0) })
    }

    pub(super) fn open_in_background(settings: &RedisSettings, config: Config) -> Result<Self, InvalidUrl> {
        // Not failing fast means that the first connection too is tried again.
        let builder = builder(settings, Config { fail_fast: false, ..config });
        let connection = |_| Ok(Connection::open_in_background(client(&builder)?));
        let connections = (0..settings.pool_size).map(connection).collect::<Result<_, _>>()?;
        Ok(Self { connections, turn: AtomicUsize::new(0) })
    }

    pub(super) async fn run<R: FromValue>(&self, script: &Script, keys: &[Key], args: &[Value]) -> Result<R, Error> {
        self.next().run(script, keys, args).await
    }

    pub(super) async fn run_asking<R: FromValue>(
        &self,
        script: &Script,
        keys: &[Key],
        args: &[Value],
    ) -> Result<R, Error> {
        self.next().run_asking(script, keys, args).await
    }

    pub(super) async fn info(&self, sections: &[InfoKind]) -> Result<String, Error> {
        let mut info = String::new();
        for section in sections {
            info += &self.next().info(section.clone()).await?;
        }
        Ok(info)
    }

    pub(super) async fn setting(&self, name: &str) -> Result<String, Error> {
        self.next().setting(name).await
    }

    pub(super) async fn slots(&self, server: &Server) -> Result<Vec<SlotRange>, Error> {
        self.next().slots(server).await
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.next().ping().await
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connections.iter().any(Connection::is_connected)
    }

    /// The next in turn that is connected: one that is still reconnecting would only make the call wait.
    fn next(&self) -> &Connection {
        let (turn, count) = (self.turn.fetch_add(1, Ordering::Relaxed), self.connections.len());
        let in_turn = || (0..count).map(|offset| &self.connections[turn.wrapping_add(offset) % count]);
        in_turn().find(|connection| connection.is_connected()).unwrap_or(&self.connections[turn % count])
    }
}

/// One connection, apart from any pool.
pub(super) async fn connect(settings: &RedisSettings, config: Config) -> Result<Connection, ConnectError> {
    Connection::open(client(&builder(settings, config))?, settings.connect_timeout).await
}

fn client(builder: &Builder) -> Result<fred::clients::Client, InvalidUrl> {
    builder.build().map_err(|_| InvalidUrl)
}

fn builder(settings: &RedisSettings, config: Config) -> Builder {
    let mut builder = Builder::from_config(config);
    builder
        .with_connection_config(|connection| {
            connection.connection_timeout = settings.connect_timeout;
            connection.internal_command_timeout = settings.connect_timeout;
            // A step that was sent may have been done: whether to repeat it is for the caller to say.
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = settings.max_pending;
            connection.tcp = TcpConfig { nodelay: Some(true), ..TcpConfig::default() };
            connection.reconnect_errors =
                vec![ReconnectError::Loading, ReconnectError::MasterDown, ReconnectError::ReadOnly];
        })
        .with_performance_config(|performance| performance.default_command_timeout = settings.command_timeout)
        // For ever, and at least once a second: work should go on as soon as Redis is back.
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 1_000, 2));
    builder
}
