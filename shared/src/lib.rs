//! Only what both services must agree on: identities, time, tokens, the contract between them,
//! and the ways in which every process of ours starts, listens, reports and stops.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod accept;
pub mod address_limit;
pub mod client_address;
pub mod clock;
pub mod contract;
pub mod descriptors;
pub mod ids;
pub mod operations;
pub mod problem;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
pub mod tokens;
