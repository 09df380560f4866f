//! Answers to visitors as responses: a place document with its headers.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use service::problem::Problem;

use super::{Gateway, pause};
use crate::{
    documents::{Notice, PlaceDocument},
    waiting_room::{Answer, Queue, View},
};

/// Room for a document with a waiting token, without growing on the way.
const DOCUMENT_BYTES: usize = 768;

/// The document that says what the answer says.
pub(super) fn document<'a>(
    gateway: &'a Gateway,
    queue: &'a Queue,
    notice: Notice<'a>,
    answer: &Answer,
) -> PlaceDocument<'a> {
    let documents = &gateway.documents;
    let document = match answer.view {
        View::Waiting { outlook, held_back } => documents.waiting(&queue.name, outlook, held_back, notice),
        View::Closed => documents.closed(&queue.name, notice.message),
        View::Admitted { epoch, admission } => documents.admitted(&queue.name, epoch, answer.holder, &admission),
        View::Gone { lost } => documents.left(&queue.name, lost),
    };
    let poll_after_seconds = pause::spread(document.poll_after_seconds);
    PlaceDocument { refreshing: answer.refreshing, poll_after_seconds, ..document }
}

/// A place as JSON. Nobody but its owner may ever be given it, so no cache keeps it.
pub(super) fn place(
    status: StatusCode,
    document: &PlaceDocument<'_>,
    cookies: impl IntoIterator<Item = HeaderValue>,
) -> Response<Body> {
    let mut json = Vec::with_capacity(DOCUMENT_BYTES);
    if let Err(error) = serde_json::to_writer(&mut json, document) {
        tracing::error!(%error, "a place document cannot be written");
        return Problem::internal().into_response();
    }
    let mut response = (status, json).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}
