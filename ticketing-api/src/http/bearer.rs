//! Who is logged in.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use contract::ids::MemberId;
use service::problem::Problem;

use super::{Api, error};
use crate::{booking::member::Role, sessions::Session};

/// A member who is logged in.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoggedIn(pub(super) MemberId);

/// A member who is logged in, or nobody. A session that is sent must be good all the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct MayBeLoggedIn(pub(super) Option<MemberId>);

/// A logged-in member who is an administrator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admin(pub(super) MemberId);

impl FromRequestParts<Arc<Api>> for LoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        session(&parts.headers, api).map(|session| Self(session.member))
    }
}

impl FromRequestParts<Arc<Api>> for MayBeLoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self(None));
        }
        session(&parts.headers, api).map(|session| Self(Some(session.member)))
    }
}

impl FromRequestParts<Arc<Api>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        match session(&parts.headers, api)? {
            Session { role: Role::Admin, member, .. } => Ok(Self(member)),
            Session { role: Role::Member, .. } => Err(error::admin_required()),
        }
    }
}

fn session(headers: &HeaderMap, api: &Api) -> Result<Session, Problem> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(error::session_required)?;
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(error::session_required)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(error::session_required());
    }
    Ok(api.sessions.verify(token.trim(), api.clock.now())?)
}
