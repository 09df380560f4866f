//! Row 10: what a line of a million costs a gateway: a position after a departure, and memory.

use std::{hint::black_box, time::Duration};

use queue_gateway::line::{LineChange, Order, Sequence};
use rand::Rng;
use tokio::time::{Instant, sleep};

use super::{
    gateway::Gateway,
    memory,
    row::{Bar, Row},
};

/// Places in the line.
const LINE: u32 = 1_000_000;
/// So many leave it, from anywhere.
const LEAVE: u32 = 500_000;
/// What a departure and a position after it may take, in microseconds.
const TIME: f64 = 1.0;
/// What the whole process may hold, in megabytes, with the embedded engine: the line itself and this gateway's copy.
const MEMORY: f64 = 64.0;

pub(super) fn measure_time() -> Row {
    let mut line = Order::beginning(None);
    line.extend(Sequence(LINE.into()));
    let mut rng = rand::rng();
    let mut anywhere = || Sequence(rng.random_range(1..=LINE).into());
    let chosen: Vec<_> = (0..LEAVE).map(|_| (anywhere(), anywhere())).collect();
    let began = Instant::now();
    for (leaves, asks) in chosen {
        line.apply(&LineChange::Departed { seq: leaves });
        black_box(line.standpoint(asks));
    }
    Row {
        number: 10,
        name: format!("a departure and a position after it, {LINE} waiting; budget"),
        ours: began.elapsed().as_secs_f64() * 1e6 / f64::from(LEAVE),
        reference: TIME,
        unit: "us",
        bar: Bar::AtMost(1.0),
    }
}

pub(super) async fn measure_memory() -> anyhow::Result<Row> {
    let gateway = Gateway::start(None, 0.0).await?;
    gateway.fill(LINE.into()).await?;
    // What requests have left behind is given back.
    sleep(Duration::from_secs(5)).await;
    Ok(Row {
        number: 10,
        name: format!("resident memory of a gateway with the embedded engine, {LINE} waiting; budget"),
        ours: memory::resident(gateway.process.pid())?,
        reference: MEMORY,
        unit: "MB",
        bar: Bar::AtMost(1.0),
    })
}
