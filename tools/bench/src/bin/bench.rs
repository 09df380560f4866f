//! Runs the benchmarks and prints each figure beside its reference from the same run.

use clap::Parser;

fn main() -> anyhow::Result<()> {
    bench::benchmarks::run(&bench::benchmarks::Arguments::parse())
}
