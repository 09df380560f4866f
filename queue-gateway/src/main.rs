//! `queue-gateway`: reads the settings, builds the gateway, serves until told to stop, drains.

use std::{io, path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Parser, Subcommand};
use contract::clock::SystemClock;
use queue_gateway::{
    app::{self, App, Listeners},
    draw::VerifyDraw,
    settings::{DEFAULTS, ENVIRONMENT_PREFIX, Settings},
};
use service::{descriptors, settings, shutdown, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The waiting room: gives visitors places in a line and admits them at a measured rate.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The settings file; what it leaves out has the documented defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only checks the settings.
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What else the binary does.
#[derive(Subcommand)]
enum Command {
    /// Recomputes a draw from what was published of it, and checks receipts against it.
    VerifyDraw(VerifyDraw),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Some(Command::VerifyDraw(verify)) => verify.run(&mut io::stdout()).map_err(anyhow::Error::from),
        None => run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Our errors name their causes themselves.
            eprintln!("queue-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // Settings: all of them are checked before anything is opened.
    let settings = Settings::load(arguments.config.as_deref())?;
    if arguments.check {
        return Ok(());
    }
    telemetry::init(&settings.telemetry);
    descriptors::raise_limit();
    let shutdown = shutdown::on_signal().map_err(|error| anyhow::anyhow!("cannot listen for signals: {error}"))?;
    let changes = match &arguments.config {
        Some(file) => Some(settings::watch(DEFAULTS, file, ENVIRONMENT_PREFIX, settings.clone())?),
        None => None,
    };

    // Build.
    let clock = Arc::new(SystemClock);
    let listeners = Listeners::bind(&settings)?;
    let engine =
        app::engine(&settings, &(clock.clone() as _)).await.map_err(|error| anyhow::anyhow!("redis.url: {error}"))?;
    tracing::info!(
        public = %settings.listen.address,
        operations = %settings.operations.address,
        engine = ?settings.engine,
        queues = settings.queues.len(),
        "the gateway starts"
    );
    let app = App::build(settings, clock, engine)?;

    // Serve, and drain once told to stop.
    let drained = app.run(listeners, changes, shutdown).await;
    tracing::info!(?drained, "the gateway has stopped");
    Ok(())
}
