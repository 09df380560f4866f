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

use super::{Gateway, Queue, cookie, error};
use crate::line::{Epoch, Standing};

const X_QUEUE: HeaderName = HeaderName::from_static("x-queue");
const X_VISITOR: HeaderName = HeaderName::from_static("x-visitor");
const X_WAITING_ROOM: HeaderName = HeaderName::from_static("x-waiting-room");
const ACTIVE_TOKEN: HeaderName = HeaderName::from_static("active-token");

/// Which queue guards the site.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guarded {
    queue: Option<QueueName>,
}

/// Answers 200 and says who it is, or 401 and says where to wait.
pub(super) async fn verify(
    State(gateway): State<Arc<Gateway>>,
    Query(guarded): Query<Guarded>,
    request: Request,
) -> Result<Response, Problem> {
    let queue = match &guarded.queue {
        Some(name) => gateway.queues.get(name.as_str()),
        None => gateway.queues.values().next().filter(|_| gateway.queues.len() == 1),
    };
    let queue = queue.ok_or_else(error::queue_not_found)?;
    match admitted(&gateway, queue, request.headers()).await? {
        Ok(claims) => {
            let visitor = HeaderValue::try_from(claims.visitor.to_string()).map_err(|_| Problem::internal())?;
            let name = HeaderValue::try_from(queue.name.as_str()).map_err(|_| Problem::internal())?;
            let headers =
                [(header::CACHE_CONTROL, HeaderValue::from_static("no-store")), (X_QUEUE, name), (X_VISITOR, visitor)];
            Ok((StatusCode::OK, headers).into_response())
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
    let token = headers.get(ACTIVE_TOKEN).and_then(|value| value.to_str().ok());
    let Some(token) = token.or_else(|| cookie::value_of(headers, cookie::ACTIVE_TOKEN)) else {
        return Ok(Err("there is no active token"));
    };
    let claims = match gateway.verifier.verify(token, gateway.clock.now()) {
        Ok(claims) if claims.queue == queue.name => claims,
        Ok(_) => return Ok(Err("the token is for another queue")),
        Err(error) => {
            tracing::debug!(%error, "an active token was refused");
            return Ok(Err("the token is not valid"));
        }
    };
    let live = match gateway.engine.status(&queue.name, claims.visitor).await? {
        Standing::Admitted { admission, .. } => admission.token == claims.id,
        // A store that lost its state knows nobody of before. Those whom it had admitted go on with their signed
        // tokens; a place in the line that they also hold does not speak against them.
        Standing::Waiting { .. } | Standing::Absent => Epoch(claims.epoch) < queue.stats()?.epoch,
    };
    Ok(if live { Ok(claims) } else { Err("the slot of this token is free again") })
}
