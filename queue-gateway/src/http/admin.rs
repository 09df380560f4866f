//! `/v1/admin/queues/{queue}`: what operators see and change. Every change is logged with who, what and when.

mod view;

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use contract::ids::{ActiveTokenId, QueueName};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use service::problem::{Json, Path, Problem};

use self::view::{Changed, ClosingView, view};
use super::{
    Gateway, error,
    request::{AskedQueue, NoContent, Operator, OrEmpty},
    slot_search::{self, ASKED_AT_ONCE},
};
use crate::line::{Closing, Control, ControlChange, MOST_CHARACTERS, Opening, Revocation, Sequence, Stats};
use crate::waiting_room::Queue;

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
    opening: Option<Option<Opening>>,
    #[serde(deserialize_with = "given")]
    closes_at: Option<Option<ClosingView>>,
    /// Of the draw, once it is known.
    beacon: Option<String>,
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

/// Changes rate, cap, when and how the queue opens and closes, or the message; or says the beacon of a draw.
pub(super) async fn patch(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    queue: AskedQueue,
    Json(patch): Json<Patch>,
) -> Result<Response, Problem> {
    if patch.rate_per_second.flatten().is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
        return Err(invalid("rate_per_second must be a number from 0 on"));
    }
    if patch.message.iter().flatten().any(|message| message.chars().count() > MOST_CHARACTERS) {
        return Err(invalid("message must have at most 500 characters"));
    }
    let change = ControlChange {
        rate_per_second: patch.rate_per_second,
        cap: patch.active_cap,
        opens_at: patch.opens_at.map(|at| at.map(in_microseconds)),
        opening: patch.opening,
        beacon: patch.beacon,
        closes_at: patch.closes_at.map(|at| at.map(Closing::from)),
        message: patch.message,
        ..ControlChange::default()
    };
    let moves_times = change.opens_at.is_some() || change.closes_at.is_some();
    if moves_times || change.opening.is_some() || change.beacon.is_some() {
        refuse_without_effect(&gateway.engine.stats(&queue.name).await?, &change)?;
    }
    apply(&gateway, operator, &queue, change).await
}

/// Orders that come too late or too early, or contradict one another. The store would go by others, or by none.
fn refuse_without_effect(stats: &Stats, change: &ControlChange) -> Result<(), Problem> {
    let control = &stats.control;
    if !control.opens_before_it_closes(change) {
        return Err(invalid("the queue would close before it opens"));
    }
    if change.opening.is_some() && stats.last_seq > Sequence(0) {
        return Err(error::draw_refused("how the queue opens is settled by the first who joins"));
    }
    let Some(beacon) = &change.beacon else { return Ok(()) };
    if !(1..=MOST_CHARACTERS).contains(&beacon.chars().count()) {
        return Err(invalid("beacon must have 1 to 500 characters"));
    }
    if beacon.trim() != beacon {
        return Err(invalid("beacon must not begin or end with white space: it decides as it stands here"));
    }
    if control.beacon_source().is_none() {
        return Err(error::draw_refused("no beacon_source was named beforehand"));
    }
    if control.draw.numbers.is_none() {
        return Err(error::draw_refused("the beacon is a value from after the opening"));
    }
    if control.draw.beacon.as_ref().is_some_and(|known| known != beacon) {
        return Err(error::draw_refused("the beacon is known already"));
    }
    Ok(())
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
    let change = ControlChange { paused: Some(paused), ..ControlChange::default() };
    // One that cannot be reached must not leave the others open, nor keep them waiting.
    let order = async |queue: &Arc<Queue>| gateway.engine.control(&queue.name, change.clone(), &operator.name).await;
    let orders: Vec<_> = gateway.queues.values().map(order).collect();
    let orders: Vec<_> = stream::iter(orders).buffer_unordered(ASKED_AT_ONCE).collect().await;
    let failure = orders.into_iter().find_map(Result::err);
    let at = gateway.clock.now();
    let complete = failure.is_none();
    tracing::info!(operator.name = operator.name, paused, complete, %at, "an operator paused or resumed all queues");
    failure.map_or(Ok(StatusCode::NO_CONTENT), |error| Err(error.into()))
}

/// Body of a revocation, which may be empty. With the queue no other one is asked, nor its outage met.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RevokeRequest {
    queue: Option<QueueName>,
}

/// Ends an active token's slot, and the token opens nothing any more. One that the site has claimed is revoked there:
/// it goes by its own records, and tells us.
pub(super) async fn revoke(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    Path(id): Path<ActiveTokenId>,
    OrEmpty(RevokeRequest { queue }): OrEmpty<RevokeRequest>,
) -> Result<StatusCode, Problem> {
    let ask = async |queue: &Arc<Queue>| {
        let revocation = gateway.room.revoke(queue, id).await?;
        Ok((revocation != Revocation::NotLive).then(|| (queue.clone(), revocation)))
    };
    let queues = slot_search::queues(&gateway, queue.as_ref())?;
    match slot_search::find(queues.into_iter().map(ask).collect()).await? {
        Some((queue, Revocation::Ended)) => {
            let (queue, at) = (&queue.name, gateway.clock.now());
            tracing::info!(%queue, operator.name = operator.name, token = %id, %at, "an operator revoked a token");
            Ok(StatusCode::NO_CONTENT)
        }
        Some((_, Revocation::Claimed)) => Err(error::slot_claimed()),
        Some((_, Revocation::NotLive)) | None => Err(error::token_not_found()),
    }
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
        part("opening", change.opening.map(|opening| opening.map(Opening::name)).as_ref()),
        change.beacon.as_ref().map(|beacon| format!("beacon {beacon:?}")),
        part("closes_at", closes_at.as_ref()),
        drains,
        part("message", change.message.as_ref()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
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
        assert_eq!(
            described(&change),
            r#"pause, rate_per_second 2.5, active_cap as in the settings, closes_at "never", take joins, "#.to_owned()
                + r#"message "a \"b\"\n""#
        );
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
