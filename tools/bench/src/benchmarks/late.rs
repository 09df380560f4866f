//! Row 14: what a gateway that comes late to a long line costs the store, and whoever joins meanwhile.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use testkit::Redis;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    gateway::{Gateway, QUEUE},
    load::{self, Connection},
    row::{Bar, Row},
    scripts, stream_cpu,
};

/// Places in the line.
const LINE: f64 = 1_000_000.0;
/// So many have left it: more than the log keeps, so that it does not reach back to its beginning.
const LEFT: usize = 70_000;
/// What the store may spend, in milliseconds.
const BUDGET: f64 = 200.0;

pub(super) async fn measure() -> anyhow::Result<Row> {
    let redis = Redis::start().await;
    let gateway = Gateway::start(Some(redis.url()), 0.0).await?;
    leave(gateway.public, stream_cpu::join(gateway.public, LEFT).await?).await?;
    let join = load::post_request(&format!("/v1/queues/{QUEUE}/tokens"));
    gateway.fill(LINE).await?;
    // What the first gateway and those who join cost anyway, in as long a time.
    let ((), before, lasted) = scripts::during(&redis, sleep(Duration::from_secs(2))).await;
    let (stop, stopped) = oneshot::channel();
    let joins = tokio::spawn(longest_join(gateway.public, join, stopped));
    let start = Gateway::start(Some(redis.url()), 0.0);
    let (late, during, came) = scripts::during(&redis, start).await;
    let _late = late?;
    let _ends_the_joins = stop.send(());
    let (longest, count) = joins.await.context("the joins failed")??;
    let ours = during - before * came.as_secs_f64() / lasted.as_secs_f64();
    Ok(Row {
        number: 14,
        name: format!(
            "Redis time for a late gateway, {LINE} waiting; budget ({count} joins meanwhile, {} ms at most)",
            longest.as_millis()
        ),
        ours,
        reference: BUDGET,
        unit: "ms",
        bar: Bar::AtMost(1.0),
    })
}

/// Gives these places up.
async fn leave(gateway: SocketAddr, tokens: Vec<String>) -> anyhow::Result<()> {
    let mut connection = Connection::open(gateway).await?;
    for token in tokens {
        let request = format!(
            "DELETE /v1/queues/{QUEUE}/tokens/current HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        anyhow::ensure!(connection.send(request.as_bytes()).await? == 204, "a place could not be given up");
    }
    Ok(())
}

/// How long the longest join took, and how many there were, one every 20 ms.
async fn longest_join(
    gateway: SocketAddr,
    join: Vec<u8>,
    mut stopped: oneshot::Receiver<()>,
) -> anyhow::Result<(Duration, u32)> {
    let mut connection = Connection::open(gateway).await?;
    let (mut longest, mut count) = (Duration::ZERO, 0);
    while stopped.try_recv().is_err() {
        let began = Instant::now();
        anyhow::ensure!(connection.send(&join).await? == 201, "a join was refused");
        longest = longest.max(began.elapsed());
        count += 1;
        sleep(Duration::from_millis(20)).await;
    }
    Ok((longest, count))
}
