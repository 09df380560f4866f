//! Whole waiting rooms on paused time: visitors, streams, promoters and the embedded engine, tick by tick.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admission;
mod capacity;
mod control;
mod listener;
mod losses;
mod positions;
mod store;
mod world;
