//! Pages that are part of the program: served from memory, with headers that let nothing else in.

use axum::{
    http::{HeaderName, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};

use crate::problem::{Problem, not_found};

/// Only our own files, and no frame around us: a page that handles tokens or money must not run or be embedded by
/// others'.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page and its parts, the same for every visitor: what it shows it fetches.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The document.
    pub html: &'static str,
    /// Scripts and styles: name and text. The name's ending tells its media type.
    pub parts: &'static [(&'static str, &'static str)],
}

impl Page {
    /// The document.
    pub fn document(&self) -> Response {
        file("text/html; charset=utf-8", self.html)
    }

    /// A part, or 404 for the address `uri`.
    pub async fn part(&self, name: &str, uri: Uri) -> Result<Response, Problem> {
        match self.parts.iter().find(|(part, _)| *part == name) {
            Some((part, text)) => Ok(file(media_type(part), text)),
            None => Err(not_found(uri).await),
        }
    }
}

/// Browsers keep to it and run nothing of another type: the headers forbid guessing.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        _ => "text/plain; charset=utf-8",
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

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page = Page { html: "<!doctype html>", parts: &[("look.css", "a {}"), ("run.js", "run()")] };

    async fn part(name: &str) -> Result<Response, Problem> {
        PAGE.part(name, Uri::from_static("/assets/x")).await
    }

    #[tokio::test]
    async fn every_file_is_sent_as_what_it_is_and_lets_nothing_else_in() {
        for (file, media_type) in [
            (PAGE.document(), "text/html; charset=utf-8"),
            (part("look.css").await.unwrap(), "text/css; charset=utf-8"),
            (part("run.js").await.unwrap(), "text/javascript; charset=utf-8"),
        ] {
            let headers = file.headers();
            assert_eq!(headers[header::CONTENT_TYPE], media_type);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        }
    }

    #[tokio::test]
    async fn there_is_no_other_file() {
        for name in ["", "run", "RUN.js", "../run.js", "run.js/"] {
            assert_eq!(part(name).await.unwrap_err().status, 404, "{name}");
        }
    }
}
