//! What governs a queue: the settings' baseline, and an operator's overrides beside it.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    draw::{Draw, DrawSecret, Opening},
    lane::{Invitations, Share},
    life::{Closing, Schedule},
};

/// Most characters of what settings and operators say to people: it is read on small screens.
pub const MOST_CHARACTERS: usize = 500;

/// How fast and how far a queue admits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdmissionLimits {
    /// Visitors admitted per second; may be fractional, must be finite and not negative. Zero admits nobody.
    pub rate_per_second: f64,
    /// Most active users at one time.
    pub cap: u64,
}

impl AdmissionLimits {
    /// How many ready visitors the store should have at hand: two seconds' admissions, and some for a quiet line.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what both types hold")]
    pub fn ready_wanted(&self) -> u64 {
        (2.0 * self.burst()).clamp(64.0, 10_000.0) as u64
    }

    /// Most admissions that may happen at one moment: one second's worth, and never less than one whole admission.
    pub fn burst(&self) -> f64 {
        self.rate_per_second.max(1.0)
    }
}

/// How long turns and places last. Times are in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// From an admission, or the visitor's next due poll if that is later, to the last moment for arriving.
    pub arrive: Duration,
    /// From the arrival, and from each later sign of life, to the last moment at which a claim is accepted.
    pub claim: Duration,
    /// From the arrival to the last moment for a claim, whatever the signs of life.
    pub claim_at_most: Duration,
    /// From an admission to the token's own expiry.
    pub active: Duration,
    /// A passed place is kept for so long after it was passed, or its visitor last seen.
    pub grace: Duration,
    /// When the first comes back to a place of an older epoch, nobody is admitted for so long: the others come back
    /// too. Zero where nobody is waited for.
    pub come_back: Duration,
}

/// What the settings say of a queue; pushed to the store at start and on live reload.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Since when they say so, in whole microseconds: of two baselines the newer governs.
    pub as_of: Timestamp,
    /// Rate and cap where no operator overrides them.
    pub limits: AdmissionLimits,
    /// How long turns and places last from now on.
    pub lifetimes: Lifetimes,
    /// Most places in the line; joins above it are refused.
    pub max_places: u64,
    /// When the queue opens and closes, where no operator says otherwise.
    pub schedule: Schedule,
    /// The priority lane; nobody is invited where it is `None`.
    pub invitations: Option<Invitations>,
    /// A sentence for those who wait, where no operator has another.
    pub message: Option<String>,
}

impl Baseline {
    /// Whether both say the same, since whenever.
    pub fn says_the_same(&self, other: &Self) -> bool {
        Self { as_of: other.as_of, ..self.clone() } == *other
    }
}

/// What a queue that the store does not have begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// What its draw is sealed with.
    pub secret: DrawSecret,
    /// Others may remember the queue: it waits for them.
    pub may_be_known: bool,
}

/// A partial change by an operator; `None` leaves a value as it is, `Some(None)` returns it to the baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlChange {
    /// Overrides the baseline's rate.
    pub rate_per_second: Option<Option<f64>>,
    /// Overrides the baseline's cap.
    pub cap: Option<Option<u64>>,
    /// Overrides when the baseline opens the queue.
    pub opens_at: Option<Option<Timestamp>>,
    /// Overrides when the baseline closes it.
    pub closes_at: Option<Option<Closing>>,
    /// Overrides how the baseline opens the queue. Without effect once the first have joined.
    pub opening: Option<Option<Opening>>,
    /// The public value that decides the draw, once it is known. Without effect before the opening, without a source,
    /// and once there is one.
    pub beacon: Option<String>,
    /// From then on nobody joins; `Some(None)` takes joins again.
    pub drains_at: Option<Option<Timestamp>>,
    /// Pauses or resumes admission. Credit is not banked while paused.
    pub paused: Option<bool>,
    /// Overrides the baseline's sentence for those who wait; at most 500 characters.
    pub message: Option<Option<String>>,
}

/// What governs a queue at present.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// Goes up by one with each change of baseline or override.
    pub revision: u64,
    /// From the settings.
    pub baseline: Baseline,
    /// The operator's rate, where set.
    pub rate_override: Option<f64>,
    /// The operator's cap, where set.
    pub cap_override: Option<u64>,
    /// The operator's opening time, where set.
    pub opens_at_override: Option<Timestamp>,
    /// How the operator opens the queue, where set.
    pub opening_override: Option<Opening>,
    /// The operator's closing, where set.
    pub closes_at_override: Option<Closing>,
    /// From then on nobody joins.
    pub drains_at: Option<Timestamp>,
    /// Admission stands still.
    pub paused: bool,
    /// Until then at the latest the store waits for what gateways remember of the line, which it has lost.
    pub rejoining_until: Option<Timestamp>,
    /// Until then those who had a place in an older epoch have time to come back before anybody is admitted.
    pub returning_until: Option<Timestamp>,
    /// The operator's sentence, where set.
    pub message_override: Option<String>,
    /// The draw, which moves on by itself and not by the revision.
    pub draw: Draw,
}

impl Control {
    /// What governs a queue that has just begun.
    pub fn begin(baseline: Baseline, secret: DrawSecret) -> Self {
        Self {
            revision: 1,
            baseline,
            rate_override: None,
            cap_override: None,
            opens_at_override: None,
            opening_override: None,
            closes_at_override: None,
            drains_at: None,
            paused: false,
            rejoining_until: None,
            returning_until: None,
            message_override: None,
            draw: Draw::sealed(secret),
        }
    }

    /// Rate and cap in force: the operator's where set, else the baseline's.
    pub fn limits(&self) -> AdmissionLimits {
        AdmissionLimits {
            rate_per_second: self.rate_override.unwrap_or(self.baseline.limits.rate_per_second),
            cap: self.cap_override.unwrap_or(self.baseline.limits.cap),
        }
    }

    /// What part of the admissions the invited have while both lanes wait. Whoever stands in the lane of a queue that
    /// invites nobody any more goes first.
    pub fn invited_share(&self) -> Share {
        self.baseline.invitations.map_or(Share::WHOLE, |invitations| invitations.share)
    }

    /// The sentence for those who wait: the operator's where set, else the baseline's.
    pub fn message(&self) -> Option<&str> {
        self.message_override.as_deref().or(self.baseline.message.as_deref())
    }
}
