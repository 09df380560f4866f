//! `GET /v1/admin/queues/{queue}/changes`: who changed what about a queue, when, from what to what.

use std::sync::Arc;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use contract::ids::QueueName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::problem::{Json, Problem, Query};

use super::{
    Gateway,
    request::{AskedQueue, Operator},
};
use crate::{
    engine::MOST_CHANGES,
    line::{Change, Lever, NEVER},
};

/// What an operator reads on one screen.
const SHOWN: usize = 100;

/// How many to show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Record<'a> {
    queue: &'a QueueName,
    /// The newest first.
    changes: Vec<ChangeView<'a>>,
}

#[derive(Serialize)]
struct ChangeView<'a> {
    /// Of the queue from then on; changes that were ordered together share it.
    revision: u64,
    at: Timestamp,
    by: &'a str,
    what: &'static str,
    /// Null for an override that was not there.
    from: Value,
    to: Value,
}

/// The latest changes, at most `limit` of the thousand that are kept.
pub(super) async fn changes(
    State(gateway): State<Arc<Gateway>>,
    _operator: Operator,
    Query(shown): Query<Shown>,
    queue: AskedQueue,
) -> Result<Response, Problem> {
    let limit = shown.limit.unwrap_or(SHOWN).clamp(1, MOST_CHANGES);
    let changes = gateway.engine.changes(&queue.name, limit).await?;
    let record = Record { queue: &queue.name, changes: changes.iter().map(view).collect() };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(record)).into_response())
}

fn view(change: &Change) -> ChangeView<'_> {
    let value = |text: &Option<String>| text.as_deref().map_or(Value::Null, |text| value(change.lever, text));
    let Change { revision, at, by, lever, from, to } = change;
    ChangeView { revision: *revision, at: *at, by, what: lever.name(), from: value(from), to: value(to) }
}

/// A text that a store keeps, as JSON has it; what cannot be read is shown as it is.
fn value(lever: Lever, text: &str) -> Value {
    let number = |value: Option<serde_json::Number>| value.map(Value::Number);
    let read = match lever {
        Lever::Message
        | Lever::BaselineMessage
        | Lever::Opening
        | Lever::Beacon
        | Lever::BaselineOpening
        | Lever::BeaconSource => None,
        Lever::InvitedShare => {
            number(text.parse::<f64>().ok().and_then(|share| serde_json::Number::from_f64(share / 1e3)))
        }
        Lever::Paused => Some(Value::Bool(text == "1")),
        Lever::Rate | Lever::BaselineRate => number(text.parse().ok().and_then(serde_json::Number::from_f64)),
        Lever::Cap | Lever::BaselineCap | Lever::MaxPlaces => number(text.parse::<u64>().ok().map(Into::into)),
        Lever::OpensAt | Lever::ClosesAt | Lever::DrainsAt | Lever::BaselineOpensAt | Lever::BaselineClosesAt => {
            text.parse().ok().and_then(instant)
        }
        Lever::Arrive
        | Lever::Claim
        | Lever::ClaimAtMost
        | Lever::Active
        | Lever::Grace
        | Lever::ComeBack
        | Lever::PreQueue
        | Lever::Presale => {
            number(text.parse::<f64>().ok().and_then(|micros| serde_json::Number::from_f64(micros / 1e6)))
        }
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn instant(micros: i64) -> Option<Value> {
    if micros == NEVER {
        return Some(Value::String("never".to_owned()));
    }
    Timestamp::from_microsecond(micros).ok().map(|at| Value::String(at.to_string()))
}
