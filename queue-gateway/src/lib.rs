//! The waiting room: gives each visitor a place in a line, streams his exact position, and admits visitors at a rate
//! tuned to the measured capacity of the database behind the sale.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod app;
pub mod baselines;
pub mod documents;
pub mod engine;
pub mod http;
pub mod line;
pub mod metrics;
pub mod mirror;
pub mod promoter;
pub mod reload;
pub mod settings;
pub mod streams;
pub mod waiting_token;
