//! The gateway over real sockets: what visitors, services and operators send, and what they are answered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod claiming;
mod fixture;
mod governing;
mod joining;
mod leaving;
mod limiting;
mod operating;
mod polling;
mod sharing;
mod stream;
mod surface;
mod verifying;
