//! Concerts, seat holds, reservations and payments for members whom the waiting room has admitted: never sells a seat
//! twice, never loses a payment.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod booking;
pub mod fast_store;
pub mod store;
