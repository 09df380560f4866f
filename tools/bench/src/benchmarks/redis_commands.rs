//! Row 4: Redis commands a second with a long line of open streams, against the same with a short one; and with idle
//! queues beside a busy one, against the busy one alone.

use std::time::Duration;

use testkit::Redis;
use tokio::time::sleep;

use super::{
    Trial,
    gateway::Gateway,
    row::{Bar, Row, median},
    stream_cpu,
};

/// Waiters of the short line. It outlasts the measurement as the long one does, since admissions are work for the store
/// too.
const SHORT: usize = 500;
/// Gateways and idle queues, where those are measured.
const GATEWAYS: usize = 5;
const IDLE: usize = 1_000;
/// By then each of them was stepped once: they take turns, and whoever asks in between may have to ask again.
const FIRST_STEPS: Duration = Duration::from_secs(10);
/// By then the queues that nobody asks for are left in peace.
const RESTS_AFTER: Duration = Duration::from_secs(20);
/// Long enough to meet the looks that gateways take at queues at rest.
const AT_REST: Trial = Trial { lasts: Duration::from_mins(1), rounds: 1 };

pub(super) async fn measure(trial: Trial, streams: usize) -> anyhow::Result<Row> {
    let [short, long] = [commands(trial, SHORT).await?, commands(trial, streams).await?];
    Ok(Row {
        number: 4,
        name: format!("Redis commands with {streams} open streams; with {SHORT}"),
        ours: long,
        reference: short,
        unit: "/s",
        // Independent of the number of waiters, within what the timing of ticks makes of the same work.
        bar: Bar::AtMost(1.1),
    })
}

/// The busy queue beside idle ones, and what one idle queue costs.
pub(super) async fn measure_idle() -> anyhow::Result<[Row; 2]> {
    let alone = commands_of(AT_REST, SHORT, GATEWAYS, 0).await?;
    let beside_idle = commands_of(AT_REST, SHORT, GATEWAYS, IDLE).await?;
    let beside = Row {
        number: 4,
        name: format!("Redis commands of {GATEWAYS} gateways, one busy queue beside {IDLE} idle ones; alone"),
        ours: beside_idle,
        reference: alone,
        unit: "/s",
        bar: Bar::AtMost(1.1),
    };
    #[expect(clippy::cast_precision_loss, reason = "a thousand queues")]
    let each = Row {
        number: 4,
        name: format!("Redis commands of an idle queue, {GATEWAYS} gateways; budget"),
        ours: (beside_idle - alone).max(0.0) / IDLE as f64,
        reference: 1.0,
        unit: "/s",
        bar: Bar::AtMost(1.0),
    };
    Ok([beside, each])
}

/// Commands a second that Redis carries out, those inside scripts among them, while everybody's position moves.
async fn commands(trial: Trial, waiters: usize) -> anyhow::Result<f64> {
    commands_of(trial, waiters, 1, 0).await
}

/// The same with so many gateways, of which one has the streams, and so many queues that nobody asks for.
async fn commands_of(trial: Trial, waiters: usize, gateways: usize, idle: usize) -> anyhow::Result<f64> {
    let redis = Redis::start().await;
    let mut others = Vec::new();
    for _ in 1..gateways {
        others.push(Gateway::start_beside(Some(redis.url()), 10.0, idle).await?);
    }
    let gateway = Gateway::start_beside(Some(redis.url()), 10.0, idle).await?;
    if idle > 0 {
        sleep(FIRST_STEPS).await;
    }
    let mut readers = stream_cpu::Readers::default();
    for token in stream_cpu::join(gateway.public, waiters).await? {
        readers.add(stream_cpu::open(gateway.public, &token).await?);
    }
    sleep(if gateways > 1 { RESTS_AFTER } else { Duration::from_secs(2) }).await;
    let mut figures = Vec::new();
    for _ in 0..trial.rounds {
        let before = processed(&redis).await;
        sleep(trial.lasts).await;
        figures.push((processed(&redis).await - before) / trial.lasts.as_secs_f64());
    }
    Ok(median(figures))
}

async fn processed(redis: &Redis) -> f64 {
    let reply = redis.call(&["INFO", "stats"]).await;
    let count = reply.text().and_then(|info| {
        info.lines().find_map(|line| line.strip_prefix("total_commands_processed:")?.trim().parse().ok())
    });
    count.unwrap_or(f64::NAN)
}
