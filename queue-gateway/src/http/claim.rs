//! `POST /v1/active-tokens/{id}/arrive`, `/claim` and `/release`: a service says that a visitor is there, binds the
//! slot to the member who uses it, and ends it.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::{
    calls::{ArriveReply, ArriveRequest, ClaimReply, ClaimRequest, ReleaseRequest},
    ids::ActiveTokenId,
    tokens::{ActiveClaims, TokenError},
};
use service::problem::{Json, Path, Problem};

use super::{
    Gateway, error,
    request::{OrEmpty, Service},
    slot_search,
};
use crate::{
    line::{Claim, Epoch, Readmission},
    waiting_room::{Deadlines, Queue},
};

/// Binds the slot to its first holder. Repeating with the same holder is harmless.
///
/// With the signed token in the body its queue is known, and a slot that the store has lost is restored. Without it
/// each configured queue is asked.
pub(super) async fn claim(
    State(gateway): State<Arc<Gateway>>,
    _service: Service,
    Path(id): Path<ActiveTokenId>,
    Json(request): Json<ClaimRequest>,
) -> Result<Response, Problem> {
    let claim = if let Some(token) = &request.active_token {
        let (queue, claims) = signed(&gateway, id, token)?;
        if claims.member.is_some_and(|member| member != request.holder) {
            return Err(error::token_held_by_another());
        }
        let readmission =
            Readmission { epoch: Epoch(claims.epoch), visitor: claims.visitor, expires_at: claims.expires_at };
        gateway.room.claim(queue, id, request.holder, Some(readmission)).await?
    } else {
        let ask = async |queue: &Queue| {
            let claim = gateway.room.claim(queue, id, request.holder, None).await?;
            Ok((claim != Claim::Gone).then_some(claim))
        };
        // Only the signed token says whose place it is in a queue of members.
        let queues = gateway.queues.values().filter(|queue| queue.members.is_none());
        slot_search::find(queues.map(|queue| ask(queue)).collect()).await?.unwrap_or(Claim::Gone)
    };
    match claim {
        Claim::Bound { expires_at } => {
            Ok(([(header::CACHE_CONTROL, "no-store")], Json(ClaimReply { expires_at })).into_response())
        }
        Claim::HeldByAnother => Err(error::token_held_by_another()),
        // Only a signed token proves that there ever was such a slot.
        Claim::Gone if request.active_token.is_some() => Err(error::token_gone()),
        Claim::Gone => Err(error::token_not_found()),
    }
}

/// Records that the visitor of a signed token is at the site, or is still there.
pub(super) async fn arrive(
    State(gateway): State<Arc<Gateway>>,
    _service: Service,
    Path(id): Path<ActiveTokenId>,
    Json(request): Json<ArriveRequest>,
) -> Result<Response, Problem> {
    let (queue, claims) = signed(&gateway, id, &request.active_token)?;
    // Tokens of before a lost store are told by the line's present epoch.
    queue.follower.interest.ask().await;
    let Deadlines { claim_before, expires_at } =
        gateway.room.arrive(queue, &claims).await?.ok_or_else(error::token_gone)?;
    let reply = ArriveReply { claim_before, expires_at };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(reply)).into_response())
}

/// Ends the slot. Answers 204 also when it has ended before: whoever delivers at least once may repeat it.
///
/// With the queue in the body that one is asked, and no other one's outage counts. Without it each is.
pub(super) async fn release(
    State(gateway): State<Arc<Gateway>>,
    _service: Service,
    Path(id): Path<ActiveTokenId>,
    OrEmpty(ReleaseRequest { queue }): OrEmpty<ReleaseRequest>,
) -> Result<StatusCode, Problem> {
    let ask = async |queue: &Queue| Ok(gateway.room.release(queue, id).await?.then_some(()));
    let queues = slot_search::queues(&gateway, queue.as_ref())?;
    slot_search::find(queues.into_iter().map(|queue| ask(queue)).collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The claims of the token in the body, which must be the one that the address names, and its queue.
fn signed<'g>(gateway: &'g Gateway, id: ActiveTokenId, token: &str) -> Result<(&'g Queue, ActiveClaims), Problem> {
    match gateway.verifier.verify(token, gateway.clock.now()) {
        Ok(claims) if claims.id != id => Err(error::token_not_found().detail("the signed token has another id")),
        Ok(claims) => {
            let queue = gateway.queues.get(claims.queue.as_str()).ok_or_else(error::token_not_found)?;
            Ok((queue, claims))
        }
        Err(TokenError::Expired) => Err(error::token_gone()),
        Err(error) => Err(error::token_not_found().detail(error.to_string())),
    }
}
