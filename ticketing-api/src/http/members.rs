//! `/v1/members`: signing up, and one's own profile.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use service::{
    problem::{Json, Problem},
    rate_limit::Within,
};

use super::{Api, admitted::MayShow, bearer::LoggedIn, error, rate_limits::SignUpCall};
use crate::booking::member::{Member, Role, SignUp, SignUpOutcome};

/// Adds a member with an empty wallet. Whoever signs up in their turn is at work: the gateway is told, and if it cannot
/// be, the member is there all the same.
pub(super) async fn sign_up(
    State(api): State<Arc<Api>>,
    _within: Within<SignUpCall>,
    MayShow(active_token): MayShow,
    Json(sign_up): Json<SignUp>,
) -> Result<(StatusCode, Json<Member>), Problem> {
    let accepted = sign_up.accept().map_err(|broken| error::sign_up_refused(&broken))?;
    match api.accounts.sign_up(accepted, Role::Member).await? {
        SignUpOutcome::Created(member) => {
            if let Some(token) = active_token {
                api.access.report_arrival(&token).await;
            }
            Ok((StatusCode::CREATED, Json(member)))
        }
        SignUpOutcome::EmailTaken => Err(error::email_taken()),
        SignUpOutcome::NicknameTaken => Err(error::nickname_taken()),
    }
}

/// The member who asks.
pub(super) async fn me(State(api): State<Arc<Api>>, LoggedIn(member): LoggedIn) -> Result<Json<Member>, Problem> {
    api.store.member(member).await?.map(Json).ok_or_else(error::member_not_found)
}
