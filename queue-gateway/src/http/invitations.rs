//! `POST /v1/admin/queues/{queue}/invitations`: signs invitations to the priority lane. The store learns of each when
//! it is used.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::ids::{QueueName, uuid_at};
use jiff::{SignedDuration, Timestamp, Unit};
use serde::{Deserialize, Serialize};
use service::problem::{Json, Problem};
use uuid::Uuid;

use super::{
    Gateway, error,
    request::{AskedQueue, Operator},
};
use crate::invitation::InvitationClaims;

/// Invitations that one call signs at most.
const MOST: u16 = 1_000;
/// A store remembers a used one until it expires.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Body of the call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// How many to sign, 1 to 1,000.
    count: u16,
    /// From then on they give no place.
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct Signed<'a> {
    queue: &'a QueueName,
    expires_at: Timestamp,
    invitations: Vec<InvitationView>,
}

#[derive(Serialize)]
struct InvitationView {
    id: Uuid,
    /// What a join carries.
    invitation: String,
    /// What a person opens. The invitation is behind the `#`, which browsers send to nobody.
    link: String,
}

/// Signs so many invitations, each for one visitor.
pub(super) async fn sign(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator,
    queue: AskedQueue,
    Json(order): Json<Order>,
) -> Result<Response, Problem> {
    if queue.stats()?.control.baseline.invitations.is_none() {
        return Err(error::invitation_not_taken());
    }
    let now = gateway.clock.now();
    if !(1..=MOST).contains(&order.count) {
        return Err(invalid("count must be from 1 to 1000"));
    }
    // Tokens carry whole seconds.
    let expires_at = order.expires_at.round(Unit::Second).unwrap_or(order.expires_at);
    if expires_at <= now || expires_at.duration_since(now) > LONGEST {
        return Err(invalid("expires_at must be in the future, at most 366 days from now"));
    }
    let page = queue.waiting_room.to_str().unwrap_or_default();
    let invitation = |_| {
        let id = uuid_at(now);
        let claims = InvitationClaims { queue: queue.name.clone(), id, expires_at };
        let invitation = gateway.invitations.mint(&claims);
        InvitationView { id, link: format!("{page}#invitation={invitation}"), invitation }
    };
    let invitations: Vec<_> = (0..order.count).map(invitation).collect();
    tracing::info!(
        queue = %queue.name, operator.name = operator.name, invitations.count = order.count, invitations.expires_at = %expires_at,
        "an operator had invitations signed"
    );
    let signed = Signed { queue: &queue.name, expires_at, invitations };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(signed)).into_response())
}

fn invalid(detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_invitations", "These invitations cannot be signed")
        .detail(detail)
}
