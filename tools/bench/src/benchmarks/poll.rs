//! Row 6: polls through the gateway on Redis against a bare axum GET.

use testkit::Redis;

use super::{
    Trial,
    gateway::{Gateway, QUEUE},
    load,
    process::Process,
    row::{Bar, Row, median},
    stream_cpu,
};

/// Connections of the load, each a visitor's.
const CONNECTIONS: usize = 128;

pub(super) async fn measure(trial: Trial) -> anyhow::Result<Row> {
    let redis = Redis::start().await;
    // Nobody is admitted, so that everybody has a place to ask for until the end.
    let gateway = Gateway::start(Some(redis.url()), 0.0).await?;
    let (_bare, bare) = Process::reference(&["bare-http".to_owned()])?;
    let path = format!("/v1/queues/{QUEUE}/tokens/current");
    let tokens = stream_cpu::join(gateway.public, CONNECTIONS).await?;
    let polls: Vec<Vec<u8>> = tokens.iter().map(|token| load::get_request(&path, token)).collect();
    let constant = [load::get_request("/", &tokens[0])];
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..trial.rounds {
        reference.push(load::rate(bare, &constant, CONNECTIONS, trial.lasts).await?);
        ours.push(load::rate(gateway.public, &polls, CONNECTIONS, trial.lasts).await?);
    }
    Ok(Row {
        number: 6,
        name: format!("poll through the gateway on Redis, {CONNECTIONS} connections; bare axum GET"),
        ours: median(ours),
        reference: median(reference),
        unit: "/s",
        bar: Bar::AtLeast(0.6),
    })
}
