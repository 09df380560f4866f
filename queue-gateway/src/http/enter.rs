//! `GET /v1/queues/{queue}/enter`: records that an admitted visitor goes to the site, and sends them there. It works
//! without scripts; whoever is not admitted is sent to the waiting room. A script that asks whether the way leads on is
//! told by a problem when it does not.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use service::{
    problem::Problem,
    rate_limit::{CallLimiter, LimitedCall, Within},
};

use super::{
    Gateway, error,
    rate_limits::RateLimits,
    request::{AskedQueue, HeldPlace, OwnPage},
};
use crate::waiting_room::Entrance;

/// Limited with the polls, of which each may ask the store as well.
#[derive(Debug)]
pub(super) struct Enter;

impl LimitedCall<RateLimits> for Enter {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.poll
    }
}

/// Who asks to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A browser that goes there, or a program.
    Navigation,
    /// A script of a page.
    Script,
}

impl<S: Sync> FromRequestParts<S> for By {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mode = parts.headers.get("sec-fetch-mode");
        Ok(if mode.is_some_and(|mode| mode != "navigate") { Self::Script } else { Self::Navigation })
    }
}

/// Answers 303. The active token travels in the fragment, which no server or log sees.
pub(super) async fn enter(
    State(gateway): State<Arc<Gateway>>,
    _limit: Within<Enter>,
    own: Result<OwnPage, Problem>,
    queue: AskedQueue,
    held: Option<HeldPlace>,
    by: By,
) -> Result<Response, Problem> {
    // Another site's page that leads here must not make somebody arrive who is not at the screen.
    let held = held.filter(|_| own.is_ok());
    let Some(HeldPlace(held)) = held else { return Ok(redirect(queue.waiting_room.clone())) };
    let (epoch, admission) = match gateway.room.enter(&queue, held).await {
        Ok(Entrance::Open { epoch, admission }) => (epoch, admission),
        // Scripts cannot see where a redirection leads.
        Ok(Entrance::Closed) if by == By::Script => return Err(error::not_admitted()),
        Err(refusal) if by == By::Script => return Err(refusal.into()),
        // A person is on the way: the page explains, and tries again.
        Ok(Entrance::Closed) | Err(_) => return Ok(redirect(queue.waiting_room.clone())),
    };
    let document = gateway.documents.admitted(&queue.name, epoch, held.holder, &admission);
    let token = document.active_token.as_deref().unwrap_or_default();
    let site = document.redirect_to.split('#').next().unwrap_or_default();
    let address = HeaderValue::try_from(format!("{site}#active_token={token}")).map_err(|_| Problem::internal())?;
    Ok(redirect(address))
}

fn redirect(address: HeaderValue) -> Response {
    let headers = [
        (header::LOCATION, address),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}
