//! `GET /waiting-room/{queue}` and its parts: static, the same for every visitor and every queue.

use axum::{extract::Path, response::Response};
use http::Uri;
use service::{page::Page, problem::Problem};

use super::request::AskedQueue;

const PAGE: Page = Page {
    html: include_str!("../web/waiting-room.html"),
    parts: &[
        ("gateway.js", include_str!("../web/gateway.js")),
        ("progress.js", include_str!("../web/progress.js")),
        ("stream.js", include_str!("../web/stream.js")),
        ("tabs.js", include_str!("../web/tabs.js")),
        ("view.js", include_str!("../web/view.js")),
        ("waiting-room.css", include_str!("../web/waiting-room.css")),
        ("waiting-room.js", include_str!("../web/waiting-room.js")),
        ("words.js", include_str!("../web/words.js")),
    ],
};

/// The page. It reads the queue's name from its own address.
pub(super) async fn page(_queue: AskedQueue) -> Response {
    PAGE.document()
}

/// A part of the page.
pub(super) async fn part(Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    PAGE.part(&name, uri).await
}
