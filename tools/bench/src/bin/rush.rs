//! Drives a sale with many visitors at once and prints what happened; fails when a promise was broken.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let verdict = bench::rush::run(bench::rush::Arguments::parse()).await?;
    Ok(if verdict.kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
