//! Row 16: how long a store that has lost a long line takes to admit again, given it back by the one gateway that there
//! is.

use std::time::Duration;

use anyhow::bail;
use serde_json::Value;
use testkit::Redis;
use tokio::time::{Instant, sleep};

use super::{
    gateway::{Gateway, QUEUE},
    load::Connection,
    row::{Bar, Row},
    scripts, stream_cpu,
};

/// Places in the line.
const LINE: f64 = 1_000_000.0;
/// So many of them, at the front, are there, and admitted one by one.
const PRESENT: u32 = 5_000;
/// Admissions a second: how finely the time can be told.
const RATE: f64 = 20.0;
/// In seconds. Then a store waits no longer for those who may still hand back.
const LIMIT: f64 = 60.0;
/// The part of it that a line may take.
const SHARE: f64 = 0.25;
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn measure() -> anyhow::Result<Row> {
    let redis = Redis::start().await;
    let gateway = Gateway::start(Some(redis.url()), RATE).await?;
    let mut readers = stream_cpu::Readers::default();
    for token in stream_cpu::join(gateway.public, PRESENT as usize).await? {
        readers.add(stream_cpu::open(gateway.public, &token).await?);
    }
    gateway.fill(LINE).await?;
    scripts::watch(&redis).await;
    let (back, in_scripts, _) = scripts::during(&redis, lose_and_wait(&redis, &gateway)).await;
    let (back, longest) = (back?, scripts::longest(&redis).await);
    let waiting = gateway.metric("queue_gateway_visitors_waiting").await?;
    // Some were admitted since.
    if waiting < LINE - f64::from(PRESENT) {
        bail!("only {waiting} places came back");
    }
    Ok(Row {
        number: 16,
        name: format!(
            "Total loss of {LINE} places until somebody is admitted again, one gateway; limit ({in_scripts:.0} ms of \
             scripts, the longest {longest:.0} ms)"
        ),
        ours: back.as_secs_f64(),
        reference: LIMIT,
        unit: "s",
        bar: Bar::AtMost(SHARE),
    })
}

/// Empties the store. Returns how long it took until somebody was admitted again.
async fn lose_and_wait(redis: &Redis, gateway: &Gateway) -> anyhow::Result<Duration> {
    let began = Instant::now();
    redis.flush().await;
    // What the last step before the loss admitted may still be told.
    while state(gateway).await? != "rejoining" {
        wait(began).await?;
    }
    let before = gateway.metric("queue_gateway_admitted_total").await?;
    while gateway.metric("queue_gateway_admitted_total").await? <= before {
        wait(began).await?;
    }
    Ok(began.elapsed())
}

async fn wait(since: Instant) -> anyhow::Result<()> {
    if since.elapsed().as_secs_f64() > 2.0 * LIMIT {
        bail!("the queue does not admit again");
    }
    sleep(PAUSE).await;
    Ok(())
}

/// The public state's own word.
async fn state(gateway: &Gateway) -> anyhow::Result<String> {
    let mut connection = Connection::open(gateway.public).await?;
    let request = format!("GET /v1/queues/{QUEUE} HTTP/1.1\r\nHost: bench\r\n\r\n");
    connection.send(request.as_bytes()).await?;
    let document: Value = serde_json::from_slice(connection.body())?;
    Ok(document["state"].as_str().unwrap_or_default().to_owned())
}
