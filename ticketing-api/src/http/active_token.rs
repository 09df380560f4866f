//! Who has been admitted: the extractors that stand before hold, reserve and pay.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use service::problem::Problem;

use super::{Api, bearer::LoggedIn, error};
use crate::access::Admitted;

/// Carries the active token.
const HEADER: &str = "active-token";

/// A logged-in member with a live active token of their own.
#[derive(Clone, Debug)]
pub(super) struct Passed(pub(super) Admitted);

/// As [`Passed`], or with a token that was consumed by a payment, perhaps this one: see [`crate::access::Access::admit_to_pay`].
#[derive(Clone, Debug)]
pub(super) struct PassedToPay(pub(super) Admitted);

impl FromRequestParts<Arc<Api>> for Passed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let LoggedIn(member) = LoggedIn::from_request_parts(parts, api).await?;
        Ok(Self(api.access.admit(token(parts)?, member).await?))
    }
}

impl FromRequestParts<Arc<Api>> for PassedToPay {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let LoggedIn(member) = LoggedIn::from_request_parts(parts, api).await?;
        Ok(Self(api.access.admit_to_pay(token(parts)?, member).await?))
    }
}

fn token(parts: &Parts) -> Result<&str, Problem> {
    let value = parts.headers.get(HEADER).ok_or_else(error::active_token_required)?;
    // Bytes that are no text are a token that fails like any other garbage.
    Ok(value.to_str().unwrap_or_default().trim())
}
