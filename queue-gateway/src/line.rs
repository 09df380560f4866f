//! The rules of a waiting room, free of IO: where everybody stands, how long it will take, how many may come in.

pub mod admission;
mod control;
pub mod estimate;
mod log;
mod outlook;
mod place;
pub mod rank;
mod stats;
mod turn;

pub use self::{
    control::{AdmissionLimits, Baseline, Control, ControlChange, Lifetimes, QueueState},
    log::{Departures, LineChange, LinePage, LogIndex},
    outlook::Outlook,
    place::{Epoch, Place, Sequence},
    stats::{Promotion, Stats},
    turn::{Admission, Claim, ConnectionId, Joined, Readmission, Standing},
};
