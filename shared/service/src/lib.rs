//! How a process of ours runs: how it listens, answers, reads its settings, reports and stops.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod accept;
pub mod address_limit;
pub mod client_address;
pub mod descriptors;
pub mod gathering;
pub mod http_client;
pub mod operations;
pub mod outage;
pub mod page;
pub mod problem;
pub mod rate_limit;
pub mod redis;
pub mod remote_keys;
pub mod settings;
pub mod share;
pub mod shutdown;
pub mod telemetry;
