//! The rush: N visitors join one queue at once, wait on their streams, and buy what there is.

mod buyer;
mod line;
mod observer;
mod sale;
mod stream;
mod verdict;
mod visit;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::client::Service;

pub use verdict::Verdict;

/// What to drive, and how hard.
#[derive(Clone, Debug, Parser)]
#[command(about = "Drives a sale with many visitors at once and prints what happened")]
pub struct Arguments {
    /// Public address of a gateway; repeat it for several instances.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub gateway: Vec<String>,
    /// Public address of a ticketing API; repeat it for several instances.
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    pub ticketing: Vec<String>,
    /// How many people want a ticket.
    #[arg(long, default_value_t = 1_000)]
    pub visitors: usize,
    /// Seats of the performance that is created for the run.
    #[arg(long, default_value_t = 100)]
    pub seats: u32,
    /// The queue that guards the sale.
    #[arg(long, default_value = "demo")]
    pub queue: String,
    /// Administrator who creates the performance.
    #[arg(long, env = "RUSH_ADMIN_EMAIL", default_value = "admin@example.com")]
    pub admin_email: String,
    /// His password; left out, it is read from the secrets of a standalone system.
    #[arg(long, env = "RUSH_ADMIN_PASSWORD", hide_env_values = true)]
    pub admin_password: Option<String>,
    /// The secrets file of a standalone system.
    #[arg(long, default_value = "data/secrets.toml")]
    pub secrets: PathBuf,
    /// Seconds a visitor keeps trying one call through 503s and lost connections.
    #[arg(long, default_value_t = 60)]
    pub patience: u64,
    /// Seconds after which a visitor gives up waiting in the line.
    #[arg(long, default_value_t = 900)]
    pub wait: u64,
}

/// Everything that the visitors of a run share.
struct Rush {
    gateway: Service,
    ticketing: Service,
    sale: sale::Sale,
    longest_wait: Duration,
}

/// Prepares a sale and its buyers, sends them all at once, prints the verdict and returns it.
pub async fn run(arguments: Arguments) -> anyhow::Result<Verdict> {
    let patience = Duration::from_secs(arguments.patience);
    let gateway = Service::new(&arguments.gateway, patience);
    let ticketing = Service::new(&arguments.ticketing, patience);
    let sale = sale::open(&ticketing, &arguments).await.context("cannot open a sale for the run")?;
    let buyers = sign_up(&ticketing, &arguments, sale.price).await?;
    let rush = Arc::new(Rush { gateway, ticketing, sale, longest_wait: Duration::from_secs(arguments.wait) });

    let observer = observer::Observer::start(rush.gateway.clone(), &arguments.queue);
    let bar = progress("visiting", arguments.visitors);
    let mut visits = JoinSet::new();
    for (number, buyer) in buyers.into_iter().enumerate() {
        let rush = Arc::clone(&rush);
        visits.spawn(async move { visit::visit(&rush, number, &buyer).await });
    }
    let mut reports = Vec::with_capacity(visits.len());
    while let Some(report) = visits.join_next().await {
        reports.push(report.context("a visitor's task failed")?);
        bar.inc(1);
    }
    bar.finish_and_clear();

    let sold_at_server = sale::sold(&rush.ticketing, &rush.sale).await.context("cannot read the seats back")?;
    let verdict = Verdict::new(&rush.sale, &reports, &observer.stop().await, sold_at_server);
    verdict.print();
    Ok(verdict)
}

/// Accounts with money in them, made before the clock starts: password hashing is not what a rush measures.
async fn sign_up(ticketing: &Service, arguments: &Arguments, price: i64) -> anyhow::Result<Vec<buyer::Buyer>> {
    const AT_ONCE: usize = 8;
    let bar = progress("signing up", arguments.visitors);
    let run = uuid::Uuid::new_v4().simple().to_string();
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for number in 0..arguments.visitors {
        let (ticketing, gate, run) = (ticketing.clone(), Arc::clone(&gate), run[..10].to_owned());
        tasks.spawn(async move {
            let _turn = gate.acquire().await?;
            buyer::Buyer::sign_up(&ticketing, &run, number, price).await
        });
    }
    let mut buyers = Vec::with_capacity(arguments.visitors);
    while let Some(buyer) = tasks.join_next().await {
        buyers.push(buyer.context("a buyer's task failed")?.context("cannot sign a buyer up")?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(buyers)
}

fn progress(what: &'static str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {bar:40} {pos}/{len} {elapsed}");
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX)).with_message(what);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}
