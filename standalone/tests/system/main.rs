//! The standalone binary as a person has it: started, used, killed, started again.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects")]

mod buyer;
mod journey;
mod process;
mod restart;
mod start;
