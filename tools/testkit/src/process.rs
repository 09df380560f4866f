//! One supervised server process.
//!
//! Servers must end with the test process in every case: a guard dropped, a panic, a static that is never
//! dropped, and `kill -9` of the test, after which none of our code runs. A parent-death signal would need
//! `unsafe` and exists on Linux alone. So each server is the child of a small shell script
//! (`supervise.sh`) that reads orders from a pipe whose only writing end is ours; the kernel closes that end
//! however we end, and the script then kills the server with its descendants and removes its folder.
//! The script leads a process group of its own, so that Ctrl-C, or a runner that kills the whole group
//! of the test, does not hit it before it has done this.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::start_error::StartError;

/// A user other than ours whom a server runs as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Makes `command` run as `account`, when there is one.
pub(crate) fn run_as(command: &mut Command, account: Option<Account>) {
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
}

/// Where a server writes its log.
pub(crate) fn log_of(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// A running server; dropping it kills the server and removes its folder.
#[derive(Debug)]
pub(crate) struct Supervised {
    supervisor: Child,
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    pid: u32,
}

impl Supervised {
    /// Starts `program`, which owns `folder` from now on.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        folder: &Path,
        account: Option<Account>,
    ) -> Result<Self, StartError> {
        let script = folder.join("supervise.sh");
        std::fs::write(&script, include_str!("process/supervise.sh"))?;
        let mut command = Command::new("sh");
        command.arg(script).arg(folder).arg(log_of(folder)).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        run_as(&mut command, account);
        let mut supervisor = command.spawn()?;
        let orders = supervisor.stdin.take();
        let output = supervisor.stdout.take().ok_or_else(|| std::io::Error::other("no pipe from the supervisor"))?;
        let mut server = Self { supervisor, orders, replies: BufReader::new(output), pid: 0 };
        server.pid = server.reply()?.parse().map_err(std::io::Error::other)?;
        Ok(server)
    }

    /// The server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Freezes the server and its descendants: connections stay open and nobody answers.
    pub(crate) fn stop(&mut self) -> std::io::Result<()> {
        self.order("stop").map(drop)
    }

    /// Ends what [`Self::stop`] began.
    pub(crate) fn cont(&mut self) -> std::io::Result<()> {
        self.order("cont").map(drop)
    }

    /// Whether the server still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.order("state").is_ok_and(|state| !state.is_empty() && !state.starts_with('Z'))
    }

    /// Kills the server and its descendants with SIGKILL, returns when they are gone, and keeps the folder.
    pub(crate) fn kill(mut self) -> std::io::Result<()> {
        self.order("kill").map(drop)
    }

    /// Calls `ready` until it holds; refuses when the server ends first, or after 30 seconds.
    pub(crate) fn wait_until(
        &mut self,
        program: &'static str,
        log: &Path,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), StartError> {
        for attempt in 1..=6000 {
            if ready() {
                return Ok(());
            }
            // Asking costs the supervisor a `ps`, so it is not done each time.
            if attempt % 20 == 0 && !self.is_running() {
                return Err(StartError::not_ready(program, "ended while it was starting", log));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(StartError::not_ready(program, "did not answer within 30 seconds", log))
    }

    fn order(&mut self, order: &str) -> std::io::Result<String> {
        if let Some(orders) = &mut self.orders {
            writeln!(orders, "{order}")?;
        }
        self.reply()
    }

    fn reply(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.replies.read_line(&mut line)? == 0 {
            return Err(std::io::Error::other("the supervisor has ended"));
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // Closing the pipe is the order to end; waiting makes "dropped" mean "gone".
        self.orders = None;
        let _ended = self.supervisor.wait();
    }
}

/// Runs blocking work beside the runtime, which also keeps a paused test clock from jumping meanwhile.
pub(crate) async fn off_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => panic!("the runtime is shutting down: {cancelled}"),
        },
    }
}
