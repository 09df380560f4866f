//! What an admitted visitor does at the shop.

use anyhow::{Context, bail};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::{
    buyer::Buyer,
    sale::{self, Sale},
};
use crate::client::{Call, Reply, Service};

/// Whoever finds nothing to take looks again after this long.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A ticketing API and what is sold there.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    /// The API.
    pub(super) ticketing: Service,
    /// The evening that everybody wants.
    pub(super) sale: Sale,
}

/// A member with a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shopper<'a> {
    /// Where.
    pub(super) shop: &'a Shop,
    /// The member who shops.
    pub(super) buyer: &'a Buyer,
    /// Where from.
    pub(super) address: &'a str,
    /// Proof of their turn.
    pub(super) active_token: &'a str,
    /// Spreads the visitors over the seats.
    pub(super) number: usize,
}

/// How buying ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trip {
    /// With this seat.
    Bought {
        /// The seat's number.
        seat: u64,
    },
    /// Nothing was left.
    SoldOut,
}

impl Shopper<'_> {
    /// Tells the shop that somebody is here, as its page does.
    pub(super) async fn show_life(&self) -> anyhow::Result<()> {
        done(&self.send(Call::new(Method::PUT, "/v1/active-token")).await?, "a sign of life")
    }

    /// Gives a claimed slot up.
    pub(super) async fn leave(&self) -> anyhow::Result<()> {
        done(&self.send(Call::delete("/v1/active-token")).await?, "leaving the shop")
    }

    /// Holds a seat, leaves, and tries to hold one more: whether that was possible.
    pub(super) async fn hold_and_leave(&self) -> anyhow::Result<bool> {
        if let Some(seat) = self.free_seat().await? {
            let reply = self.hold(seat).await?;
            if reply.code() != "seats_taken" {
                created(reply, "hold")?;
            }
        }
        self.leave().await?;
        let Some(seat) = self.free_seat().await? else { return Ok(false) };
        Ok(self.hold(seat).await?.status.is_success())
    }

    /// Tries seats until one is paid for or none is left.
    pub(super) async fn buy(&self) -> anyhow::Result<Trip> {
        let mut taken = None;
        loop {
            let Some(seat) = self.free_seat().await? else {
                // Not "none is held": a hold that ended since the first look has left a seat free.
                if sale::sold(&self.shop.ticketing, &self.shop.sale).await? >= self.shop.sale.seats as usize {
                    return Ok(Trip::SoldOut);
                }
                // Somebody is at the till with the last seats and may yet give up.
                sleep(LOOK_AGAIN).await;
                continue;
            };
            let hold = self.hold(seat).await?;
            if hold.status == StatusCode::CONFLICT && hold.code() == "seats_taken" {
                if taken == Some(seat) {
                    // It is still shown as free: the hold is younger than the list.
                    sleep(LOOK_AGAIN).await;
                }
                taken = Some(seat);
                continue;
            }
            let hold = created(hold, "hold")?;
            let reservation = Call::post("/v1/reservations", json!({"hold_id": hold["id"]}));
            let reservation = created(self.send(reservation).await?, "reservation")?;
            let id = reservation["id"].as_str().context("the reservation has no id")?;
            let payment = Call::post(format!("/v1/reservations/{id}/payments"), json!({}));
            created(self.send(payment).await?, "payment")?;
            return Ok(Trip::Bought { seat });
        }
    }

    /// A free seat, another for each visitor: contention is what a crowd makes, and not everybody on the first seat.
    async fn free_seat(&self) -> anyhow::Result<Option<u64>> {
        let free = sale::seats_in_state(&self.shop.ticketing, &self.shop.sale, "available").await?;
        Ok(free.get(self.number % free.len().max(1)).copied())
    }

    async fn hold(&self, seat: u64) -> anyhow::Result<Reply> {
        let path = format!("/v1/performances/{}/holds", self.shop.sale.performance);
        self.send(Call::post(path, json!({"seats": [seat]}))).await
    }

    async fn send(&self, call: Call) -> anyhow::Result<Reply> {
        let call = call.bearer(&self.buyer.session).header("active-token", self.active_token);
        Ok(self.shop.ticketing.send(&call.from_address(self.address).once()).await?)
    }
}

fn created(reply: Reply, what: &str) -> anyhow::Result<Value> {
    if reply.status != StatusCode::CREATED {
        bail!("{what}: {} {}", reply.status, reply.body);
    }
    Ok(reply.body)
}

fn done(reply: &Reply, what: &str) -> anyhow::Result<()> {
    if !reply.status.is_success() {
        bail!("{what}: {} {}", reply.status, reply.body);
    }
    Ok(())
}
