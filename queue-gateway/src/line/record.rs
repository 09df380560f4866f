//! The record of what was changed about a queue, by whom.

use jiff::Timestamp;

use super::{
    control::Control,
    life::{Closing, NEVER},
};

/// Who changes a queue by its settings, in the record.
pub const BY_SETTINGS: &str = "settings";

/// Who puts orders back into a store that has lost them, in the record.
pub const BY_GATEWAYS: &str = "a gateway, after the store had lost it";

/// What governs a queue and can be changed. The names are those of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lever {
    /// The operator's rate.
    Rate,
    /// The operator's cap.
    Cap,
    /// The operator's opening time, in microseconds since 1970 as all instants.
    OpensAt,
    /// How the operator opens the queue.
    Opening,
    /// The public value of the draw.
    Beacon,
    /// The operator's closing time, or [`NEVER`].
    ClosesAt,
    /// From when nobody joins.
    DrainsAt,
    /// Pause.
    Paused,
    /// The operator's sentence for those who wait.
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
    /// How long those are awaited who come back to places of an older epoch.
    ComeBack,
    /// Most places in the line.
    MaxPlaces,
    /// The settings' opening time.
    BaselineOpensAt,
    /// How long before it joins are taken, in microseconds.
    PreQueue,
    /// How the settings open the queue.
    BaselineOpening,
    /// Where the public value of the draw comes from.
    BeaconSource,
    /// The settings' sentence for those who wait.
    BaselineMessage,
    /// The settings' closing time.
    BaselineClosesAt,
    /// The share of the invited, in thousandths.
    InvitedShare,
    /// How long before the opening the invited are admitted, in microseconds.
    Presale,
}

impl Lever {
    /// All, in the order in which a step records them.
    pub const ALL: [Self; 26] = [
        Self::Rate,
        Self::Cap,
        Self::OpensAt,
        Self::ClosesAt,
        Self::DrainsAt,
        Self::Paused,
        Self::Message,
        Self::Opening,
        Self::Beacon,
        Self::BaselineRate,
        Self::BaselineCap,
        Self::Arrive,
        Self::Claim,
        Self::ClaimAtMost,
        Self::Active,
        Self::Grace,
        Self::ComeBack,
        Self::MaxPlaces,
        Self::BaselineOpensAt,
        Self::PreQueue,
        Self::BaselineClosesAt,
        Self::BaselineOpening,
        Self::BeaconSource,
        Self::BaselineMessage,
        Self::InvitedShare,
        Self::Presale,
    ];

    /// As settings and the other calls name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate_per_second",
            Self::Cap => "active_cap",
            Self::OpensAt => "opens_at",
            Self::Opening => "opening",
            Self::Beacon => "beacon",
            Self::ClosesAt => "closes_at",
            Self::DrainsAt => "drains_at",
            Self::Paused => "paused",
            Self::Message => "message",
            Self::BaselineMessage => "settings.message",
            Self::BaselineRate => "settings.rate_per_second",
            Self::BaselineCap => "settings.active_cap",
            Self::Arrive => "settings.arrive_within_seconds",
            Self::Claim => "settings.claim_within_seconds",
            Self::ClaimAtMost => "settings.claim_at_most_seconds",
            Self::Active => "settings.active_lifetime_seconds",
            Self::Grace => "settings.grace_seconds",
            Self::ComeBack => "settings.come_back_within_seconds",
            Self::MaxPlaces => "settings.max_places",
            Self::BaselineOpensAt => "settings.opens_at",
            Self::PreQueue => "settings.pre_queue_seconds",
            Self::BaselineOpening => "settings.opening",
            Self::BeaconSource => "settings.beacon_source",
            Self::BaselineClosesAt => "settings.closes_at",
            Self::InvitedShare => "settings.invitations.share",
            Self::Presale => "settings.invitations.presale_seconds",
        }
    }

    /// How a control has it, in the text that stores keep; `None` where nothing is set.
    pub fn of(self, control: &Control) -> Option<String> {
        let Control { baseline, .. } = control;
        let (lifetimes, schedule) = (baseline.lifetimes, &baseline.schedule);
        let instant = |instant: Timestamp| instant.as_microsecond().to_string();
        match self {
            Self::Rate => control.rate_override.map(|rate| rate.to_string()),
            Self::Cap => control.cap_override.map(|cap| cap.to_string()),
            Self::OpensAt => control.opens_at_override.map(instant),
            Self::Opening => control.opening_override.map(|opening| opening.name().to_owned()),
            Self::Beacon => control.draw.beacon.clone(),
            Self::ClosesAt => control.closes_at_override.map(|closing| match closing {
                Closing::At(at) => instant(at),
                Closing::Never => NEVER.to_string(),
            }),
            Self::DrainsAt => control.drains_at.map(instant),
            Self::Paused => Some(u8::from(control.paused).to_string()),
            Self::Message => control.message_override.clone(),
            Self::BaselineRate => Some(baseline.limits.rate_per_second.to_string()),
            Self::BaselineCap => Some(baseline.limits.cap.to_string()),
            Self::Arrive => Some(lifetimes.arrive.as_micros().to_string()),
            Self::Claim => Some(lifetimes.claim.as_micros().to_string()),
            Self::ClaimAtMost => Some(lifetimes.claim_at_most.as_micros().to_string()),
            Self::Active => Some(lifetimes.active.as_micros().to_string()),
            Self::Grace => Some(lifetimes.grace.as_micros().to_string()),
            Self::ComeBack => Some(lifetimes.come_back.as_micros().to_string()),
            Self::MaxPlaces => Some(baseline.max_places.to_string()),
            Self::BaselineOpensAt => schedule.opens_at.map(instant),
            Self::PreQueue => Some(schedule.pre_queue.as_micros().to_string()),
            Self::BaselineOpening => Some(schedule.opening.name().to_owned()),
            Self::BeaconSource => schedule.beacon_source.clone(),
            Self::BaselineMessage => baseline.message.clone(),
            Self::BaselineClosesAt => schedule.closes_at.map(instant),
            Self::InvitedShare => baseline.invitations.map(|granted| granted.share.thousandths().to_string()),
            Self::Presale => baseline.invitations.map(|granted| granted.presale.as_micros().to_string()),
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
