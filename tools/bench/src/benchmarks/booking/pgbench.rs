//! PostgreSQL's own load generator.

use std::{io::Write, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, bail, ensure};
use tempfile::NamedTempFile;
use testkit::Postgres;

use super::{CONNECTIONS, sale::Sale, script::Script};

/// The program with a script on disk.
#[derive(Debug)]
pub(super) struct Pgbench {
    program: PathBuf,
    port: u16,
    file: NamedTempFile,
    constants: Vec<(String, String)>,
}

/// What a run came to.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    /// Runs of the script.
    pub(super) transactions: u64,
    /// Of these, per second.
    pub(super) rate: f64,
}

impl Pgbench {
    /// Of the same installation as the server.
    pub(super) fn new(postgres: &Postgres, script: Script) -> anyhow::Result<Self> {
        let program = postgres.binaries().join("pgbench");
        ensure!(program.exists(), "{} is missing: install it with PostgreSQL's other programs", program.display());
        let mut file = NamedTempFile::new()?;
        file.write_all(script.text.as_bytes())?;
        Ok(Self { program, port: postgres.port(), file, constants: script.constants })
    }

    /// Runs the script over and over on the sale's seats. Blocks.
    pub(super) fn run(&self, sale: &Sale, lasts: Duration) -> anyhow::Result<Outcome> {
        let mut command = Command::new(&self.program);
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]);
        command.args(["-M", "prepared", "-n", "-j", "2", "-c", &CONNECTIONS.to_string()]);
        command.args(["-T", &lasts.as_secs().max(1).to_string()]);
        let variables = [
            ("i", "-1".to_owned()),
            ("connections", CONNECTIONS.to_string()),
            ("first", sale.first.to_string()),
            ("performance", sale.performance.to_string()),
        ];
        let constants = self.constants.iter().map(|(name, value)| (name.as_str(), value.clone()));
        for (name, value) in variables.into_iter().chain(constants) {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        let output = command.arg("-f").arg(self.file.path()).arg("postgres").output().context("pgbench cannot run")?;
        if !output.status.success() {
            bail!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let report = String::from_utf8_lossy(&output.stdout);
        read(&report).with_context(|| format!("pgbench reported something else: {report}"))
    }
}

/// Reads the report. Of versions that print two rates, the last, which leaves the opening of connections out.
fn read(report: &str) -> Option<Outcome> {
    let first_word = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let after = |label: &str| report.lines().rev().find_map(|line| first_word(line.strip_prefix(label)?));
    Some(Outcome {
        transactions: after("number of transactions actually processed: ")?.parse().ok()?,
        rate: after("tps = ")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_and_anything_else_is_not() {
        let report = "\
number of clients: 8
number of transactions actually processed: 2391
number of failed transactions: 0 (0.000%)
latency average = 16.712 ms
initial connection time = 17.093 ms
tps = 478.691244 (without initial connection time)
";
        assert_eq!(read(report), Some(Outcome { transactions: 2391, rate: 478.691_244 }));
        let older = "number of transactions actually processed: 9\n\
                     tps = 1.5 (including connections establishing)\n\
                     tps = 2.5 (excluding connections establishing)\n";
        assert_eq!(read(older), Some(Outcome { transactions: 9, rate: 2.5 }));
        assert_eq!(read("pgbench: error"), None);
    }
}
