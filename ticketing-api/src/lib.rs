//! Concerts, seat holds, reservations and payments for members whom the waiting room has admitted: never sells a seat
//! twice, never loses a payment.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod access;
pub mod accounts;
pub mod app;
pub mod booking;
pub mod calibrate;
pub mod clock;
pub mod demo;
pub mod fast_store;
pub mod gateway;
pub mod http;
pub mod jobs;
pub mod join_tokens;
pub mod metrics;
pub mod passwords;
pub mod payments;
pub mod sales;
pub mod sessions;
pub mod settings;
pub mod store;
