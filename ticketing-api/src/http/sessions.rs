//! `/v1/sessions`: logging in.

use std::{fmt, sync::Arc};

use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{
    problem::{Json, Problem},
    rate_limit::Within,
};

use super::{Api, admitted::MayShow, error, rate_limits::LogInCall};
use crate::booking::member::Member;

/// Longer texts are nobody's password; hashing them would only cost.
const LONGEST_PASSWORD: usize = 100;

/// What somebody logs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIn {
    email: String,
    password: String,
}

impl fmt::Debug for LogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogIn").finish_non_exhaustive()
    }
}

/// The session that began.
#[derive(Serialize)]
pub(super) struct SessionDocument {
    access_token: String,
    token_type: &'static str,
    expires_at: Timestamp,
    member: Member,
}

/// Begins a session. Whoever logs in during their turn makes it their own: nobody else can use it, and it does not pass
/// while they choose. A turn that is lost or another's is said where it is used, not here.
pub(super) async fn log_in(
    State(api): State<Arc<Api>>,
    _within: Within<LogInCall>,
    MayShow(active_token): MayShow,
    Json(LogIn { email, password }): Json<LogIn>,
) -> Result<(StatusCode, Json<SessionDocument>), Problem> {
    if password.len() > LONGEST_PASSWORD {
        return Err(error::invalid_credentials());
    }
    let password = SecretString::from(password);
    let member = api.accounts.log_in(&email, password).await?.ok_or_else(error::invalid_credentials)?;
    if let Some(token) = active_token {
        api.access.claim_at_log_in(&token, member.id).await;
    }
    let session = api.sessions.begin(member.id, member.role, api.clock.now());
    let document = SessionDocument {
        access_token: api.sessions.mint(&session),
        token_type: "Bearer",
        expires_at: session.expires_at,
        member,
    };
    Ok((StatusCode::CREATED, Json(document)))
}
