//! Extractors whose refusals are problem documents.

use std::error::Error;

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        path::ErrorKind,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Problem, object::Object};
use crate::accept::BodyTooSlow;

/// A JSON body, in both directions. What comes in must be an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// The parameters of the route's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<T>(pub T);

/// The query string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(Object(body)) =
            axum::Json::from_request(request, state).await.map_err(|rejection| body_problem(&rejection))?;
        Ok(Self(body))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Path(parameters) =
            axum::extract::Path::from_request_parts(parts, state).await.map_err(path_problem)?;
        Ok(Self(parameters))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Query(query) = axum::extract::Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| query_problem(&rejection))?;
        Ok(Self(query))
    }
}

fn body_problem(rejection: &JsonRejection) -> Problem {
    let bad_request = |code, title| Problem::new(StatusCode::BAD_REQUEST, code, title);
    match rejection {
        JsonRejection::JsonSyntaxError(error) => {
            bad_request("malformed_json", "The body is not JSON").detail(innermost(error))
        }
        JsonRejection::JsonDataError(error) => {
            bad_request("invalid_body", "The body is not what this operation takes").detail(innermost(error))
        }
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be sent as application/json",
        ),
        _ if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
        }
        _ if caused_by::<BodyTooSlow>(rejection) => {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The body did not arrive in time")
        }
        _ => bad_request("incomplete_body", "The body could not be read to its end"),
    }
}

fn path_problem(rejection: PathRejection) -> Problem {
    let invalid = Problem::new(StatusCode::BAD_REQUEST, "invalid_path", "The address has a part that cannot be read");
    match rejection {
        PathRejection::FailedToDeserializePathParams(failure) => match failure.into_kind() {
            // These two blame the route's declaration, not the caller.
            kind @ (ErrorKind::WrongNumberOfParameters { .. } | ErrorKind::UnsupportedType { .. }) => {
                tracing::error!(error = %kind, "a route does not fit its path parameters");
                Problem::internal()
            }
            kind => invalid.detail(kind.to_string()),
        },
        PathRejection::MissingPathParams(_) => {
            tracing::error!("a route without parameters asks for them");
            Problem::internal()
        }
        _ => invalid,
    }
}

fn query_problem(rejection: &QueryRejection) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_query", "The query cannot be read").detail(innermost(rejection))
}

/// The text of the first cause: what serde says about the caller's document, without the wrapping of libraries.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

fn caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(<dyn Error>::is::<E>)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
