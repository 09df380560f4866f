//! Who has been admitted: the extractors of active tokens, and those that stand before hold, reserve and pay.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use service::problem::Problem;

use super::{Api, bearer::LoggedIn, error};
use crate::access::Admitted;

/// Carries the active token.
const HEADER: &str = "active-token";

/// An active token that was sent along, if one was. Nothing is known of it yet.
#[derive(Clone, Debug)]
pub(super) struct MayShow(pub(super) Option<String>);

/// An active token that had to be sent along. Nothing is known of it yet.
#[derive(Clone, Debug)]
pub(super) struct Shown(pub(super) String);

/// A logged-in member with a live active token of their own.
#[derive(Clone, Debug)]
pub(super) struct Passed(pub(super) Admitted);

/// As [`Passed`], or with a token that was consumed by a payment, perhaps this one: see
/// [`crate::access::Access::admit_to_pay`].
#[derive(Clone, Debug)]
pub(super) struct PassedToPay(pub(super) Admitted);

impl FromRequestParts<Arc<Api>> for MayShow {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        Ok(Self(token(&parts.headers).map(str::to_owned)))
    }
}

impl FromRequestParts<Arc<Api>> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        Ok(Self(required(&parts.headers)?.to_owned()))
    }
}

impl FromRequestParts<Arc<Api>> for Passed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let LoggedIn(member) = LoggedIn::from_request_parts(parts, api).await?;
        Ok(Self(api.access.admit(required(&parts.headers)?, member).await?))
    }
}

impl FromRequestParts<Arc<Api>> for PassedToPay {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let LoggedIn(member) = LoggedIn::from_request_parts(parts, api).await?;
        Ok(Self(api.access.admit_to_pay(required(&parts.headers)?, member).await?))
    }
}

fn required(headers: &HeaderMap) -> Result<&str, Problem> {
    token(headers).ok_or_else(error::active_token_required)
}

/// Bytes that are no text are a token that fails like any other garbage.
fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get(HEADER).map(|value| value.to_str().unwrap_or_default().trim())
}
