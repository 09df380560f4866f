//! `GET /v1/queues/{queue}`: what the queue as a whole is doing, for everybody.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use contract::ids::QueueName;
use jiff::Timestamp;
use serde::Serialize;
use service::problem::{Json, Problem};

use super::request::AskedQueue;
use crate::{
    draw::DrawView,
    line::{Lane, Opening, QueueState},
};

#[derive(Serialize)]
struct PublicState<'a> {
    queue: &'a QueueName,
    title: &'a str,
    state: QueueState,
    waiting: u64,
    present: u64,
    parked: u64,
    active: u64,
    rate_per_second: f64,
    active_cap: u64,
    /// Null for a queue that has no opening time, as is `joins_from`.
    opens_at: Option<Timestamp>,
    /// Joins are taken from then on.
    joins_from: Option<Timestamp>,
    /// What the invited are granted; null where nobody is invited.
    invitations: Option<InvitationsView>,
    /// In which order those are let in who join before the opening.
    opening: Opening,
    /// Null for a queue that opens in the order of joining.
    draw: Option<DrawView<'a>>,
    /// Null for a queue that is to stay open.
    closes_at: Option<Timestamp>,
    message: Option<&'a str>,
}

/// The priority lane.
#[derive(Serialize)]
struct InvitationsView {
    /// Of all admissions, while both lanes wait.
    share: f64,
    /// The invited are let in from then on; null where they always are.
    opens_at: Option<Timestamp>,
    /// Their joins are taken from then on.
    joins_from: Option<Timestamp>,
    /// How many of those who wait were invited.
    waiting: u64,
}

/// The queue in numbers, from this gateway's own mirror.
pub(super) async fn queue(queue: AskedQueue) -> Result<Response, Problem> {
    let stats = queue.stats()?;
    let census = queue.follower.mirror.census();
    let limits = stats.control.limits();
    let document = PublicState {
        queue: &queue.name,
        title: &queue.title,
        state: stats.state(),
        waiting: census.waiting,
        present: census.present,
        parked: census.parked,
        active: stats.active,
        rate_per_second: limits.rate_per_second,
        active_cap: limits.cap,
        opens_at: stats.control.opens_at(),
        joins_from: stats.control.joins_from(Lane::General),
        invitations: stats.control.baseline.invitations.map(|granted| InvitationsView {
            share: granted.share.fraction(),
            opens_at: stats.control.admits_from(Lane::Invited),
            joins_from: stats.control.joins_from(Lane::Invited),
            waiting: census.invited,
        }),
        opening: stats.control.opening(),
        draw: queue.draw(&stats),
        closes_at: stats.control.closes_at(),
        message: stats.control.message(),
    };
    // The same for everybody and good for a second: a cache in front may answer a crowd.
    Ok(([(header::CACHE_CONTROL, "public, max-age=1")], Json(document)).into_response())
}
