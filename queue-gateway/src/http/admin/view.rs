//! A queue as operators see it.

use std::net::IpAddr;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use contract::ids::QueueName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::problem::Json;

use super::in_microseconds;
use crate::{
    draw::DrawView,
    line::{Closing, Opening, QueueState, Stats},
    waiting_room::Queue,
};

/// A queue as operators see it.
#[derive(Debug, Serialize)]
struct QueueView<'a> {
    queue: &'a QueueName,
    state: QueueState,
    /// In the line and not passed, or back.
    waiting: u64,
    /// Those of them who were invited.
    invited: u64,
    /// At any gateway, once for each.
    present: u64,
    /// Passed and away; their places are kept for a while.
    parked: u64,
    /// Present and near the front.
    ready: u64,
    active: u64,
    unclaimed: u64,
    /// Client networks whose visitors do not arrive, each held to one unclaimed slot.
    networks_held_back: u64,
    /// Of them, those with a slot at the last step, whose visitors wait for it to end; at most 256.
    held_back: Vec<IpAddr>,
    admitted_total: u64,
    admitted_invited_total: u64,
    arrived_total: u64,
    no_shows_total: u64,
    not_claimed_total: u64,
    /// In force: the override where there is one.
    #[serde(flatten)]
    in_force: InForceView,
    settings: InForceView,
    overrides: OverridesView,
    /// Since then nobody joins.
    drains_at: Option<Timestamp>,
    draw: Option<DrawView<'a>>,
    message: Option<&'a str>,
    revision: u64,
    /// The change that this reply answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Changed>,
}

#[derive(Debug, Serialize)]
struct InForceView {
    rate_per_second: f64,
    active_cap: u64,
    opens_at: Option<Timestamp>,
    opening: Opening,
    closes_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct OverridesView {
    rate_per_second: Option<f64>,
    active_cap: Option<u64>,
    opens_at: Option<Timestamp>,
    opening: Option<Opening>,
    closes_at: Option<ClosingView>,
}

/// When an operator closes a queue: an instant, or `"never"`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum ClosingView {
    At(Timestamp),
    Never(Never),
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Never {
    Never,
}

/// By whom and when.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    pub(super) by: String,
    pub(super) at: Timestamp,
}

/// The queue, and the change that is answered.
pub(super) fn view(queue: &Queue, stats: &Stats, changed: Option<Changed>) -> Response {
    let census = queue.follower.mirror.census();
    // Before anything else is read of the line: whoever holds the lock of who is present must not.
    let held_back = queue.follower.presence.lock().held_back().map(|network| network.0).collect();
    let (control, baseline) = (&stats.control, &stats.control.baseline);
    let view = QueueView {
        queue: &queue.name,
        state: stats.state(),
        waiting: census.waiting,
        invited: census.invited,
        present: census.present,
        parked: census.parked,
        ready: stats.ready,
        active: stats.active,
        unclaimed: stats.unclaimed,
        networks_held_back: stats.held_back,
        held_back,
        admitted_total: stats.totals.admitted,
        admitted_invited_total: stats.totals.admitted_invited,
        arrived_total: stats.totals.arrived,
        no_shows_total: stats.totals.no_shows,
        not_claimed_total: stats.totals.not_claimed,
        in_force: InForceView {
            rate_per_second: control.limits().rate_per_second,
            active_cap: control.limits().cap,
            opens_at: control.opens_at(),
            opening: control.opening(),
            closes_at: control.closes_at(),
        },
        settings: InForceView {
            rate_per_second: baseline.limits.rate_per_second,
            active_cap: baseline.limits.cap,
            opens_at: baseline.schedule.opens_at,
            opening: baseline.schedule.opening,
            closes_at: baseline.schedule.closes_at,
        },
        overrides: OverridesView {
            rate_per_second: control.rate_override,
            active_cap: control.cap_override,
            opens_at: control.opens_at_override,
            opening: control.opening_override,
            closes_at: control.closes_at_override.map(ClosingView::from),
        },
        drains_at: control.drains_at,
        draw: queue.draw(stats),
        message: control.message(),
        revision: control.revision,
        changed,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response()
}

impl From<Closing> for ClosingView {
    fn from(closing: Closing) -> Self {
        match closing {
            Closing::At(at) => Self::At(at),
            Closing::Never => Self::Never(Never::Never),
        }
    }
}

impl From<ClosingView> for Closing {
    fn from(closing: ClosingView) -> Self {
        match closing {
            ClosingView::At(at) => Self::At(in_microseconds(at)),
            ClosingView::Never(Never::Never) => Self::Never,
        }
    }
}
