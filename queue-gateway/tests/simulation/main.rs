//! Whole waiting rooms on paused time: visitors, streams, loops and the embedded engine, tick by tick.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admission;
mod capacity;
mod control;
mod drawing;
mod estimates;
mod failing_over;
mod gateways;
mod inviting;
mod listener;
mod losses;
mod positions;
mod presence;
mod publishing;
mod races;
mod resting;
mod store;
mod verifying;
mod world;
