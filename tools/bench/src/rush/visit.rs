//! One visitor's whole road: the line, a seat, the till.

use anyhow::{Context, bail};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Rush,
    buyer::Buyer,
    line::{self, Wait},
    sale,
};
use crate::client::{Call, Reply};

/// What became of a visitor.
#[derive(Debug)]
pub(super) struct Report {
    /// His way through the line, if he got through.
    pub(super) wait: Option<Wait>,
    /// Milliseconds from admission to ticket or refusal.
    pub(super) shopping_millis: u64,
    /// The end.
    pub(super) outcome: Outcome,
}

/// How a visit ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Paid for this seat.
    Bought {
        /// The seat's number.
        seat: u64,
    },
    /// Everything was sold when his turn came: the clean refusal.
    SoldOut,
    /// Anything else.
    Failed(String),
}

/// Sends one visitor all the way.
pub(super) async fn visit(rush: &Rush, number: usize, buyer: &Buyer) -> Report {
    let wait = match line::wait(rush, &buyer.address).await {
        Ok(wait) => wait,
        Err(error) => {
            let outcome = Outcome::Failed(format!("in line: {error:#}"));
            return Report { wait: None, shopping_millis: 0, outcome };
        }
    };
    let admitted = Instant::now();
    let outcome = match shop(rush, number, buyer, &wait).await {
        Ok(Some(seat)) => Outcome::Bought { seat },
        Ok(None) => match line::leave(rush, &wait, &buyer.address).await {
            Ok(()) => Outcome::SoldOut,
            Err(error) => Outcome::Failed(format!("leaving: {error:#}")),
        },
        Err(error) => Outcome::Failed(format!("in the shop: {error:#}")),
    };
    let shopping_millis = u64::try_from(admitted.elapsed().as_millis()).unwrap_or(u64::MAX);
    Report { wait: Some(wait), shopping_millis, outcome }
}

/// Tries seats until one is his or none is left.
async fn shop(rush: &Rush, number: usize, buyer: &Buyer, wait: &Wait) -> anyhow::Result<Option<u64>> {
    loop {
        let free = sale::seats_in_state(&rush.ticketing, &rush.sale, "available").await?;
        // Spread by visitor, so that contention is what a crowd makes and not everybody on the first seat.
        let Some(&seat) = free.get(number % free.len().max(1)) else {
            // Not "none is held": a hold that ended since the first look has left a seat free.
            if sale::sold(&rush.ticketing, &rush.sale).await? >= rush.sale.seats as usize {
                return Ok(None);
            }
            // Somebody is at the till with the last seats and may yet give up.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            continue;
        };
        let path = format!("/v1/performances/{}/holds", rush.sale.performance);
        let hold = send(rush, buyer, wait, Call::post(path, json!({"seats": [seat]}))).await?;
        if hold.status == StatusCode::CONFLICT && hold.code() == "seats_taken" {
            continue;
        }
        let hold = created(hold, "hold")?;
        let reservation =
            send(rush, buyer, wait, Call::post("/v1/reservations", json!({"hold_id": hold["id"]}))).await?;
        let reservation = created(reservation, "reservation")?;
        let id = reservation["id"].as_str().context("the reservation has no id")?;
        let payment = Call::post(format!("/v1/reservations/{id}/payments"), json!({}));
        created(send(rush, buyer, wait, payment).await?, "payment")?;
        return Ok(Some(seat));
    }
}

async fn send(rush: &Rush, buyer: &Buyer, wait: &Wait, call: Call) -> anyhow::Result<Reply> {
    let call = call.bearer(&buyer.session).header("active-token", &wait.active_token);
    let call = call.header("x-forwarded-for", &buyer.address).once();
    Ok(rush.ticketing.send(&call).await?)
}

fn created(reply: Reply, what: &str) -> anyhow::Result<Value> {
    if reply.status != StatusCode::CREATED {
        bail!("{what}: {} {}", reply.status, reply.body);
    }
    Ok(reply.body)
}
