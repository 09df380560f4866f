//! The API over real sockets, in front of a real gateway: what members send, and what they are answered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod accounts;
mod admin;
mod buying;
mod expiring;
mod fixture;
mod malformed;
mod operating;
mod outages;
mod page;
mod repeating;
mod rotating;
mod sharing;
