//! When a queue opens and closes, and what it does meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    control::{Control, ControlChange},
    draw::{Draw, Lots, Opening},
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

/// The instant that stands for never in a store: 2^53 microseconds, in the year 2255, the last that a script can count to.
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
}

impl QueueState {
    /// All, in the order of a queue's life.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::PreQueue, Self::Open, Self::Paused, Self::Draining, Self::Closed];

    /// As documents and metrics spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::PreQueue => "pre_queue",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Closed => "closed",
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
}

impl Control {
    /// When the queue opens: as the operator says, else the settings; `None` for one that has always been open.
    pub fn opens_at(&self) -> Option<Timestamp> {
        self.opens_at_override.or(self.baseline.schedule.opens_at)
    }

    /// In which order those are let in who join before the opening: as the first of all who joined has settled it, else as the
    /// operator says, else the settings. Who joins once a draw is made comes after it.
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

    /// From when joins are taken; always, where it is `None`.
    pub fn joins_from(&self) -> Option<Timestamp> {
        let opens_at = self.opens_at()?;
        Some(opens_at.checked_sub(self.baseline.schedule.pre_queue).unwrap_or(Timestamp::MIN))
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
        let is_before = |instant: Option<Timestamp>| instant.is_some_and(|instant| now < instant);
        if self.is_closed(now) {
            QueueState::Closed
        } else if is_before(self.joins_from()) {
            QueueState::Scheduled
        } else if is_before(self.opens_at()) || self.draw.is_pending() {
            QueueState::PreQueue
        } else if self.paused {
            QueueState::Paused
        } else if self.drains(now) {
            QueueState::Draining
        } else {
            QueueState::Open
        }
    }

    /// Whether visitors are admitted at a moment, as far as the state goes.
    pub fn admits(&self, now: Timestamp) -> bool {
        matches!(self.state(now), QueueState::Open | QueueState::Draining)
    }

    /// Why new places are refused at a moment; `None` while they are given.
    pub fn no_joins(&self, now: Timestamp) -> Option<NoJoins> {
        match self.state(now) {
            QueueState::Closed => Some(NoJoins::Closed),
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

    fn drains(&self, now: Timestamp) -> bool {
        self.drains_at.is_some_and(|drains_at| drains_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{AdmissionLimits, Baseline, DrawSecret, Lifetimes};

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Joins from 40 on, opens at 100, closes at 200.
    fn control() -> Control {
        let lifetime = Duration::from_mins(1);
        let baseline = Baseline {
            limits: AdmissionLimits { rate_per_second: 1.0, cap: 1 },
            lifetimes: Lifetimes {
                arrive: lifetime,
                claim: lifetime,
                claim_at_most: lifetime,
                active: lifetime,
                grace: lifetime,
            },
            max_places: 10,
            schedule: Schedule {
                opens_at: Some(second(100)),
                pre_queue: Duration::from_mins(1),
                opening: Opening::Fifo,
                beacon_source: None,
                closes_at: Some(second(200)),
            },
            message: None,
        };
        Control::begin(baseline, DrawSecret([7; 32]))
    }

    fn after(control: &Control, change: &ControlChange) -> Control {
        Control {
            opens_at_override: change.opens_at.unwrap_or(control.opens_at_override),
            closes_at_override: change.closes_at.unwrap_or(control.closes_at_override),
            drains_at: change.drains_at.unwrap_or(control.drains_at),
            paused: change.paused.unwrap_or(control.paused),
            ..control.clone()
        }
    }

    #[test]
    fn a_scheduled_queue_lives_by_its_times() {
        let control = control();
        let states = [39, 40, 99, 100, 199, 200].map(|at| control.state(second(at)));
        let expected = [
            QueueState::Scheduled,
            QueueState::PreQueue,
            QueueState::PreQueue,
            QueueState::Open,
            QueueState::Open,
            QueueState::Closed,
        ];
        assert_eq!(states, expected);
        let refusals = [39, 40, 199, 200].map(|at| control.no_joins(second(at)));
        assert_eq!(refusals, [Some(NoJoins::Scheduled), None, None, Some(NoJoins::Closed)]);
    }

    #[test]
    fn a_queue_that_waits_for_its_draw_is_not_open_yet() {
        let draw = Draw { settled: Some(Opening::Draw), numbers: Some(3), ..control().draw };
        let pending = Control { draw, ..control() };
        assert_eq!((pending.state(second(150)), pending.no_joins(second(150))), (QueueState::PreQueue, None));
        let drawn = Control { draw: Draw { drawn_at: Some(second(160)), ..pending.draw.clone() }, ..pending };
        assert_eq!(drawn.state(second(160)), QueueState::Open);
        assert_eq!(drawn.opening(), Opening::Fifo, "whoever joins from now on comes after it");
    }

    #[test]
    fn what_is_told_of_the_opening_is_what_will_happen() {
        let mut control = control();
        control.baseline.schedule.opening = Opening::Draw;
        assert_eq!((control.opening(), control.would_number(second(99))), (Opening::Draw, true));
        assert!(!control.would_number(second(100)), "it has opened");
        let settled = Draw { settled: Some(Opening::Fifo), ..control.draw.clone() };
        assert_eq!(Control { draw: settled, ..control.clone() }.opening(), Opening::Fifo);
        control.baseline.schedule.opens_at = None;
        assert_eq!(control.opening(), Opening::Fifo, "nobody joins before an opening that has no time");
    }

    #[test]
    fn a_named_source_makes_the_draw_wait_for_its_beacon() {
        let draw = Draw { settled: Some(Opening::Draw), numbers: Some(3), ..control().draw };
        let without = Control { draw, ..control() };
        assert_eq!(without.decisive_lots().map(|lots| lots.beacon), Some(String::new()));
        let mut named = without;
        named.baseline.schedule.beacon_source = Some("too late".to_owned());
        assert!(named.decisive_lots().is_some(), "the source is that of the first number");
        named.draw.source = Some("drand".to_owned());
        named.baseline.schedule.beacon_source = None;
        assert_eq!(named.decisive_lots(), None);
        named.draw.beacon = Some("4242".to_owned());
        assert_eq!(named.decisive_lots().map(|lots| lots.beacon), Some("4242".to_owned()));
    }

    #[test]
    fn a_pause_shows_from_the_opening_on() {
        let control = Control { paused: true, ..control() };
        assert_eq!(control.state(second(99)), QueueState::PreQueue);
        assert_eq!(control.state(second(100)), QueueState::Paused);
        assert_eq!(control.state(second(200)), QueueState::Closed);
    }

    #[test]
    fn a_queue_that_drains_takes_no_joins_whatever_else_it_does() {
        let control = Control { drains_at: Some(second(50)), ..control() };
        assert_eq!((control.no_joins(second(49)), control.no_joins(second(50))), (None, Some(NoJoins::Draining)));
        assert_eq!(
            (control.state(second(50)), control.state(second(100))),
            (QueueState::PreQueue, QueueState::Draining)
        );
        let paused = Control { paused: true, ..control };
        assert_eq!(paused.state(second(100)), QueueState::Paused);
        assert_eq!(paused.no_joins(second(100)), Some(NoJoins::Draining));
        assert!(!paused.admits(second(100)));
    }

    #[test]
    fn an_operator_opens_a_queue_at_any_time_of_its_life() {
        for at in [10, 60, 150, 250].map(second) {
            for before in [control(), Control { paused: true, drains_at: Some(second(5)), ..control() }] {
                let opened = after(&before, &before.to_open(at));
                assert_eq!((opened.state(at), opened.no_joins(at)), (QueueState::Open, None), "at {at}");
            }
        }
        let early = after(&control(), &control().to_open(second(60)));
        assert_eq!(early.state(second(200)), QueueState::Closed, "the closing stands");
    }

    #[test]
    fn an_operator_drains_and_closes_a_queue() {
        let drained = after(&control(), &control().to_drain(second(120)));
        assert_eq!(drained.state(second(120)), QueueState::Draining);
        assert_eq!(drained.to_drain(second(130)), ControlChange::default(), "it drains already");
        let closed = after(&drained, &drained.to_close(second(130)));
        assert_eq!((closed.state(second(129)), closed.state(second(130))), (QueueState::Draining, QueueState::Closed));
        assert_eq!(closed.to_close(second(140)), ControlChange::default());
        let reopened = after(&closed, &closed.to_open(second(150)));
        assert_eq!(reopened.state(second(500)), QueueState::Open, "until an operator closes it again");
    }
}
