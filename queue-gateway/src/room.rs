//! The rules of a waiting room, free of IO: where everybody stands, how long it will take, how many may come in.

pub mod admission;
pub mod estimate;
pub mod place;
pub mod rank;
