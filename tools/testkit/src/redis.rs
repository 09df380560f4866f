//! A real `redis-server` in a temporary folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::port::free_port;
use crate::process::{Supervised, log_of, off_runtime};
use crate::program;
use crate::start_error::{StartError, or_panic};

mod cluster;
mod options;
mod resp;
mod sentinel;

pub use cluster::RedisCluster;
pub use options::{Fsync, RedisOptions};
pub use resp::RedisValue;
pub use sentinel::RedisSentinel;

const PROGRAM: &str = "redis-server";

/// Servers that must agree on something have 30 seconds for it.
const PAUSE_WHILE_SETTLING: Duration = Duration::from_millis(25);
const ATTEMPTS_TO_SETTLE: u32 = 1200;

/// A Redis server of its own, killed and removed when dropped.
#[derive(Debug)]
pub struct Redis(Arc<Server>);

#[derive(Debug)]
struct Server {
    options: RedisOptions,
    port: u16,
    process: Mutex<Option<Supervised>>,
    // After `process`: the server must be gone before its folder is removed.
    folder: TempDir,
}

impl Redis {
    /// Starts a server that keeps nothing on disk; returns when it answers PING.
    ///
    /// # Panics
    /// When `redis-server` is not installed, or does not start: in one sentence that says so.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// What can be chosen before the start.
    pub fn options() -> RedisOptions {
        RedisOptions::default()
    }

    /// The one server that the tests of this process share; keep apart by key names of your own.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Redis> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// `redis://[:password@]127.0.0.1:port`.
    pub fn url(&self) -> String {
        let password = self.0.options.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}", self.port())
    }

    /// The port on 127.0.0.1, the same after a restart.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The server's process id; none after [`Self::kill`].
    pub fn pid(&self) -> Option<u32> {
        self.0.process.lock().as_ref().map(Supervised::pid)
    }

    /// The folder with the server's log and, when it is persistent, its data.
    pub fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    /// Kills the server with SIGKILL; the port refuses connections until [`Self::restart`].
    ///
    /// # Panics
    /// When the supervisor of the server has been ended by somebody else; this holds for all that follow.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Freezes the server with SIGSTOP: connections stay open, and nothing is answered.
    ///
    /// # Panics
    /// As [`Self::kill`].
    pub fn stop(&self) {
        let stopped = self.0.process.lock().as_mut().map_or(Ok(()), Supervised::stop);
        or_panic(stopped.map_err(StartError::from));
    }

    /// Lets a stopped server go on.
    ///
    /// # Panics
    /// As [`Self::kill`].
    pub fn cont(&self) {
        let continued = self.0.process.lock().as_mut().map_or(Ok(()), Supervised::cont);
        or_panic(continued.map_err(StartError::from));
    }

    /// Kills the server if it runs and starts it on the same port and folder; what its [`Fsync`] mode had
    /// written is there again.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn restart(&self) {
        let server = Arc::clone(&self.0);
        or_panic(off_runtime(move || server.kill().launch()).await);
    }

    /// A total loss: kills the server, empties its folder, and starts it again on the same port.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn wipe(&self) {
        let server = Arc::clone(&self.0);
        or_panic(off_runtime(move || server.kill().empty().and_then(|()| server.launch())).await);
    }

    /// Deletes all keys, at once and without a restart.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn flush(&self) {
        self.call(&["FLUSHALL"]).await;
    }

    /// Sends one command on a connection of its own: for tests that look at the stored state from outside.
    ///
    /// # Panics
    /// When the server does not answer within five seconds.
    pub async fn call(&self, command: &[&str]) -> RedisValue {
        let server = Arc::clone(&self.0);
        let command: Vec<String> = command.iter().map(ToString::to_string).collect();
        let reply = off_runtime(move || {
            let parts: Vec<&str> = command.iter().map(String::as_str).collect();
            server.connect()?.call(&parts)
        });
        or_panic(reply.await.map_err(StartError::from))
    }

    /// Asks `command` again and again until `expected` holds for the reply.
    async fn settle(&self, what: &'static str, command: &[&str], expected: impl Fn(&RedisValue) -> bool) {
        for _ in 0..ATTEMPTS_TO_SETTLE {
            if expected(&self.call(command).await) {
                return;
            }
            off_runtime(|| std::thread::sleep(PAUSE_WHILE_SETTLING)).await;
        }
        or_panic::<()>(Err(StartError::not_ready(PROGRAM, what, &log_of(self.folder()))));
    }
}

impl Server {
    fn kill(&self) -> &Self {
        let killed = self.process.lock().take().map_or(Ok(()), Supervised::kill);
        or_panic(killed.map_err(StartError::from));
        self
    }

    fn empty(&self) -> Result<(), StartError> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
        }
        Ok(())
    }

    fn connect(&self) -> std::io::Result<resp::Connection> {
        resp::Connection::open(self.port, self.options.password.as_deref())
    }

    fn launch(&self) -> Result<(), StartError> {
        let folder = self.folder.path();
        let arguments = self.options.arguments(self.port, folder)?;
        let mut process = Supervised::start(&program::find(&[PROGRAM], &[])?, &arguments, folder, None)?;
        let pid = process.pid();
        process.wait_until(PROGRAM, &log_of(folder), || self.answers_as(pid).unwrap_or(false))?;
        *self.process.lock() = Some(process);
        Ok(())
    }

    /// Whether the server on our port is our own, and has loaded its data.
    ///
    /// The process id is compared because another process may have taken the port between our choice and
    /// our server's bind: its PONG would let a test run against a stranger.
    fn answers_as(&self, pid: u32) -> std::io::Result<bool> {
        let mut connection = self.connect()?;
        let pong = connection.call(&["PING"])? == RedisValue::Status("PONG".to_owned());
        let info = connection.call(&["INFO", "server"])?;
        let line = format!("process_id:{pid}\r\n");
        Ok(pong && info.text().is_some_and(|info| info.contains(&line)))
    }
}

fn start_server(options: &RedisOptions) -> Result<Redis, StartError> {
    const ATTEMPTS: u32 = 5;
    let mut attempt = 1;
    loop {
        let folder = tempfile::Builder::new().prefix("testkit-redis-").tempdir()?;
        let port = options.port.unwrap_or_else(free_port);
        let server = Server { options: options.clone(), port, process: Mutex::new(None), folder };
        match server.launch() {
            Ok(()) => return Ok(Redis(Arc::new(server))),
            // Somebody else may have taken the port since; a port that was asked for is not exchanged.
            Err(StartError::NotReady { .. }) if options.port.is_none() && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}
