//! The reply that joins and polls share: a place document with its headers.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use contract::ids::VisitorId;
use service::problem::Problem;

use super::{Gateway, Queue, error};
use crate::{
    documents::{InLine, PlaceDocument, WaitSeconds},
    line::{Epoch, Outlook, Sequence, Standing},
};

/// The document of whoever the store says stands so in this epoch. The position comes from this gateway's own mirror.
pub(super) async fn document<'a>(
    gateway: &'a Gateway,
    queue: &'a Queue,
    message: Option<&'a str>,
    visitor: VisitorId,
    epoch: Epoch,
    mut standing: Standing,
) -> Result<PlaceDocument<'a>, Problem> {
    if let Standing::Waiting { seq } = standing {
        if let Some(line) = in_line(queue, epoch, seq) {
            return Ok(gateway.documents.waiting(&queue.name, line, message));
        }
        // The mirror has met his departure since the store was asked, or has not met his return to an old place yet.
        standing = gateway.engine.status(&queue.name, visitor).await?;
    }
    match standing {
        Standing::Waiting { seq } => {
            let line = told(queue.mirror.outlook_of_waiting(seq)).ok_or_else(error::store_unavailable)?;
            Ok(gateway.documents.waiting(&queue.name, line, message))
        }
        Standing::Admitted { admission, .. } => Ok(gateway.documents.admitted(&queue.name, epoch, visitor, &admission)),
        Standing::Absent => Ok(gateway.documents.left(&queue.name)),
    }
}

/// Where this sequence stands, as far as the mirror knows; `None` when it has departed.
pub(super) fn in_line(queue: &Queue, epoch: Epoch, seq: Sequence) -> Option<InLine> {
    if queue.mirror.epoch() != Some(epoch) {
        // The store has lost its state and the mirror learns of it within a tick; until then the sequence itself is
        // the best guess.
        return Some(InLine { position: u64::try_from(seq.0).unwrap_or(0).max(1), behind: 0, wait: None });
    }
    told(queue.mirror.outlook(seq))
}

fn told(outlook: Outlook) -> Option<InLine> {
    match outlook {
        Outlook::Waiting { position, behind, wait } => {
            let wait = wait.map(|range| WaitSeconds { p50: range.p50_seconds, p90: range.p90_seconds });
            Some(InLine { position, behind, wait })
        }
        Outlook::Departed => None,
    }
}

/// The order that a standing has or had.
pub(super) fn seq_of(standing: Standing) -> Option<Sequence> {
    match standing {
        Standing::Waiting { seq } | Standing::Admitted { seq, .. } => Some(seq),
        Standing::Absent => None,
    }
}

/// Room for a document with a waiting token, without growing on the way.
const DOCUMENT_BYTES: usize = 768;

/// A place as JSON. Nobody but its owner may ever be given it, so no cache keeps it.
pub(super) fn place(status: StatusCode, document: &PlaceDocument<'_>, cookie: Option<HeaderValue>) -> Response<Body> {
    let mut json = Vec::with_capacity(DOCUMENT_BYTES);
    if let Err(error) = serde_json::to_writer(&mut json, document) {
        tracing::error!(%error, "a place document cannot be written");
        return Problem::internal().into_response();
    }
    let mut response = (status, json).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}
