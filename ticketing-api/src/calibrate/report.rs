//! What was found, for people and for the gateway's settings.

use std::{
    fmt::{self, Display},
    io::{self, Write},
    time::Duration,
};

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use super::{Arguments, fingerprint::Fingerprint, sweep::Level};

/// The result of a calibration.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) fingerprint: Fingerprint,
    pub(super) arguments: Arguments,
    pub(super) levels: Vec<Level>,
    pub(super) best: Level,
}

impl Report {
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "# {}", self.fingerprint)?;
        for line in table(&self.levels).lines() {
            writeln!(out, "# {line}")?;
        }
        writeln!(out, "#")?;
        writeln!(
            out,
            "# Sustained: {:.0} transactions per second (holds, reservations and payments that did their",
            self.best.tps
        )?;
        writeln!(
            out,
            "# work) with {} buyers at once and p95 {}.",
            self.best.concurrency,
            milliseconds(self.best.p95)
        )?;
        writeln!(out)?;
        write!(out, "{}", Fragment { arguments: &self.arguments, tps: self.best.tps })
    }
}

fn table(levels: &[Level]) -> String {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(["buyers at once", "transactions/s", "p50", "p95", "errors"]);
    for level in levels {
        table.add_row([
            level.concurrency.to_string(),
            format!("{:.0}", level.tps),
            milliseconds(level.p50),
            milliseconds(level.p95),
            format!("{:.2} %", level.errors * 100.0),
        ]);
    }
    table.to_string()
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// The admission of a queue as the gateway's settings file has it. Everything above it is a comment, so the whole
/// output may be written to that file.
struct Fragment<'a> {
    arguments: &'a Arguments,
    tps: f64,
}

impl Display for Fragment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arguments { queue, utilisation, transactions_per_user, mean_session_seconds, .. } = self.arguments;
        writeln!(f, "[queues.{queue}.admission]")?;
        writeln!(f, "mode = \"measured\"")?;
        writeln!(f, "database_tps = {:.1}", self.tps)?;
        writeln!(f, "utilisation = {utilisation:?}")?;
        writeln!(f, "transactions_per_user = {transactions_per_user:?}")?;
        writeln!(f, "mean_session_seconds = {mean_session_seconds:?}")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(given: &[&str]) -> Result<Arguments, clap::Error> {
        Cli::try_parse_from([&["calibrate"], given].concat()).map(|cli| cli.arguments)
    }

    #[test]
    fn the_fragment_is_what_the_gateway_reads() {
        let arguments = arguments(&["--queue", "spring-2027", "--transactions-per-user", "2.5"]).unwrap();
        let text = Fragment { arguments: &arguments, tps: 1234.56 }.to_string();
        let fragment: toml::Table = text.parse().unwrap();
        let admission = &fragment["queues"]["spring-2027"]["admission"];
        assert_eq!(admission["mode"].as_str(), Some("measured"));
        assert_eq!(admission["database_tps"].as_float(), Some(1234.6));
        assert_eq!(admission["utilisation"].as_float(), Some(0.75));
        assert_eq!(admission["transactions_per_user"].as_float(), Some(2.5));
        assert_eq!(admission["mean_session_seconds"].as_float(), Some(300.0));
    }

    #[test]
    fn the_table_has_a_row_a_level() {
        let level = Level {
            concurrency: 4,
            tps: 999.6,
            p50: Duration::from_micros(1_250),
            p95: Duration::from_millis(7),
            errors: 0.001,
        };
        let table = table(&[level]);
        let row = table.lines().last().unwrap();
        for cell in ["4", "1000", "1.2 ms", "7.0 ms", "0.10 %"] {
            assert!(row.contains(cell), "{cell} in {row}");
        }
    }

    #[test]
    fn impossible_figures_are_refused() {
        for given in [["--utilisation", "1.1"], ["--utilisation", "0"], ["--seconds", "0"], ["--queue", "A"]] {
            assert!(arguments(&given).is_err(), "{given:?}");
        }
    }
}
