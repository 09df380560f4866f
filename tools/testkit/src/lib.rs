//! Real servers, a faulty network, and plain clients for the tests of this workspace.
//!
//! Every server runs in a temporary folder on a free port of 127.0.0.1 and ends with its guard, with a
//! panic, and with the test process itself, even when that is killed. A program that is not
//! installed fails the test in one sentence; nothing is ever skipped.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod browser;
mod fault_proxy;
mod http_client;
mod patience;
mod port;
mod postgres;
mod process;
mod program;
mod redis;
mod sse_client;
mod start_error;

pub use browser::Browser;
pub use fault_proxy::FaultProxy;
pub use http_client::{HttpClient, HttpError, RawReply, Reply, Request, send_raw};
pub use patience::{eventually, eventually_some};
pub use port::free_port;
pub use postgres::{Database, Postgres, PostgresOptions};
pub use redis::{Fsync, Redis, RedisCluster, RedisOptions, RedisSentinel, RedisValue};
pub use sse_client::{Event, SseClient, SseError};
