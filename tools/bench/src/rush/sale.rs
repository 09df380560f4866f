//! The performance that a run sells.

use anyhow::{Context, bail};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Arguments, secrets};
use crate::client::{Call, Service};

/// What is for sale.
#[derive(Clone, Debug)]
pub(super) struct Sale {
    /// The performance.
    pub(super) performance: String,
    /// How many seats it has.
    pub(super) seats: u32,
    /// What a seat costs, in minor units.
    pub(super) price: i64,
}

/// Creates a fresh performance, so that a run never meets what an earlier one sold.
pub(super) async fn open(ticketing: &Service, arguments: &Arguments) -> anyhow::Result<Sale> {
    const PRICE: i64 = 5_000;
    let password = match &arguments.admin_password {
        Some(password) => password.clone(),
        None => secrets::read(&arguments.secrets, "admin_password", "--admin-password")?,
    };
    let credentials = json!({"email": arguments.admin_email, "password": password});
    let session = expect(ticketing, &Call::post("/v1/sessions", credentials), StatusCode::CREATED).await?;
    let token = session["access_token"].as_str().context("the session has no access_token")?;

    let now = Timestamp::now();
    let after = |hours| now + SignedDuration::from_hours(hours);
    let concert = json!({
        "title": "Rush", "place": "Load hall", "category": "test", "queue": arguments.queue,
        "performances": [{
            "starts_at": after(48), "sale_opens_at": after(-1), "sale_closes_at": after(24),
            "seats": [{"section": "A", "grade": "standard", "from": 1, "to": arguments.seats, "price": PRICE}],
        }],
    });
    let call = Call::post("/v1/admin/concerts", concert).bearer(token).once();
    let concert = expect(ticketing, &call, StatusCode::CREATED).await?;
    let performance = concert["performances"][0]["id"].as_str().context("the concert has no performance")?.to_owned();
    Ok(Sale { performance, seats: arguments.seats, price: PRICE })
}

/// How many seats the server says are sold.
pub(super) async fn sold(ticketing: &Service, sale: &Sale) -> anyhow::Result<usize> {
    Ok(seats_in_state(ticketing, sale, "sold").await?.len())
}

/// The numbers of the seats in a state.
pub(super) async fn seats_in_state(ticketing: &Service, sale: &Sale, state: &str) -> anyhow::Result<Vec<u64>> {
    let call = Call::get(format!("/v1/performances/{}/seats", sale.performance));
    let seats = expect(ticketing, &call, StatusCode::OK).await?;
    let seats = seats["items"].as_array().context("the seats have no items")?;
    Ok(seats.iter().filter(|seat| seat["state"] == state).filter_map(|seat| seat["number"].as_u64()).collect())
}

/// The body of a reply that must have this status.
pub(super) async fn expect(service: &Service, call: &Call, status: StatusCode) -> anyhow::Result<Value> {
    let reply = service.send(call).await?;
    if reply.status != status {
        bail!("{call:?} was answered with {} {}", reply.status, reply.body);
    }
    Ok(reply.body)
}
