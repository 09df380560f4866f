//! The crowd against a system of several instances on one Redis and one PostgreSQL, in fair weather and in foul.
//!
//! `RUSH_VISITORS` and `RUSH_SEATS` make it larger: 1,500 and 300 is what a release build on two cores does in a
//! minute. Where Redis loses everything, `RUSH_AWAY` is how many seconds those who come back are away: until after the
//! loss.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects")]

mod audit;
mod ghosts;
mod instance;
mod order;
mod outages;
mod system;

/// A number from the environment, to make a crowd larger or an outage longer.
fn from_environment(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}
