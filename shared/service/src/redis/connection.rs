//! One connection, watched for a server that hangs.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike, ClusterInterface, LuaInterface},
    types::{
        ClientState, ClusterHash, CustomCommand, FromValue, InfoKind, Key, Value,
        cluster::{ClusterRouting, SlotRange},
        config::Server,
        scripts::Script,
    },
};
use tokio_util::task::AbortOnDropHandle;

use super::ConnectError;

/// Timeouts in a row after which an open connection is given up. The driver itself keeps a connection to a hung server
/// for as long as there is traffic on it.
const TIMEOUTS_TO_RECONNECT: u32 = 3;

#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    timeouts: AtomicU32,
    /// Drives the connection, and reconnects for as long as this value lives.
    _driver: AbortOnDropHandle<Result<(), Error>>,
}

impl Connection {
    pub(super) async fn open(client: Client, timeout: Duration) -> Result<Self, ConnectError> {
        let driver = tokio::time::timeout(timeout, client.init())
            .await
            .map_err(|_| ConnectError::Unreachable("it does not answer".to_owned()))?
            .map_err(|error| match error.kind() {
                ErrorKind::Auth => ConnectError::Refused(error.to_string()),
                _ => ConnectError::Unreachable(error.to_string()),
            })?;
        Ok(Self { client, timeouts: AtomicU32::new(0), _driver: AbortOnDropHandle::new(driver) })
    }

    pub(super) fn open_in_background(client: Client) -> Self {
        let driver = client.connect();
        Self { client, timeouts: AtomicU32::new(0), _driver: AbortOnDropHandle::new(driver) }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    pub(super) async fn run<R: FromValue>(&self, script: &Script, keys: &[Key], args: &[Value]) -> Result<R, Error> {
        let reply = match self.client.evalsha(script.sha1().clone(), keys.to_vec(), args.to_vec()).await {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                self.client.eval(text(script), keys.to_vec(), args.to_vec()).await
            }
            reply => reply,
        };
        self.watch(reply)
    }

    /// Runs a script for which another node of a Cluster has sent us here. What is sent together stays together, so the
    /// text goes at once, in case that the script is not known.
    pub(super) async fn run_asking<R: FromValue>(
        &self,
        script: &Script,
        keys: &[Key],
        args: &[Value],
    ) -> Result<R, Error> {
        let together = self.client.pipeline();
        together.custom::<(), Value>(command("ASKING"), vec![]).await?;
        let of_script = [text(script).into(), keys.len().to_string().into()];
        let eval = of_script.into_iter().chain(keys.iter().cloned().map(Value::from)).chain(args.iter().cloned());
        together.custom::<(), Value>(command("EVAL"), eval.collect()).await?;
        self.watch(together.last().await)
    }

    pub(super) async fn info(&self, section: InfoKind) -> Result<String, Error> {
        self.watch(self.client.info(Some(section)).await)
    }

    /// How the server is set; empty for a setting that it does not know.
    pub(super) async fn setting(&self, name: &str) -> Result<String, Error> {
        let reply: Vec<String> = self.watch(self.client.custom(command("CONFIG"), vec!["GET", name]).await)?;
        Ok(reply.into_iter().nth(1).unwrap_or_default())
    }

    /// Which node of a Cluster has which slots, as this `server` tells.
    pub(super) async fn slots(&self, server: &Server) -> Result<Vec<SlotRange>, Error> {
        let reply: Value = self.watch(self.client.cluster_slots().await)?;
        let mut slots = ClusterRouting::from_cluster_slots(reply, server.host.clone())?.slots().to_vec();
        // A node that does not know its own address leaves it out.
        for range in slots.iter_mut().filter(|range| range.primary.host.is_empty()) {
            range.primary.host = server.host.clone();
        }
        // A node that has not met the others yet, or was told to forget them.
        if slots.is_empty() { Err(Error::new(ErrorKind::Cluster, "it knows of no slots")) } else { Ok(slots) }
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.watch(self.client.ping::<()>(None).await)
    }

    /// Counts timeouts; gives up a connection that looks open but has been mute for some of them in a row.
    fn watch<T>(&self, reply: Result<T, Error>) -> Result<T, Error> {
        if !matches!(&reply, Err(error) if *error.kind() == ErrorKind::Timeout) {
            self.timeouts.store(0, Ordering::Relaxed);
            return reply;
        }
        let timeouts = self.timeouts.fetch_add(1, Ordering::Relaxed) + 1;
        if timeouts >= TIMEOUTS_TO_RECONNECT && self.client.state() == ClientState::Connected {
            self.timeouts.store(0, Ordering::Relaxed);
            tracing::warn!("Redis has not answered {timeouts} times in a row: connecting again");
            let client = self.client.clone();
            // Not awaited by the caller: it answers when the connection is there again, which may be never.
            tokio::spawn(async move {
                if let Err(error) = client.force_reconnection().await {
                    tracing::debug!(%error, "connecting to Redis again was refused");
                }
            });
        }
        reply
    }
}

fn text(script: &Script) -> String {
    script.lua().map(ToString::to_string).unwrap_or_default()
}

/// A command that the driver has no method for.
fn command(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, ClusterHash::FirstKey, false)
}
