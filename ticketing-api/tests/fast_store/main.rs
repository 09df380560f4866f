//! What every fast store promises, asked of both: the one in process and the one on a real Redis.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod comparison;
mod outage;
mod promises;
