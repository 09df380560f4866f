//! Both services in one process on the embedded engines, with a demo sale: what `cargo run --release` starts.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod secrets;
mod settings;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::Parser;
use contract::clock::{SharedClock, SystemClock};
use service::{descriptors, settings::Changes, shutdown, telemetry};

use secrets::Secrets;
use settings::Settings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A waiting room and a ticket shop in one process, with a demo sale.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The settings file; what it leaves out has the documented defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standalone: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // Settings: all of them are checked before anything is opened; only the secrets are made on the way.
    let settings = Settings::load(arguments.config.as_deref())?;
    let secrets = Secrets::of(&settings.data)?;
    let gateway_settings = settings.gateway(&secrets).context("in the section queue_gateway")?;
    let ticketing_settings = settings.ticketing(&secrets).context("in the section ticketing_api")?;
    telemetry::init(&gateway_settings.telemetry);
    descriptors::raise_limit();
    let shutdown = shutdown::on_signal().context("cannot listen for signals")?;
    let changes = match &arguments.config {
        Some(file) => Some(gateway_changes(file, &settings, &secrets, &gateway_settings)?),
        None => None,
    };

    // Build.
    let clock: SharedClock = Arc::new(SystemClock);
    let gateway_listeners = queue_gateway::app::Listeners::bind(&gateway_settings)?;
    let ticketing_listeners = ticketing_api::app::Listeners::bind(&ticketing_settings)?;
    let welcome = welcome(&settings, &gateway_settings, &ticketing_settings);
    let engine = queue_gateway::app::engine(&gateway_settings, &clock).await?;
    let gateway = queue_gateway::app::App::build(gateway_settings, Arc::clone(&clock), engine)?;
    let ticketing = ticketing_api::app::App::build(ticketing_settings, clock).await?;

    // Serve, and drain once told to stop.
    announce(&welcome);
    tokio::join!(
        gateway.run(gateway_listeners, changes, shutdown.clone()),
        ticketing.run(ticketing_listeners, shutdown),
    );
    tracing::info!("the system has stopped");
    Ok(())
}

/// The gateway's part of each change to our file. One that the gateway refuses is logged and changes nothing.
fn gateway_changes(
    file: &Path,
    settings: &Settings,
    secrets: &Secrets,
    started_with: &queue_gateway::settings::Settings,
) -> anyhow::Result<Changes<queue_gateway::settings::Settings>> {
    let mut files = service::settings::watch(settings::DEFAULTS, file, settings::ENVIRONMENT_PREFIX, settings.clone())?;
    let (changing, changes) = Changes::from(started_with.clone());
    let secrets = secrets.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                news = files.settings.changed() => if news.is_err() { return },
                refused = files.refused.changed() => {
                    if refused.is_err() {
                        return;
                    }
                    changing.refuse();
                    continue;
                }
            }
            let new = files.settings.borrow_and_update().gateway(&secrets);
            match new {
                Ok(gateway) => changing.accept(gateway),
                Err(error) => {
                    tracing::warn!(%error, "the changed section queue_gateway is not usable: the old one stays");
                    changing.refuse();
                }
            }
        }
    });
    Ok(changes)
}

/// What a person wants to know first.
fn welcome(
    settings: &Settings,
    gateway: &queue_gateway::settings::Settings,
    ticketing: &ticketing_api::settings::Settings,
) -> String {
    let rooms =
        gateway.queues.keys().map(|queue| format!("  waiting room   {}/waiting-room/{queue}\n", gateway.public_url));
    format!(
        "\nOpen in a browser:\n{}  ticket shop    {}/\n\nMetrics and health: http://{}/metrics and http://{}/metrics\n\
         Data, keys and the administrator's password: {} (secrets.toml)\nStop with Ctrl-C.\n",
        rooms.collect::<String>(),
        ticketing.public_url,
        gateway.operations.address,
        ticketing.operations.address,
        std::path::absolute(&settings.data).as_deref().unwrap_or(&settings.data).display(),
    )
}

#[expect(clippy::print_stdout, reason = "a person waits for the addresses; the log goes to standard error")]
fn announce(welcome: &str) {
    println!("{welcome}");
}
