//! The record of what was changed about a queue, by whom.

use jiff::Timestamp;

use super::control::Control;

/// Who changes a queue by its settings, in the record.
pub const BY_SETTINGS: &str = "settings";

/// What governs a queue and can be changed. The names are those of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lever {
    /// The operator's rate.
    Rate,
    /// The operator's cap.
    Cap,
    /// Pause.
    Paused,
    /// The sentence for those who wait.
    Message,
    /// The settings' rate.
    BaselineRate,
    /// The settings' cap.
    BaselineCap,
    /// Time to arrive, in microseconds as all that follow.
    Arrive,
    /// Time to claim.
    Claim,
    /// Time to claim, whatever the signs of life.
    ClaimAtMost,
    /// Life of an active token.
    Active,
    /// How long a passed place is kept.
    Grace,
    /// Most places in the line.
    MaxPlaces,
}

impl Lever {
    /// All, in the order in which a step records them.
    pub const ALL: [Self; 12] = [
        Self::Rate,
        Self::Cap,
        Self::Paused,
        Self::Message,
        Self::BaselineRate,
        Self::BaselineCap,
        Self::Arrive,
        Self::Claim,
        Self::ClaimAtMost,
        Self::Active,
        Self::Grace,
        Self::MaxPlaces,
    ];

    /// How a control has it, in the text that stores keep; `None` where nothing is set.
    pub fn of(self, control: &Control) -> Option<String> {
        let Control { baseline, .. } = control;
        let lifetimes = baseline.lifetimes;
        match self {
            Self::Rate => control.rate_override.map(|rate| rate.to_string()),
            Self::Cap => control.cap_override.map(|cap| cap.to_string()),
            Self::Paused => Some(u8::from(control.paused).to_string()),
            Self::Message => control.message.clone(),
            Self::BaselineRate => Some(baseline.limits.rate_per_second.to_string()),
            Self::BaselineCap => Some(baseline.limits.cap.to_string()),
            Self::Arrive => Some(lifetimes.arrive.as_micros().to_string()),
            Self::Claim => Some(lifetimes.claim.as_micros().to_string()),
            Self::ClaimAtMost => Some(lifetimes.claim_at_most.as_micros().to_string()),
            Self::Active => Some(lifetimes.active.as_micros().to_string()),
            Self::Grace => Some(lifetimes.grace.as_micros().to_string()),
            Self::MaxPlaces => Some(baseline.max_places.to_string()),
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The control's revision from then on; changes of one step share it.
    pub revision: u64,
    /// By the store's clock.
    pub at: Timestamp,
    /// The operator, or [`BY_SETTINGS`].
    pub by: String,
    /// What was changed.
    pub lever: Lever,
    /// As [`Lever::of`] has it.
    pub from: Option<String>,
    /// As [`Lever::of`] has it.
    pub to: Option<String>,
}

impl Change {
    /// What differs between two controls, the later of which `by` has made at this moment.
    pub fn between(before: &Control, after: &Control, at: Timestamp, by: &str) -> impl Iterator<Item = Self> {
        Lever::ALL.into_iter().filter_map(move |lever| {
            let (from, to) = (lever.of(before), lever.of(after));
            let change = || Self { revision: after.revision, at, by: by.to_owned(), lever, from, to };
            (lever.of(before) != lever.of(after)).then(change)
        })
    }
}
