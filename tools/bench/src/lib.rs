//! Load generators and side-by-side benchmarks. They speak to the services through their public APIs alone, but for the
//! one that measures the store by itself.
#![allow(clippy::disallowed_methods, reason = "a load client reads the machine's own clock and random source")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod benchmarks;
pub mod client;
pub mod rush;
