//! The booking domain: what is sold, who holds it, what was paid. Pure types and transitions; nothing here does IO.
//!
//! A transition is a method that either gives the new value or the outcome that refuses it, so that every store
//! refuses for the same reasons and in the same order.

pub mod concert;
pub mod hold;
pub mod leaving;
pub mod member;
pub mod money;
pub mod payment;
pub mod reservation;
pub mod seat;
pub mod ticket;
pub mod wallet;
