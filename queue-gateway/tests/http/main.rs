//! The gateway over real sockets: what visitors, services and operators send, and what they are answered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod browser;
mod claiming;
mod crossing;
mod drawing;
mod entering;
mod fixture;
mod governing;
mod identity;
mod internal;
mod inviting;
mod joining;
mod keeping_out;
mod leaving;
mod life;
mod limiting;
mod losing;
mod members;
mod networks;
mod operating;
mod polling;
mod proving;
mod sharing;
mod stream;
mod surface;
mod verifying;
