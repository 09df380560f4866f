//! The sale's page: the list of concerts at `/`, a performance's seats at `/performances/{id}`. Static files, the same
//! for everybody; they fetch what they show.

use axum::{
    http::{HeaderName, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use service::problem::{Path, Problem, not_found};

/// Only our own files, and no frame around us: a page with a wallet must not run or be embedded by others'.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("../web/sale.html");

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, media type and text of every part of the page.
const PARTS: [(&str, &str, &str); 18] = [
    ("account.js", JAVASCRIPT, include_str!("../web/account.js")),
    ("api.js", JAVASCRIPT, include_str!("../web/api.js")),
    ("catalogue.js", JAVASCRIPT, include_str!("../web/catalogue.js")),
    ("checkout.js", JAVASCRIPT, include_str!("../web/checkout.js")),
    ("clock.js", JAVASCRIPT, include_str!("../web/clock.js")),
    ("controls.css", CSS, include_str!("../web/controls.css")),
    ("memory.js", JAVASCRIPT, include_str!("../web/memory.js")),
    ("my-tickets.js", JAVASCRIPT, include_str!("../web/my-tickets.js")),
    ("panel.css", CSS, include_str!("../web/panel.css")),
    ("panel.js", JAVASCRIPT, include_str!("../web/panel.js")),
    ("refusals.js", JAVASCRIPT, include_str!("../web/refusals.js")),
    ("sale.css", CSS, include_str!("../web/sale.css")),
    ("sale.js", JAVASCRIPT, include_str!("../web/sale.js")),
    ("seat-map.css", CSS, include_str!("../web/seat-map.css")),
    ("seat-map.js", JAVASCRIPT, include_str!("../web/seat-map.js")),
    ("ticket.css", CSS, include_str!("../web/ticket.css")),
    ("ticket.js", JAVASCRIPT, include_str!("../web/ticket.js")),
    ("words.js", JAVASCRIPT, include_str!("../web/words.js")),
];

/// The page. It reads from its own address what to show.
pub(super) async fn page() -> Response {
    file("text/html; charset=utf-8", PAGE)
}

/// A part of the page.
pub(super) async fn part(Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    match PARTS.iter().find(|(part, ..)| *part == name) {
        Some((_, media_type, text)) => Ok(file(media_type, text)),
        None => Err(not_found(uri).await),
    }
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        // Short, since the names of the parts do not change with their content; long enough for a crowd that reloads.
        (header::CACHE_CONTROL, "public, max-age=60"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_the_page_names_is_there() {
        for text in PARTS.iter().map(|(_, _, text)| *text).chain([PAGE]) {
            for quoted in text.split(['"', '\'']) {
                let part = quoted.strip_prefix("/assets/").or_else(|| quoted.strip_prefix("./"));
                if let Some(part) = part {
                    assert!(PARTS.iter().any(|(name, ..)| *name == part), "{part} is not served");
                }
            }
        }
    }

    /// By a clock that is ahead, every turn would be over before it began.
    #[test]
    fn the_page_compares_no_deadline_with_the_visitors_own_clock() {
        let reading: Vec<_> =
            PARTS.iter().filter(|(_, _, text)| text.contains("Date.now")).map(|part| part.0).collect();
        assert_eq!(reading, ["clock.js"]);
    }

    #[test]
    fn the_page_runs_under_its_own_policy() {
        assert!(!PAGE.contains("<style") && !PAGE.contains(" style=") && !PAGE.contains(" onclick="));
        assert!(PAGE.matches("<script").count() == PAGE.matches("<script type=\"module\" src=\"/assets/").count());
    }
}
