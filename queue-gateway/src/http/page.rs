//! `GET /waiting-room/{queue}` and its parts: the same for every visitor and every queue.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderValue, Uri, header},
    response::Response,
};
use contract::ids::VisitorId;
use service::{page::Page, problem::Problem};

use super::{
    Gateway,
    request::{AskedQueue, Identity},
};

const PAGE: Page = Page {
    html: include_str!("../web/waiting-room.html"),
    parts: &[
        ("announcements.js", include_str!("../web/announcements.js")),
        ("before-joins.js", include_str!("../web/before-joins.js")),
        ("countdown.js", include_str!("../web/countdown.js")),
        ("fragment-word.js", include_str!("../web/fragment-word.js")),
        ("gateway.js", include_str!("../web/gateway.js")),
        ("joining.js", include_str!("../web/joining.js")),
        ("next-step.js", include_str!("../web/next-step.js")),
        ("pauses.js", include_str!("../web/pauses.js")),
        ("progress.js", include_str!("../web/progress.js")),
        ("proof-of-work.js", include_str!("../web/proof-of-work.js")),
        ("puzzle-worker.js", include_str!("../web/puzzle-worker.js")),
        ("puzzle.js", include_str!("../web/puzzle.js")),
        ("refusal.js", include_str!("../web/refusal.js")),
        ("room.js", include_str!("../web/room.js")),
        ("runtime.js", include_str!("../web/runtime.js")),
        ("sentences.js", include_str!("../web/sentences.js")),
        ("server-clock.js", include_str!("../web/server-clock.js")),
        ("sha256.js", include_str!("../web/sha256.js")),
        ("stream.js", include_str!("../web/stream.js")),
        ("tabs.js", include_str!("../web/tabs.js")),
        ("turn.js", include_str!("../web/turn.js")),
        ("view.js", include_str!("../web/view.js")),
        ("waiting-room.css", include_str!("../web/waiting-room.css")),
        ("waiting-room.js", include_str!("../web/waiting-room.js")),
        ("words.js", include_str!("../web/words.js")),
    ],
};

/// The page. It reads the queue's name from its own address. A browser that comes for the first time is given an
/// identity, so that the join that follows is a known visitor's.
pub(super) async fn page(
    State(gateway): State<Arc<Gateway>>,
    _queue: AskedQueue,
    Identity(known): Identity,
) -> Response {
    let mut response = PAGE.document();
    if known.is_none() {
        let headers = response.headers_mut();
        let identity = gateway.identity_cookie(VisitorId::generate(&*gateway.clock));
        headers.insert(header::SET_COOKIE, identity);
        // Somebody's own: no cache in front may give it to others.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A part of the page.
pub(super) async fn part(Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    PAGE.part(&name, uri).await
}
