//! `GET /waiting-room/{queue}` and its parts: static, the same for every visitor and every queue.

use axum::{
    extract::Path,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use service::problem::{Problem, not_found};

use super::accept::AskedQueue;

/// Only our own files, and no frame around us: a page that hands out tokens must not run or be embedded by others'.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("../web/waiting-room.html");

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, media type and text of every part of the page.
const PARTS: [(&str, &str, &str); 8] = [
    ("gateway.js", JAVASCRIPT, include_str!("../web/gateway.js")),
    ("progress.js", JAVASCRIPT, include_str!("../web/progress.js")),
    ("stream.js", JAVASCRIPT, include_str!("../web/stream.js")),
    ("tabs.js", JAVASCRIPT, include_str!("../web/tabs.js")),
    ("view.js", JAVASCRIPT, include_str!("../web/view.js")),
    ("waiting-room.css", CSS, include_str!("../web/waiting-room.css")),
    ("waiting-room.js", JAVASCRIPT, include_str!("../web/waiting-room.js")),
    ("words.js", JAVASCRIPT, include_str!("../web/words.js")),
];

/// The page. It reads the queue's name from its own address.
pub(super) async fn page(_queue: AskedQueue) -> Response {
    file("text/html; charset=utf-8", PAGE)
}

/// A part of the page.
pub(super) async fn part(Path(name): Path<String>, uri: http::Uri) -> Result<Response, Problem> {
    match PARTS.iter().find(|(part, ..)| *part == name) {
        Some((_, media_type, text)) => Ok(file(media_type, text)),
        None => Err(not_found(uri).await),
    }
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        // Short, since the names of the parts do not change with their content; long enough for a crowd that reloads.
        (header::CACHE_CONTROL, "public, max-age=60"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), text).into_response()
}
