//! What is measured, as processes of its own: ended when dropped.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

/// A child process.
pub(super) struct Process(Child);

impl Process {
    /// Starts one of our references in a process of its own, and returns the address that it announces.
    pub(super) fn reference(arguments: &[String]) -> anyhow::Result<(Self, SocketAddr)> {
        let mut child = Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("the child has no standard output")?;
        let process = Self(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{arguments:?} announced {line:?}"))?;
        Ok((process, address))
    }

    /// Starts a service's own binary, which is built beside ours, with a file of settings.
    pub(super) async fn service(name: &str, settings: &Path, ready: SocketAddr) -> anyhow::Result<Self> {
        let path = sibling(name)?;
        let process = Self(Command::new(&path).arg("--config").arg(settings).stdout(Stdio::null()).spawn()?);
        let patience = Instant::now() + Duration::from_secs(20);
        while Instant::now() < patience {
            if let Ok(mut connection) = super::load::Connection::open(ready).await
                && connection
                    .send(b"GET /readyz HTTP/1.1\r\nHost: bench\r\n\r\n")
                    .await
                    .is_ok_and(|status| status == 200)
            {
                return Ok(process);
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("{name} was not ready within 20 s")
    }

    /// The process's id.
    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        bail!("{} is missing: run the benchmarks with `make bench`, which builds it", path.display());
    }
    Ok(path)
}
