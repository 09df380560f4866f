//! `GET /v1/verify`: forward authentication, for sites that let their proxy ask (nginx `auth_request`, Traefik
//! `ForwardAuth`, Envoy `ext_authz`).
//!
//! `?queue=<name>` says which queue guards the site; it may be left out where the gateway has only one.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::{ids::QueueName, tokens::ActiveClaims};
use serde::Deserialize;
use service::problem::{Problem, Query};

use service::rate_limit::{CallLimiter, LimitedCall, Within};

use super::{Gateway, cookie, error, rate_limits::RateLimits};
use crate::waiting_room::Queue;

/// Tokens of one request that are looked at: each costs a verification.
const MOST_TOKENS: usize = 4;
const X_QUEUE: HeaderName = HeaderName::from_static("x-queue");
const X_VISITOR: HeaderName = HeaderName::from_static("x-visitor");
const X_MEMBER: HeaderName = HeaderName::from_static("x-member");
const X_WAITING_ROOM: HeaderName = HeaderName::from_static("x-waiting-room");
const ACTIVE_TOKEN: HeaderName = HeaderName::from_static("active-token");

/// Which queue guards the site.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guarded {
    queue: Option<QueueName>,
}

/// Verifications are limited per address of the visitor.
#[derive(Debug)]
pub(super) struct Verify;

impl LimitedCall<RateLimits> for Verify {
    fn limiter(limits: &RateLimits) -> &CallLimiter {
        &limits.verify
    }
}

/// Answers 200 and says who it is, or 401 and says where to wait.
pub(super) async fn verify(
    State(gateway): State<Arc<Gateway>>,
    _limit: Within<Verify>,
    Query(guarded): Query<Guarded>,
    request: Request,
) -> Result<Response, Problem> {
    let queue = match &guarded.queue {
        Some(name) => gateway.queues.get(name.as_str()),
        None => gateway.queues.values().next().filter(|_| gateway.queues.len() == 1),
    };
    let queue = queue.ok_or_else(error::queue_not_found)?;
    queue.follower.interest.ask().await;
    match admitted(&gateway, queue, request.headers()).await? {
        Ok(claims) => {
            let visitor = HeaderValue::try_from(claims.visitor.to_string()).map_err(|_| Problem::internal())?;
            let name = HeaderValue::try_from(queue.name.as_str()).map_err(|_| Problem::internal())?;
            let headers =
                [(header::CACHE_CONTROL, HeaderValue::from_static("no-store")), (X_QUEUE, name), (X_VISITOR, visitor)];
            let mut response = (StatusCode::OK, headers).into_response();
            if let Some(member) = claims.member.and_then(|member| HeaderValue::try_from(member.to_string()).ok()) {
                // The site must let nobody else pass.
                response.headers_mut().insert(X_MEMBER, member);
            }
            Ok(response)
        }
        Err(reason) => {
            let mut response = error::active_token_refused(reason).into_response();
            response.headers_mut().insert(X_WAITING_ROOM, queue.waiting_room.clone());
            Ok(response)
        }
    }
}

/// The claims of a token that opens this queue's site at present, or why there are none.
async fn admitted(
    gateway: &Gateway,
    queue: &Queue,
    headers: &HeaderMap,
) -> Result<Result<ActiveClaims, &'static str>, Problem> {
    let given = headers.get(ACTIVE_TOKEN).and_then(|value| value.to_str().ok());
    let mut refusal = "there is no active token";
    // A sibling domain, or an older visit, may have set others of this name: they do not hide the one that is live.
    let tokens = given.into_iter().chain(cookie::values_of(headers, cookie::ACTIVE_TOKEN));
    for token in tokens.take(MOST_TOKENS) {
        match gateway.verifier.verify(token, gateway.clock.now()) {
            Ok(claims) if claims.queue == queue.name => {
                if gateway.room.verify(queue, &claims).await? {
                    return Ok(Ok(claims));
                }
                refusal = "the slot of this token is free again";
            }
            Ok(_) => refusal = "the token is for another queue",
            Err(error) => {
                tracing::debug!(%error, "an active token was refused");
                refusal = "the token is not valid";
            }
        }
    }
    Ok(Err(refusal))
}
