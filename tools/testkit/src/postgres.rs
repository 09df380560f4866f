//! A real PostgreSQL server in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::port::free_port;
use crate::process::{Account, Supervised, log_of, off_runtime, run_as};
use crate::start_error::{StartError, or_panic};

mod database;
mod installation;
mod options;

pub use database::Database;
pub use options::PostgresOptions;

const PROGRAM: &str = "postgres";

/// A PostgreSQL server of its own, killed and removed when dropped.
#[derive(Debug)]
pub struct Postgres(Arc<Server>);

#[derive(Debug)]
struct Server {
    options: PostgresOptions,
    binaries: PathBuf,
    account: Option<Account>,
    port: u16,
    process: Mutex<Option<Supervised>>,
    // After `process`: the server must be gone before its folder is removed.
    folder: TempDir,
}

impl Postgres {
    /// Makes a new database cluster and starts a server with settings that suit tests.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start: in one sentence that says so.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// What can be chosen before the start.
    pub fn options() -> PostgresOptions {
        PostgresOptions::default()
    }

    /// The URL of the database `postgres`.
    pub fn url(&self) -> String {
        self.database_url("postgres")
    }

    /// `postgres://postgres@127.0.0.1:port/name`; no password is asked for.
    pub fn database_url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port())
    }

    /// The port on 127.0.0.1, the same after a restart.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The process id of the postmaster; none after [`Self::kill`].
    pub fn pid(&self) -> Option<u32> {
        self.0.process.lock().as_ref().map(Supervised::pid)
    }

    /// The folder with the server's data and log.
    pub fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    /// The folder with the programs of the server's installation, such as `pgbench`.
    pub fn binaries(&self) -> &Path {
        &self.0.binaries
    }

    /// Kills the postmaster and all its children with SIGKILL; nobody is told, as when the machine crashes.
    ///
    /// # Panics
    /// When the supervisor of the server has been ended by somebody else; this holds for all that follow.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Freezes the postmaster and all its children: connections stay open, and nothing is answered.
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

    /// Kills the server if it runs, starts it on the same port and folder, and waits for its recovery.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn restart(&self) {
        let server = Arc::clone(&self.0);
        or_panic(off_runtime(move || server.kill().launch()).await);
    }

    /// Kills one backend (see [`Self::backends`]) with SIGKILL. The postmaster takes this for a crash: it ends all
    /// other connections too, and recovers.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn kill_backend(&self, pid: u32) {
        let killed = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(rustix::io::Errno::INVAL)
            .and_then(|pid| kill_process(pid, Signal::KILL));
        or_panic(killed.map_err(|errno| StartError::System(errno.into())));
    }
}

impl Server {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn kill(&self) -> &Self {
        let killed = self.process.lock().take().map_or(Ok(()), Supervised::kill);
        or_panic(killed.map_err(StartError::from));
        self
    }

    fn initialise(&self) -> Result<(), StartError> {
        // The C locale with UTF-8 folds the case of all letters, and is there without installing locales.
        let locale = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };
        let mut command = Command::new(self.binaries.join("initdb"));
        command.arg("-D").arg(self.data()).args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]);
        command.arg(format!("--locale={locale}")).current_dir("/");
        run_as(&mut command, self.account);
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(StartError::Preparation { program: "initdb", output })
    }

    fn launch(&self) -> Result<(), StartError> {
        let lock_file = self.data().join("postmaster.pid");
        // We know that its owner is gone. The server would believe a process that has got the same id since.
        if lock_file.exists() {
            std::fs::remove_file(&lock_file)?;
        }
        let mut arguments =
            vec!["-D".to_owned(), self.data().display().to_string(), "-p".to_owned(), self.port.to_string()];
        arguments.extend(self.options.arguments());
        let folder = self.folder.path();
        let mut process = Supervised::start(&self.binaries.join(PROGRAM), &arguments, folder, self.account)?;
        let pid = process.pid().to_string();
        process.wait_until(PROGRAM, &log_of(folder), || is_ready(&lock_file, &pid))?;
        *self.process.lock() = Some(process);
        Ok(())
    }
}

/// Whether the server with this process id takes connections, as it notes in the eighth line of its lock file.
/// Unlike a connection, this cannot be answered by a stranger who has taken our port.
fn is_ready(lock_file: &Path, pid: &str) -> bool {
    let text = std::fs::read_to_string(lock_file).unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    lines.next() == Some(pid) && lines.nth(6) == Some("ready")
}

fn start_server(options: PostgresOptions) -> Result<Postgres, StartError> {
    const ATTEMPTS: u32 = 5;
    let folder = tempfile::Builder::new().prefix("testkit-postgres-").tempdir()?;
    let account = installation::account()?;
    if let Some(Account { uid, gid }) = account {
        std::os::unix::fs::chown(&folder, Some(uid), Some(gid))?;
    }
    let binaries = installation::binaries()?;
    let process = Mutex::new(None);
    let mut server = Server { options, binaries, account, port: free_port(), process, folder };
    server.initialise()?;
    let mut attempt = 1;
    loop {
        match server.launch() {
            Ok(()) => return Ok(Postgres(Arc::new(server))),
            // Somebody else may have taken the port since.
            Err(StartError::NotReady { .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                server.port = free_port();
            }
            Err(error) => return Err(error),
        }
    }
}
