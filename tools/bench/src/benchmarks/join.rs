//! Row 1: joins through the gateway on Redis against a bare axum POST.

use testkit::Redis;

use super::{
    Trial,
    gateway::{Gateway, QUEUE},
    load,
    process::Process,
    row::{Bar, Row, median},
};

/// Connections of the load.
const CONNECTIONS: usize = 128;

pub(super) async fn measure(trial: Trial) -> anyhow::Result<Row> {
    let redis = Redis::start().await;
    // Nobody is admitted, so that every join does the whole work of a join: a place at the end of a long line.
    let gateway = Gateway::start(Some(redis.url()), 0.0).await?;
    let (_bare, bare) = Process::reference(&["bare-http".to_owned()])?;
    // Newcomers without an identity: with one, all would be the same visitor.
    let join = [load::post_request(&format!("/v1/queues/{QUEUE}/tokens"))];
    let constant = [load::post_request("/")];
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..trial.rounds {
        reference.push(load::rate(bare, &constant, CONNECTIONS, trial.lasts).await?);
        ours.push(load::rate(gateway.public, &join, CONNECTIONS, trial.lasts).await?);
    }
    Ok(Row {
        number: 1,
        name: format!("join through the gateway on Redis, {CONNECTIONS} connections; bare axum POST"),
        ours: median(ours),
        reference: median(reference),
        unit: "/s",
        bar: Bar::AtLeast(0.6),
    })
}
