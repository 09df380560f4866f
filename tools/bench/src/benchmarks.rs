//! Figures beside their references.
//!
//! Absolute figures drift with the machine, so a bar is a ratio of two figures taken in one run on one machine. Each
//! side is measured in turn, several times, and the medians are compared. What is measured runs in processes of its
//! own.

mod booking;
mod cpu;
mod gateway;
mod hand_back;
mod join;
mod late;
mod load;
mod memory;
mod poll;
mod positions;
mod process;
mod redis_commands;
mod reference;
mod row;
mod scripts;
mod stream_cpu;

use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};

/// Which rows to run, and for how long.
#[derive(Debug, Parser)]
#[command(about = "Runs the benchmarks and prints each figure beside its reference from the same run")]
pub struct Arguments {
    /// Rows to run; all of them where none is named.
    #[arg(value_enum)]
    rows: Vec<Name>,
    /// Seconds that one measurement lasts.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Measurements of each side; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Open streams where streams are measured; a process may need as many open files.
    #[arg(long, default_value_t = 15_000)]
    streams: usize,
    #[command(subcommand)]
    reference: Option<Reference>,
}

/// The benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// Joins a second through the gateway on Redis.
    Join,
    /// CPU time a position event.
    StreamCpu,
    /// Redis commands a tick.
    RedisCommands,
    /// Polls a second through the gateway on Redis.
    Poll,
    /// Time and memory of a long line.
    Positions,
    /// Hold, reserve and pay on PostgreSQL.
    Booking,
    /// Redis time for a gateway that comes late to a long line.
    Late,
    /// Seconds until a store that lost a long line admits again.
    HandBack,
}

/// The other side of a row, run as a process of its own.
#[derive(Clone, Copy, Debug, Subcommand)]
enum Reference {
    /// An HTTP server that answers every GET and POST with a constant.
    #[command(hide = true)]
    BareHttp,
    /// A loop of blocking writes to as many sockets as connect.
    #[command(hide = true)]
    BlockingWriter {
        /// Bytes of one write.
        bytes: usize,
        /// Sockets to wait for.
        sockets: usize,
    },
}

/// Runs what was asked for.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    match arguments.reference {
        Some(Reference::BareHttp) => runtime.block_on(reference::bare_http()),
        Some(Reference::BlockingWriter { bytes, sockets }) => reference::blocking_writer(bytes, sockets),
        None => runtime.block_on(compare(arguments)),
    }
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
async fn compare(arguments: &Arguments) -> anyhow::Result<()> {
    let wanted = |name| arguments.rows.is_empty() || arguments.rows.contains(&name);
    let trial = Trial { lasts: Duration::from_secs(arguments.seconds), rounds: arguments.rounds };
    let mut rows = Vec::<row::Row>::new();
    if wanted(Name::Join) {
        rows.push(join::measure(trial).await.context("row 1, joins")?);
    }
    if wanted(Name::StreamCpu) {
        rows.push(stream_cpu::measure(trial, arguments.streams).await.context("row 3, CPU of an event")?);
    }
    if wanted(Name::RedisCommands) {
        rows.push(redis_commands::measure(trial, arguments.streams).await.context("row 4, Redis commands")?);
        rows.extend(redis_commands::measure_idle().await.context("row 4, idle queues")?);
    }
    if wanted(Name::Poll) {
        rows.push(poll::measure(trial).await.context("row 6, polls")?);
    }
    if wanted(Name::Positions) {
        rows.push(positions::measure_time());
        rows.push(positions::measure_memory().await.context("row 10, memory")?);
    }
    if wanted(Name::Booking) {
        rows.push(booking::measure(trial).await.context("row 8, bookings")?);
    }
    if wanted(Name::Late) {
        rows.push(late::measure().await.context("row 14, a late gateway")?);
    }
    if wanted(Name::HandBack) {
        rows.push(hand_back::measure().await.context("row 16, a line given back")?);
    }
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(["#", "name", "ours", "reference", "ratio", "bar", "pass"]);
    for row in &rows {
        table.add_row(row.cells());
    }
    println!("{table}");
    Ok(())
}

/// How long and how often each side of a row is measured.
#[derive(Clone, Copy, Debug)]
struct Trial {
    lasts: Duration,
    rounds: usize,
}
