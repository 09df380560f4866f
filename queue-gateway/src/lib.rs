//! The waiting room: gives each visitor a place in a line, streams his exact position, and admits visitors at a rate
//! tuned to the measured capacity of the database behind the sale.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod documents;
pub mod engine;
