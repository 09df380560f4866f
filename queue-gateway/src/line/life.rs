//! When a queue opens and closes, and what it does meanwhile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    control::{Control, ControlChange},
    draw::{Draw, Lots, Opening},
    lane::Lane,
    memory::REJOINING_AT_MOST,
};

/// When the settings open and close a queue. Instants are in whole microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// From then on visitors are admitted; always, where it is `None`.
    pub opens_at: Option<Timestamp>,
    /// Joins are taken so long before the opening.
    pub pre_queue: Duration,
    /// In which order those are let in who joined before.
    pub opening: Opening,
    /// Where the public value comes from that decides a draw after the opening; the draw needs none where it is `None`.
    pub beacon_source: Option<String>,
    /// From then on nobody joins or is admitted; never, where it is `None`.
    pub closes_at: Option<Timestamp>,
}

/// The instant that stands for never in a store: 2^53 microseconds, in the year 2255, the last that a script can count
/// to.
pub const NEVER: i64 = 9_007_199_254_740_992;

/// When an operator closes a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// At this moment.
    At(Timestamp),
    /// Not at all, whatever the settings say.
    Never,
}

/// What a queue is doing as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    /// It opens later, and takes no joins yet.
    Scheduled,
    /// It opens later, or waits for its draw, and takes joins.
    PreQueue,
    /// Joins are taken and visitors admitted.
    Open,
    /// Joins are taken, nobody is admitted.
    Paused,
    /// Nobody joins any more; those in the line are admitted.
    Draining,
    /// Nobody joins or is admitted. Places are kept: it may be opened again.
    Closed,
    /// The store has lost the line. Either it is being given it back, and nobody joins or is admitted meanwhile; or all
    /// who remembered it are gone too, and those who come back with their tokens are awaited: joins are taken, behind
    /// them, and nobody is admitted.
    Rejoining,
}

impl QueueState {
    /// All, in the order of a queue's life.
    pub const ALL: [Self; 7] =
        [Self::Scheduled, Self::PreQueue, Self::Open, Self::Paused, Self::Draining, Self::Closed, Self::Rejoining];

    /// As documents and metrics spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::PreQueue => "pre_queue",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Closed => "closed",
            Self::Rejoining => "rejoining",
        }
    }

    /// Whether it is yet to open.
    pub fn is_before_opening(self) -> bool {
        matches!(self, Self::Scheduled | Self::PreQueue)
    }
}

/// Why a queue gives no new places at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoJoins {
    /// They begin with the pre-queue.
    #[error("the queue takes no joins yet")]
    Scheduled,
    /// Only those in the line are let in.
    #[error("the queue takes no joins any more")]
    Draining,
    /// It is over.
    #[error("the queue is closed")]
    Closed,
    /// They begin again in a moment.
    #[error("the line is being given back to its store")]
    Rejoining,
}

impl Control {
    /// When the queue opens: as the operator says, else the settings; `None` for one that has always been open.
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.opens_at_override.or(self.baseline.schedule.opens_at)
    }

    /// In which order those are let in who join before the opening: as the first of all who joined has settled it, else
    /// as the operator says, else the settings. Who joins once a draw is made comes after it.
    pub fn opening(&self) -> Opening {
        if self.draw.drawn_at.is_some() {
            return Opening::Fifo;
        }
        self.draw.settled.unwrap_or_else(|| {
            let in_force = self.opening_override.unwrap_or(self.baseline.schedule.opening);
            // Nobody joins before an opening that has no time.
            if self.opens_at().is_some() { in_force } else { Opening::Fifo }
        })
    }

    /// Whether whoever joins at a moment as the first of all gets a number of a draw.
    pub fn would_number(&self, now: Timestamp) -> bool {
        self.opening() == Opening::Draw && self.opens_at().is_some_and(|opens_at| now < opens_at)
    }

    /// Where the beacon of the draw comes from: as it was when the first number was given.
    pub fn beacon_source(&self) -> Option<&str> {
        let source = if self.draw.has_numbers() { &self.draw.source } else { &self.baseline.schedule.beacon_source };
        source.as_deref()
    }

    /// What decides the draw, where nothing is missing any more.
    pub fn decisive_lots(&self) -> Option<Lots> {
        let needs_no_beacon = self.beacon_source().is_none();
        let beacon = self.draw.beacon.clone().or_else(|| needs_no_beacon.then(String::new));
        Draw { beacon, ..self.draw.clone() }.lots()
    }

    /// From when visitors of a lane are admitted, whatever the draw; always, where it is `None`.
    pub fn admits_from(&self, lane: Lane) -> Option<Timestamp> {
        let presale = self.baseline.invitations.filter(|_| lane == Lane::Invited);
        let earlier = presale.map_or(Duration::ZERO, |invitations| invitations.presale);
        Some(self.opens_at()?.checked_sub(earlier).unwrap_or(Timestamp::MIN))
    }

    /// From when joins of a lane are taken; always, where it is `None`.
    pub fn joins_from(&self, lane: Lane) -> Option<Timestamp> {
        let earlier = self.baseline.schedule.pre_queue;
        Some(self.admits_from(lane)?.checked_sub(earlier).unwrap_or(Timestamp::MIN))
    }

    /// When the queue closes: as the operator says, else the settings.
    pub fn closes_at(&self) -> Option<Timestamp> {
        match self.closes_at_override {
            Some(Closing::At(instant)) => Some(instant),
            Some(Closing::Never) => None,
            None => self.baseline.schedule.closes_at,
        }
    }

    /// The one state of the queue at a moment of the store's clock, derived and never stored.
    pub fn state(&self, now: Timestamp) -> QueueState {
        match self.state_of(Lane::General, now) {
            QueueState::Closed => QueueState::Closed,
            _ if self.rejoins(now) => QueueState::Rejoining,
            // One that would admit nobody anyway is shown as what it is.
            QueueState::Open | QueueState::Draining if self.awaits_returns(now) => QueueState::Rejoining,
            state => state,
        }
    }

    /// What the queue is doing for visitors of a lane at a moment, but for a line that is coming back: places are kept
    /// meanwhile, and that the line stands still is said of the queue as a whole.
    pub fn state_of(&self, lane: Lane, now: Timestamp) -> QueueState {
        let is_before = |instant: Option<Timestamp>| instant.is_some_and(|instant| now < instant);
        if self.is_closed(now) {
            QueueState::Closed
        } else if is_before(self.joins_from(lane)) {
            QueueState::Scheduled
        } else if is_before(self.admits_from(lane)) || self.waits_for_draw(lane) {
            QueueState::PreQueue
        } else if self.paused {
            QueueState::Paused
        } else if self.drains(now) {
            QueueState::Draining
        } else {
            QueueState::Open
        }
    }

    /// Whether visitors of a lane are admitted at a moment, as far as the state goes.
    pub fn admits(&self, lane: Lane, now: Timestamp) -> bool {
        let comes_back = self.rejoins(now) || self.awaits_returns(now);
        !comes_back && matches!(self.state_of(lane, now), QueueState::Open | QueueState::Draining)
    }

    /// Whether the line is being given back to its store. No clock that was set back makes it longer.
    pub fn rejoins(&self, now: Timestamp) -> bool {
        let at_most = SignedDuration::try_from(REJOINING_AT_MOST).unwrap_or(SignedDuration::MAX);
        let left = |until: Timestamp| until.duration_since(now);
        self.rejoining_until.is_some_and(|until| left(until) > SignedDuration::ZERO && left(until) <= at_most)
    }

    /// Whether those are awaited who had a place in an older epoch.
    pub fn awaits_returns(&self, now: Timestamp) -> bool {
        self.returning_until.is_some_and(|until| now < until)
    }

    /// Whether visitors of a lane wait for a draw. The invited of a queue that still invites do not.
    pub fn waits_for_draw(&self, lane: Lane) -> bool {
        self.draw.is_pending() && (lane == Lane::General || self.baseline.invitations.is_none())
    }

    /// Why new places in a lane are refused at a moment; `None` while they are given.
    pub fn no_joins(&self, lane: Lane, now: Timestamp) -> Option<NoJoins> {
        match self.state_of(lane, now) {
            QueueState::Closed => Some(NoJoins::Closed),
            // Somebody may know of places that were given already.
            _ if self.rejoins(now) => Some(NoJoins::Rejoining),
            QueueState::Scheduled => Some(NoJoins::Scheduled),
            // A queue may drain while it is paused or yet to open.
            _ => self.drains(now).then_some(NoJoins::Draining),
        }
    }

    /// Whether the queue would still open before it closes after a change of its times.
    pub fn opens_before_it_closes(&self, change: &ControlChange) -> bool {
        let after = Self {
            opens_at_override: change.opens_at.unwrap_or(self.opens_at_override),
            closes_at_override: change.closes_at.unwrap_or(self.closes_at_override),
            ..self.clone()
        };
        after.opens_at().zip(after.closes_at()).is_none_or(|(opens_at, closes_at)| opens_at < closes_at)
    }

    /// The change that opens the queue now: ahead of its time, or again.
    pub fn to_open(&self, now: Timestamp) -> ControlChange {
        ControlChange {
            opens_at: self.opens_at().is_some_and(|opens_at| now < opens_at).then_some(Some(now)),
            closes_at: self.is_closed(now).then_some(Some(Closing::Never)),
            drains_at: Some(None),
            paused: Some(false),
            ..ControlChange::default()
        }
    }

    /// The change that stops joins now; those in the line are let in.
    pub fn to_drain(&self, now: Timestamp) -> ControlChange {
        ControlChange { drains_at: (!self.drains(now)).then_some(Some(now)), ..ControlChange::default() }
    }

    /// The change that closes the queue now.
    pub fn to_close(&self, now: Timestamp) -> ControlChange {
        let closes_at = (!self.is_closed(now)).then_some(Some(Closing::At(now)));
        ControlChange { closes_at, ..ControlChange::default() }
    }

    fn is_closed(&self, now: Timestamp) -> bool {
        self.closes_at().is_some_and(|closes_at| closes_at <= now)
    }

    /// Whether nobody joins any more, by an order: those in the line are admitted.
    pub fn drains(&self, now: Timestamp) -> bool {
        self.drains_at.is_some_and(|drains_at| drains_at <= now)
    }
}

#[cfg(test)]
mod tests;
