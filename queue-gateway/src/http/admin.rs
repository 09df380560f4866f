//! `/v1/admin/queues/{queue}`: what operators see and change. Every change is logged with who, what and when.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::ids::{ActiveTokenId, QueueName};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use service::problem::{Json, Path, Problem};

use super::{
    Gateway, error,
    request::{AskedQueue, NoContent, Operator},
};
use crate::line::{AdmissionLimits, Closing, Control, ControlChange, QueueState, Revocation, Stats};
use crate::waiting_room::Queue;

/// A message is read on small screens.
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// A queue as operators see it.
#[derive(Debug, Serialize)]
struct QueueView<'a> {
    queue: &'a QueueName,
    state: QueueState,
    /// In the line and not passed, or back.
    waiting: u64,
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
    closes_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct OverridesView {
    rate_per_second: Option<f64>,
    active_cap: Option<u64>,
    opens_at: Option<Timestamp>,
    closes_at: Option<ClosingView>,
}

/// When an operator closes a queue: an instant, or `"never"`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
enum ClosingView {
    At(Timestamp),
    Never(Never),
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Never {
    Never,
}

#[derive(Debug, Serialize)]
struct Changed {
    by: String,
    at: Timestamp,
}

/// Body of a `PATCH`. A key that is left out stays as it is; null goes back to the settings.
#[expect(clippy::option_option, reason = "the outer one tells a key that is left out from null")]
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Patch {
    #[serde(deserialize_with = "given")]
    rate_per_second: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    active_cap: Option<Option<u64>>,
    #[serde(deserialize_with = "given")]
    opens_at: Option<Option<Timestamp>>,
    #[serde(deserialize_with = "given")]
    closes_at: Option<Option<ClosingView>>,
    #[serde(deserialize_with = "given")]
    message: Option<Option<String>>,
}

/// Tells a null from a key that is not there.
#[expect(clippy::option_option, reason = "the outer one tells a key that is left out from null")]
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The queue with what governs it.
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    _operator: Operator,
    queue: AskedQueue,
) -> Result<Response, Problem> {
    let stats = gateway.engine.stats(&queue.name).await?;
    Ok(view(&queue, &stats, None))
}

/// Changes rate, cap, the times of opening and closing, or the message.
pub(super) async fn patch(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    queue: AskedQueue,
    Json(patch): Json<Patch>,
) -> Result<Response, Problem> {
    if patch.rate_per_second.flatten().is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
        return Err(invalid("rate_per_second must be a number from 0 on"));
    }
    if patch.message.iter().flatten().any(|message| message.chars().count() > MAX_MESSAGE_CHARACTERS) {
        return Err(invalid("message must have at most 500 characters"));
    }
    let change = ControlChange {
        rate_per_second: patch.rate_per_second,
        cap: patch.active_cap,
        opens_at: patch.opens_at.map(|at| at.map(in_microseconds)),
        closes_at: patch.closes_at.map(|at| at.map(Closing::from)),
        message: patch.message,
        ..ControlChange::default()
    };
    if change.opens_at.is_some() || change.closes_at.is_some() {
        let control = gateway.engine.stats(&queue.name).await?.control;
        if !control.opens_before_it_closes(&change) {
            return Err(invalid("the queue would close before it opens"));
        }
    }
    apply(&gateway, operator, &queue, change).await
}

/// Opens the queue now, ahead of its time or again.
pub(super) async fn open(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    queue: AskedQueue,
    NoContent: NoContent,
) -> Result<Response, Problem> {
    order(&gateway, operator, &queue, Control::to_open).await
}

/// Stops joins; those in the line are let in.
pub(super) async fn drain(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    queue: AskedQueue,
    NoContent: NoContent,
) -> Result<Response, Problem> {
    order(&gateway, operator, &queue, Control::to_drain).await
}

/// Stops joins and admission; places are kept.
pub(super) async fn close(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    queue: AskedQueue,
    NoContent: NoContent,
) -> Result<Response, Problem> {
    order(&gateway, operator, &queue, Control::to_close).await
}

/// Stops admission; the line stays.
pub(super) async fn pause(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    queue: AskedQueue,
    NoContent: NoContent,
) -> Result<Response, Problem> {
    apply(&gateway, operator, &queue, ControlChange { paused: Some(true), ..ControlChange::default() }).await
}

/// Lets admission go on.
pub(super) async fn resume(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    queue: AskedQueue,
    NoContent: NoContent,
) -> Result<Response, Problem> {
    apply(&gateway, operator, &queue, ControlChange { paused: Some(false), ..ControlChange::default() }).await
}

/// Stops admission in all queues by one call.
pub(super) async fn freeze(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    NoContent: NoContent,
) -> Result<StatusCode, Problem> {
    pause_all(&gateway, &operator, true).await
}

/// Lets admission go on in all queues, also in those that were paused one by one.
pub(super) async fn unfreeze(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    NoContent: NoContent,
) -> Result<StatusCode, Problem> {
    pause_all(&gateway, &operator, false).await
}

async fn pause_all(gateway: &Gateway, operator: &Operator, paused: bool) -> Result<StatusCode, Problem> {
    let mut failure = None;
    for queue in gateway.queues.values() {
        let change = ControlChange { paused: Some(paused), ..ControlChange::default() };
        // One that cannot be reached must not leave the others open.
        failure = gateway.engine.control(&queue.name, change, &operator.name).await.err().or(failure);
    }
    let at = gateway.clock.now();
    let complete = failure.is_none();
    tracing::info!(operator.name = operator.name, paused, complete, %at, "an operator paused or resumed all queues");
    failure.map_or(Ok(StatusCode::NO_CONTENT), |error| Err(error.into()))
}

/// Ends an active token's slot, and the token opens nothing any more. One that the site has claimed is revoked there: it goes
/// by its own records, and tells us.
pub(super) async fn revoke(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    Path(id): Path<ActiveTokenId>,
    NoContent: NoContent,
) -> Result<StatusCode, Problem> {
    for queue in gateway.queues.values() {
        match gateway.engine.revoke(&queue.name, id).await? {
            Revocation::Ended => {
                let (queue, at) = (&queue.name, gateway.clock.now());
                tracing::info!(%queue, operator.name = operator.name, token = %id, %at, "an operator revoked a token");
                return Ok(StatusCode::NO_CONTENT);
            }
            Revocation::Claimed => return Err(error::slot_claimed()),
            Revocation::NotLive => {}
        }
    }
    Err(error::token_not_found())
}

/// Makes the change that an order calls for at this moment of the store's clock.
async fn order(
    gateway: &Gateway,
    operator: Operator,
    queue: &Queue,
    change: impl FnOnce(&Control, Timestamp) -> ControlChange,
) -> Result<Response, Problem> {
    let stats = gateway.engine.stats(&queue.name).await?;
    apply(gateway, operator, queue, change(&stats.control, stats.now)).await
}

async fn apply(
    gateway: &Gateway,
    operator: Operator,
    queue: &Queue,
    change: ControlChange,
) -> Result<Response, Problem> {
    let name = &queue.name;
    let described = described(&change);
    let control = gateway.engine.control(name, change, &operator.name).await?;
    let at = gateway.clock.now();
    tracing::info!(
        queue = %name, operator.name = operator.name, change = described, control.revision, %at,
        "an operator changed a queue"
    );
    let stats = Stats { control, ..gateway.engine.stats(name).await? };
    Ok(view(queue, &stats, Some(Changed { by: operator.name, at })))
}

/// What an operator ordered, for the log.
fn described(change: &ControlChange) -> String {
    fn part<T: std::fmt::Debug>(name: &str, value: Option<&Option<T>>) -> Option<String> {
        value.map(|value| match value {
            Some(value) => format!("{name} {value:?}"),
            None => format!("{name} as in the settings"),
        })
    }
    let drains = change.drains_at.map(|at| at.map_or_else(|| "take joins".to_owned(), |at| format!("drain from {at}")));
    let closes_at = change.closes_at.map(|closing| {
        closing.map(|closing| match closing {
            Closing::At(at) => at.to_string(),
            Closing::Never => "never".to_owned(),
        })
    });
    let paused = change.paused.map(|paused| if paused { "pause" } else { "resume" }.to_owned());
    let parts = [
        paused,
        part("rate_per_second", change.rate_per_second.as_ref()),
        part("active_cap", change.cap.as_ref()),
        part("opens_at", change.opens_at.as_ref()),
        part("closes_at", closes_at.as_ref()),
        drains,
        part("message", change.message.as_ref()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn view(queue: &Queue, stats: &Stats, changed: Option<Changed>) -> Response {
    let census = queue.follower.mirror.census();
    let (control, baseline) = (&stats.control, &stats.control.baseline);
    let view = QueueView {
        queue: &queue.name,
        state: stats.state(),
        waiting: census.waiting,
        present: census.present,
        parked: census.parked,
        ready: stats.ready,
        active: stats.active,
        unclaimed: stats.unclaimed,
        networks_held_back: stats.held_back,
        held_back: queue.follower.presence.lock().held_back().map(|network| network.0).collect(),
        admitted_total: stats.totals.admitted,
        arrived_total: stats.totals.arrived,
        no_shows_total: stats.totals.no_shows,
        not_claimed_total: stats.totals.not_claimed,
        in_force: in_force(control.limits(), control.opens_at(), control.closes_at()),
        settings: in_force(baseline.limits, baseline.schedule.opens_at, baseline.schedule.closes_at),
        overrides: OverridesView {
            rate_per_second: control.rate_override,
            active_cap: control.cap_override,
            opens_at: control.opens_at_override,
            closes_at: control.closes_at_override.map(ClosingView::from),
        },
        drains_at: control.drains_at,
        message: control.message.as_deref(),
        revision: control.revision,
        changed,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response()
}

fn in_force(limits: AdmissionLimits, opens_at: Option<Timestamp>, closes_at: Option<Timestamp>) -> InForceView {
    InForceView { rate_per_second: limits.rate_per_second, active_cap: limits.cap, opens_at, closes_at }
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

/// Stores keep no more.
fn in_microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn invalid(detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_control", "This change is not possible").detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_what_was_ordered() {
        let change = ControlChange {
            rate_per_second: Some(Some(2.5)),
            cap: Some(None),
            closes_at: Some(Some(Closing::Never)),
            drains_at: Some(None),
            message: Some(Some("a \"b\"\n".to_owned())),
            paused: Some(true),
            ..ControlChange::default()
        };
        let text = r#"pause, rate_per_second 2.5, active_cap as in the settings, closes_at "never", take joins, message "a \"b\"\n""#;
        assert_eq!(described(&change), text);
        assert_eq!(described(&ControlChange::default()), "");
    }

    #[test]
    fn null_is_told_from_a_key_that_is_not_there() {
        let patch: Patch = serde_json::from_str(r#"{"rate_per_second": null, "active_cap": 7}"#).unwrap();
        assert_eq!(patch.rate_per_second, Some(None));
        assert_eq!(patch.active_cap, Some(Some(7)));
        assert_eq!(patch.message, None);
        assert!(serde_json::from_str::<Patch>(r#"{"paused": true}"#).is_err());
    }
}
