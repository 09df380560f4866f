//! What a queue as a whole says to those in its line, and what is true of them by it.

use jiff::Timestamp;
use serde::Serialize;

use crate::line::{Lane, Opening, QueueState, Stats};

/// What is true of a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// In the line of a queue that takes no joins yet: its opening was put off.
    Scheduled,
    /// In the line of a queue that is yet to open.
    PreQueue,
    /// In the line.
    Waiting,
    /// The line has passed the place, and the visitor is not let in yet.
    Parked,
    /// Holds a live slot.
    Admitted,
    /// Has no place any more. Joining gives a new one.
    Left,
    /// The queue is closed. Places are kept: it may be opened again.
    Closed,
}

impl PlaceState {
    /// Whether the queue is yet to open.
    pub fn is_before_opening(self) -> bool {
        matches!(self, Self::Scheduled | Self::PreQueue)
    }
}

/// What is true of a visitor in the line by what their queue does, and when that ends, where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceNotice {
    /// What is true of them.
    pub state: PlaceState,
    /// When they are let in, while that is yet to come.
    pub opens_at: Option<Timestamp>,
    /// In which order, while that is yet to come.
    pub opening: Option<Opening>,
}

/// What a queue as a whole says to those in its line.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// What the queue is doing for those in the general line, as of the numbers that this was made of.
    pub general: LaneNotice,
    /// What it is doing for the invited.
    pub invited: LaneNotice,
    /// In which order those are let in who join before.
    pub opening: Opening,
    /// The operator's sentence.
    pub message: Option<&'a str>,
}

/// What a queue says to those in one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneNotice {
    /// What the queue is doing for them.
    pub state: QueueState,
    /// When they are let in, while that is yet to come.
    pub opens_at: Option<Timestamp>,
}

impl<'a> Notice<'a> {
    /// As of the moment of these numbers.
    pub fn of(queue: &'a Stats) -> Self {
        let control = &queue.control;
        let lane = |lane| {
            let state = control.state_of(lane, queue.now);
            LaneNotice { state, opens_at: control.admits_from(lane).filter(|_| state.is_before_opening()) }
        };
        let (general, invited) = (lane(Lane::General), lane(Lane::Invited));
        Self { general, invited, opening: control.opening(), message: control.message() }
    }

    /// What somebody in a lane is told, who may be kept out because their network is held back.
    pub fn to(&self, lane: Lane, held_back: bool) -> PlaceNotice {
        let notice = match lane {
            Lane::General => self.general,
            Lane::Invited => self.invited,
        };
        let opening = (notice.state.is_before_opening() && lane == Lane::General).then_some(self.opening);
        PlaceNotice { state: notice.place_state(held_back), opens_at: notice.opens_at, opening }
    }
}

impl LaneNotice {
    /// What is true of somebody in the line, who may be kept out because their network is held back.
    fn place_state(self, held_back: bool) -> PlaceState {
        match self.state {
            QueueState::Scheduled => PlaceState::Scheduled,
            QueueState::PreQueue => PlaceState::PreQueue,
            QueueState::Closed => PlaceState::Closed,
            _ if held_back => PlaceState::Parked,
            QueueState::Open | QueueState::Paused | QueueState::Draining | QueueState::Rejoining => PlaceState::Waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_back_visitor_is_parked_only_while_the_queue_is_open() {
        let state = |state| LaneNotice { state, opens_at: None }.place_state(true);
        assert_eq!(state(QueueState::Paused), PlaceState::Parked);
        assert_eq!(state(QueueState::PreQueue), PlaceState::PreQueue);
    }
}
