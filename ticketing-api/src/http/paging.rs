//! Pages of longer lists.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::{Deserialize, Serialize};
use service::problem::{Problem, Query};

use super::error;
use crate::store::{Page, PageRequest};

const DEFAULT_SIZE: u32 = 20;
const MAX_SIZE: u32 = 100;
/// Far enough for any list of ours, and not so far that skipping to it is an attack.
const MAX_PAGE: u32 = 100_000;

/// Which page the query asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging(pub(super) PageRequest);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    page: Option<u32>,
    size: Option<u32>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(PageQuery { page, size }) = Query::from_request_parts(parts, state).await?;
        let (page, size) = (page.unwrap_or(0), size.unwrap_or(DEFAULT_SIZE));
        if !(1..=MAX_SIZE).contains(&size) {
            return Err(error::invalid_page("size is from 1 to 100"));
        }
        if page > MAX_PAGE {
            return Err(error::invalid_page("page is from 0 to 100000"));
        }
        Ok(Self(PageRequest { page, size }))
    }
}

/// A page as it is sent.
#[derive(Debug, Serialize)]
pub(super) struct PageDocument<T> {
    items: Vec<T>,
    /// Zero-based.
    page: u32,
    size: u32,
    /// Items on all pages.
    total: u64,
}

impl<T> PageDocument<T> {
    /// The page that was asked for.
    pub(super) fn new(page: Page<T>, asked: PageRequest) -> Self {
        Self { items: page.items, page: asked.page, size: asked.size, total: page.total }
    }
}
