//! `/v1/active-token`: the turn that is shown in the `Active-Token` header. Its visitor is here, or gives it back; an
//! administrator may end anybody's.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use contract::ids::ActiveTokenId;
use jiff::Timestamp;
use serde::Serialize;
use service::{
    problem::{Json, Path, Problem},
    rate_limit::Within,
};

use super::{
    Api,
    admitted::Shown,
    bearer::{Admin, MayBeLoggedIn},
    error,
    rate_limits::ArrivalCall,
};

/// How long the turn lasts.
#[derive(Serialize)]
pub(super) struct TurnDocument {
    claim_before: Timestamp,
    expires_at: Timestamp,
}

/// The visitor has come to the shop, or is still here: the gateway keeps the turn for them. Nobody need be logged in.
pub(super) async fn arrive(
    State(api): State<Arc<Api>>,
    _within: Within<ArrivalCall>,
    Shown(token): Shown,
) -> Result<Json<TurnDocument>, Problem> {
    let arrival = api.access.arrive(&token).await?;
    Ok(Json(TurnDocument { claim_before: arrival.claim_before, expires_at: arrival.expires_at }))
}

/// Gives the turn back, with all that is held or reserved with it. Giving it back twice is the same as once.
pub(super) async fn leave(
    State(api): State<Arc<Api>>,
    MayBeLoggedIn(member): MayBeLoggedIn,
    Shown(token): Shown,
) -> Result<StatusCode, Problem> {
    let leaving = api.access.leave(&token, member).await?;
    error::left(api.sales.leave(&leaving).await?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a member's turn, as if they had given it back themselves. One that no member has claimed is revoked at the
/// gateway.
pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    Admin(admin): Admin,
    Path(id): Path<ActiveTokenId>,
) -> Result<StatusCode, Problem> {
    let revoked = api.access.revoke(id).await?.ok_or_else(error::active_token_not_claimed)?;
    if let Ok(leaving) = revoked {
        error::left(api.sales.leave(&leaving).await?)?;
        tracing::info!(member.id = %admin, token = %id, "an administrator revoked an active token");
    }
    Ok(StatusCode::NO_CONTENT)
}
