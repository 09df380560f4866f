//! The sale's page: the list of concerts at `/`, a performance's seats at `/performances/{id}`. Static files, the same
//! for everybody; they fetch what they show.

use axum::{http::Uri, response::Response};
use service::{
    page::Page,
    problem::{Path, Problem},
};

const PAGE: Page = Page {
    html: include_str!("../web/sale.html"),
    parts: &[
        ("account.js", include_str!("../web/account.js")),
        ("api.js", include_str!("../web/api.js")),
        ("catalogue.js", include_str!("../web/catalogue.js")),
        ("checkout.js", include_str!("../web/checkout.js")),
        ("clock.js", include_str!("../web/clock.js")),
        ("controls.css", include_str!("../web/controls.css")),
        ("memory.js", include_str!("../web/memory.js")),
        ("my-tickets.js", include_str!("../web/my-tickets.js")),
        ("panel.css", include_str!("../web/panel.css")),
        ("panel.js", include_str!("../web/panel.js")),
        ("refusals.js", include_str!("../web/refusals.js")),
        ("sale.css", include_str!("../web/sale.css")),
        ("sale.js", include_str!("../web/sale.js")),
        ("seat-map.css", include_str!("../web/seat-map.css")),
        ("seat-map.js", include_str!("../web/seat-map.js")),
        ("ticket.css", include_str!("../web/ticket.css")),
        ("ticket.js", include_str!("../web/ticket.js")),
        ("turn.js", include_str!("../web/turn.js")),
        ("words.js", include_str!("../web/words.js")),
    ],
};

/// The page. It reads from its own address what to show.
pub(super) async fn page() -> Response {
    PAGE.document()
}

/// A part of the page.
pub(super) async fn part(Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    PAGE.part(&name, uri).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_the_page_names_is_there() {
        for text in PAGE.parts.iter().map(|(_, text)| *text).chain([PAGE.html]) {
            for quoted in text.split(['"', '\'']) {
                let part = quoted.strip_prefix("/assets/").or_else(|| quoted.strip_prefix("./"));
                if let Some(part) = part {
                    assert!(PAGE.parts.iter().any(|(name, ..)| *name == part), "{part} is not served");
                }
            }
        }
    }

    /// By a clock that is ahead, every turn would be over before it began.
    #[test]
    fn the_page_compares_no_deadline_with_the_visitors_own_clock() {
        let reading: Vec<_> =
            PAGE.parts.iter().filter(|(_, text)| text.contains("Date.now")).map(|part| part.0).collect();
        assert_eq!(reading, ["clock.js"]);
    }

    #[test]
    fn the_page_runs_under_its_own_policy() {
        assert!(!PAGE.html.contains("<style") && !PAGE.html.contains(" style=") && !PAGE.html.contains(" onclick="));
        assert!(
            PAGE.html.matches("<script").count() == PAGE.html.matches("<script type=\"module\" src=\"/assets/").count()
        );
    }
}
