//! `ticketing-api`: reads the settings, builds the service, serves until told to stop, drains.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::{Parser, Subcommand};
use contract::clock::SystemClock;
use service::{descriptors, shutdown, telemetry};
use ticketing_api::{
    app::{App, Listeners},
    calibrate,
    settings::Settings,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Concerts, seat holds, reservations and payments for members whom the waiting room has admitted.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The settings file; what it leaves out has the documented defaults.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Only checks the settings.
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves; what happens without a command.
    Serve,
    /// Measures how many bookings the database sustains, and prints it as settings for the gateway.
    Calibrate(calibrate::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ticketing-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: Arguments) -> anyhow::Result<()> {
    // Settings: all of them are checked before anything is opened.
    let settings = Settings::load(arguments.config.as_deref())?;
    if arguments.check {
        return Ok(());
    }
    telemetry::init(&settings.telemetry);
    descriptors::raise_limit();
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings).await,
        Command::Calibrate(arguments) => calibrate::run(&settings.store, arguments).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal().context("cannot listen for signals")?;

    // Build.
    let listeners = Listeners::bind(&settings)?;
    tracing::info!(
        public = %settings.listen.address,
        operations = %settings.operations.address,
        address = settings.public_url,
        "the ticketing API starts"
    );
    let app = App::build(settings, Arc::new(SystemClock)).await?;

    // Serve, and drain once told to stop.
    let drained = app.run(listeners, shutdown).await;
    tracing::info!(?drained, "the ticketing API has stopped");
    Ok(())
}
