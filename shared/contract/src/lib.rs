//! What the two services must agree on: ids, time, signed tokens and the calls between them.
//!
//! There is no server in it, so that any other shop or gateway can be built on the same contract.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod calls;
pub mod clock;
pub mod ids;
pub mod tokens;
