//! `ticketing-api calibrate`: how many booking transactions a second the configured database sustains.
//!
//! Buyers hold, reserve and pay through the very store that serves customers, in a scratch schema that is dropped
//! again. More and more of them work at once, each without a pause, until more buyers no longer mean more bookings. One
//! figure comes out, with the settings that make the gateway admit by it.
//!
//! What counts is a **transaction that did its work**: a hold, a reservation or a payment. Holds that are refused
//! because the seat is taken are part of the load, one in ten as at a real sale, and are not counted. So a buyer who
//! gets through is three transactions, and `transactions_per_user` has the same unit.

mod buyers;
mod fingerprint;
mod report;
mod scratch;
mod sweep;
mod trial;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use self::{
    buyers::Buyers,
    fingerprint::Fingerprint,
    report::Report,
    scratch::Scratch,
    sweep::{Level, Next, Sweep},
};
use crate::store::StoreSettings;

/// More at once than this measures queueing inside the database and nothing else.
const MOST_BUYERS: u32 = 256;

/// What to measure, and what the settings shall say.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Seconds measured at each step, after warming up.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// 95 % of the transactions must take no longer than so many milliseconds.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    objective_ms: u64,
    /// The queue whose settings are printed.
    #[arg(long, default_value = "demo")]
    queue: contract::ids::QueueName,
    /// The share of the database that admitted users may use.
    #[arg(long, default_value_t = 0.75, value_parser = share)]
    utilisation: f64,
    /// Transactions that an admitted user causes on average: three for each who buys, fewer where some do not.
    #[arg(long, default_value_t = 3.0, value_parser = positive)]
    transactions_per_user: f64,
    /// How long an admitted user stays on average.
    #[arg(long, default_value_t = 300.0, value_parser = positive)]
    mean_session_seconds: f64,
    /// Measure also a server that may lose acknowledged commits, which is faster than it will be.
    #[arg(long)]
    allow_unsafe: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("must be greater than zero".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    positive(text).and_then(|number| if number <= 1.0 { Ok(number) } else { Err("must be at most 1".to_owned()) })
}

/// Measures, prints the result on standard output and the progress on standard error. The scratch schema is dropped
/// also after an error and after Ctrl-C.
pub async fn run(settings: &StoreSettings, arguments: Arguments) -> anyhow::Result<()> {
    ensure!(settings.is_postgres(), "calibrate measures PostgreSQL, and store.url names another database");
    let mut scratch = Scratch::create(settings).await?;
    let measured = tokio::select! {
        measured = measure(settings, &arguments, &mut scratch) => measured,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let dropped = scratch.remove().await;
    let report = measured?;
    dropped?;
    report.print(&mut std::io::stdout().lock()).context("cannot print the result")
}

async fn measure(settings: &StoreSettings, arguments: &Arguments, scratch: &mut Scratch) -> anyhow::Result<Report> {
    let fingerprint = Fingerprint::read(scratch.connection()).await?;
    let weaknesses = fingerprint.weaknesses();
    if !weaknesses.is_empty() && !arguments.allow_unsafe {
        bail!(
            "this server may lose acknowledged commits ({}): what it sustains now is not what it will sustain in \
             earnest. Set them right, or measure anyway with --allow-unsafe",
            weaknesses.join(", ")
        );
    }
    let limit = fingerprint.free_connections().min(MOST_BUYERS);
    let settings = StoreSettings { max_connections: limit, ..settings.clone() };
    let buyers = Arc::new(Buyers::prepare(&settings, scratch).await?);
    let sweep = Sweep { limit, objective: Duration::from_millis(arguments.objective_ms) };
    let levels = climb(&sweep, arguments, &buyers).await?;
    let Some(best) = sweep.best(&levels) else {
        bail!("not even one buyer at a time stays within {} ms and 1 % errors", arguments.objective_ms);
    };
    Ok(Report { fingerprint, arguments: arguments.clone(), levels, best })
}

async fn climb(sweep: &Sweep, arguments: &Arguments, buyers: &Arc<Buyers>) -> anyhow::Result<Vec<Level>> {
    let progress = ProgressBar::new(sweep.steps()).with_style(ProgressStyle::with_template("{bar:30} {msg}")?);
    let mut levels = Vec::new();
    while let Next::Try(concurrency) = sweep.next(&levels) {
        progress.set_message(format!("{concurrency} at once"));
        let level = trial::run(buyers, concurrency, Duration::from_secs(arguments.seconds)).await?;
        progress.inc(1);
        levels.push(level);
    }
    progress.finish_and_clear();
    Ok(levels)
}
