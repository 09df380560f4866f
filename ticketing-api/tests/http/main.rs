//! The API over real sockets, behind a gateway of its own: what members send, and what they are answered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod accounts;
mod admin;
mod arriving;
mod buying;
mod expiring;
mod fixture;
mod gateway;
mod joining;
mod leaving;
mod malformed;
mod operating;
mod outages;
mod page;
mod repeating;
mod rotating;
mod sharing;
