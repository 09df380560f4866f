//! The waiting room: gives each visitor a place in a line, streams their exact position, and admits visitors at a rate
//! tuned to the measured capacity of the database behind the sale.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod app;
pub mod baselines;
pub mod documents;
pub mod draw;
pub mod engine;
pub mod follower;
pub mod http;
pub mod identity;
pub mod invitation;
pub mod line;
pub mod members;
pub mod metrics;
pub mod mirror;
pub mod promoter;
pub mod proof_of_work;
pub mod reload;
pub mod settings;
pub mod store_risks;
pub mod streams;
pub mod waiting_room;
pub mod waiting_token;
