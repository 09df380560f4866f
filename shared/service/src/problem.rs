//! Errors as callers see them: RFC 9457 problem documents with a stable `code`.
//!
//! What goes into a problem is written for strangers. Internal text is logged where the error is handled.

mod extract;
mod fallback;
mod object;

use std::{borrow::Cow, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

pub use self::{
    extract::{Json, Path, Query},
    fallback::{guarded, method_not_allowed, not_found, with_fallbacks},
};

/// The media type of problem documents.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// One refusal, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Problem {
    /// The status line; repeated in the document.
    pub status: StatusCode,
    /// What clients branch on; never changes once published. Also the end of the document's `type`.
    pub code: &'static str,
    /// One short sentence, the same for every problem of this code.
    pub title: &'static str,
    /// What is particular to this request.
    pub detail: Option<Cow<'static, str>>,
    /// When it is worth trying again; sent as the `Retry-After` header, in whole seconds rounded up.
    pub retry_after: Option<Duration>,
    /// Extension members. One that is named like a standard member is not sent.
    pub members: Map<String, Value>,
}

impl Problem {
    /// A problem without particulars.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, retry_after: None, members: Map::new() }
    }

    /// Something of ours broke. What it was goes to the log, never to the caller.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong on our side")
    }

    /// Says what is particular to this request.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says when it is worth trying again.
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Adds an extension member.
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        let mut document = self.members.clone();
        document.insert("type".to_owned(), format!("urn:problem:{}", self.code).into());
        document.insert("title".to_owned(), self.title.into());
        document.insert("status".to_owned(), self.status.as_u16().into());
        document.insert("code".to_owned(), self.code.into());
        match &self.detail {
            Some(detail) => document.insert("detail".to_owned(), detail.as_ref().into()),
            None => document.remove("detail"),
        };
        Value::Object(document)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        // A refusal holds for this moment; a cache in between must not repeat it to the next caller.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(pause) = self.retry_after {
            // Rounded up: a client that keeps to it must not come too early.
            let seconds = pause.as_secs().saturating_add(u64::from(pause.subsec_nanos() > 0));
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
