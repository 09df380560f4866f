//! A visitor's wait: join, then a stream until admitted, through any number of cuts.

use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{Rush, stream::Events};
use crate::client::Call;

/// The server sends a ping every 15 s; a stream that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(40);

/// How a visitor got through the line.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// From the first join to the admission as the visitor saw it.
    pub(super) lasted: Duration,
    /// The admission by the server's own clock: the end of the claim period, which is a constant later.
    pub(super) admitted_at: Timestamp,
    /// How often a position was shown that was farther back than one before.
    pub(super) rises: u32,
    /// Streams opened again after a cut.
    pub(super) reconnects: u32,
    /// Opens the shop.
    pub(super) active_token: String,
    /// Keeps the place.
    pub(super) waiting_token: String,
}

/// Joins and waits to be admitted.
pub(super) async fn wait(rush: &Rush, address: &str) -> anyhow::Result<Wait> {
    let started = Instant::now();
    let deadline = started + rush.longest_wait;
    let tokens = format!("/v1/queues/{}/tokens", rush.sale.queue);
    let join = Call::post(tokens, json!({})).header("x-forwarded-for", address);
    let reply = rush.gateway.send(&join).await?;
    let Some(waiting_token) = reply.body["waiting_token"].as_str().map(str::to_owned) else {
        bail!("the join was answered with {} {}", reply.status, reply.body);
    };

    let stream = Call::get(format!("/v1/queues/{}/stream", rush.sale.queue));
    let stream = stream.bearer(&waiting_token).header("x-forwarded-for", address);
    let (mut best, mut rises, mut reconnects) = (reply.body["position"].as_u64(), 0, 0);
    let mut document = reply.body;
    while document["state"] != "admitted" {
        if Instant::now() > deadline {
            bail!("not admitted within {:?}, last seen: {document}", rush.longest_wait);
        }
        let opened = timeout_at(deadline, rush.gateway.open(&stream)).await;
        if let Ok(Ok(response)) = opened {
            let mut events = Events::new(response.into_body());
            while let Ok(Some(event)) = timeout(SILENCE, events.next()).await {
                if event.name == "closed" {
                    bail!("the stream was closed: {}", event.data);
                }
                if matches!(event.name.as_str(), "position" | "admitted") {
                    document = event.data;
                    rises += u32::from(rose(&mut best, &document));
                }
                if document["state"] == "admitted" {
                    break;
                }
            }
        }
        if document["state"] != "admitted" {
            reconnects += 1;
            sleep(Duration::from_millis(rand::random_range(200..1_000))).await;
        }
    }
    let text = |name: &str| document[name].as_str().with_context(|| format!("an admission without {name}: {document}"));
    Ok(Wait {
        lasted: started.elapsed(),
        admitted_at: text("claim_before")?.parse().context("claim_before is no instant")?,
        rises,
        reconnects,
        active_token: text("active_token")?.to_owned(),
        waiting_token,
    })
}

/// Gives the slot back, as a visitor does who found nothing.
pub(super) async fn leave(rush: &Rush, wait: &Wait, address: &str) -> anyhow::Result<()> {
    let path = format!("/v1/queues/{}/tokens/current", rush.sale.queue);
    let call = Call::new(http::Method::DELETE, path).bearer(&wait.waiting_token).header("x-forwarded-for", address);
    let reply = rush.gateway.send(&call).await?;
    if !reply.status.is_success() {
        bail!("leaving was answered with {} {}", reply.status, reply.body);
    }
    Ok(())
}

fn rose(best: &mut Option<u64>, document: &Value) -> bool {
    let Some(position) = document["position"].as_u64() else { return false };
    let rose = best.is_some_and(|best| position > best);
    *best = Some(best.map_or(position, |best| best.min(position)));
    rose
}
