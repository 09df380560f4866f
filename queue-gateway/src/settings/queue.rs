//! The settings of one queue.

use std::time::Duration;

use jiff::{
    Timestamp,
    fmt::serde::unsigned_duration::friendly::compact::{optional as optional_duration, required as duration},
};
use serde::Deserialize;
use service::settings::{Faults, Validate};

use super::is_address;
use crate::{
    line::{Invitations, Lifetimes, MOST_CHARACTERS, Opening, Schedule, Share, admission::AdmissionPolicy},
    members::MemberQueueSettings,
    proof_of_work::ProofOfWorkSettings,
};

/// People stay on a page for hours, not for weeks.
const LONGEST_PRE_QUEUE: Duration = Duration::from_hours(7 * 24);

/// Who a visitor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum IdentityKind {
    /// A browser, by the identity that it was given.
    #[default]
    Anonymous,
    /// A member of a site, by its join token: one place a member, whatever the devices.
    Member,
}

/// The derived error would speak of enums and constructors.
impl TryFrom<String> for IdentityKind {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "anonymous" => Ok(Self::Anonymous),
            "member" => Ok(Self::Member),
            _ => Err("must be \"anonymous\" or \"member\""),
        }
    }
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct QueueSettings {
    /// What people call it; the name where it is left out.
    pub title: Option<String>,
    /// A sentence for those who wait.
    pub message: Option<String>,
    /// Where an admitted visitor goes.
    pub redirect_to: String,
    /// Most places in the line.
    #[serde(default = "max_places")]
    pub max_places: u64,
    /// Who a visitor of this queue is.
    #[serde(default)]
    pub identity: IdentityKind,
    /// Whose members, where they are.
    pub members: Option<MemberQueueSettings>,
    /// Asks newcomers for proof of work; off where it is left out.
    pub proof_of_work: Option<ProofOfWorkSettings>,
    /// When it opens and closes; always open where it is left out.
    #[serde(default)]
    pub schedule: ScheduleSettings,
    /// Invites people to a priority lane; nobody is invited where it is left out.
    pub invitations: Option<InvitationSettings>,
    /// How long its turns and places last, where it is not as in `[tokens]`.
    #[serde(default)]
    pub lifetimes: LifetimeSettings,
    /// How fast and how far it admits.
    pub admission: AdmissionPolicy,
}

/// When a queue opens and closes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ScheduleSettings {
    /// Visitors are admitted from then on.
    #[serde(default)]
    pub opens_at: Option<Timestamp>,
    /// Joins are taken so long before.
    #[serde(default = "pre_queue", with = "duration")]
    pub pre_queue: Duration,
    /// In which order those are let in who join before.
    #[serde(default)]
    pub opening: Opening,
    /// Where the public value of a draw will come from.
    #[serde(default)]
    pub beacon_source: Option<String>,
    /// Nobody joins or is admitted from then on.
    #[serde(default)]
    pub closes_at: Option<Timestamp>,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self { opens_at: None, pre_queue: pre_queue(), opening: Opening::Fifo, beacon_source: None, closes_at: None }
    }
}

impl ScheduleSettings {
    /// As the store keeps it: in whole microseconds.
    pub fn schedule(&self) -> Schedule {
        let whole = |at: Timestamp| Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        let pre_queue = self.pre_queue;
        Schedule {
            opens_at: self.opens_at.map(whole),
            pre_queue,
            opening: self.opening,
            beacon_source: self.beacon_source.clone(),
            closes_at: self.closes_at.map(whole),
        }
    }
}

/// What the invited are granted.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct InvitationSettings {
    /// Of all admissions, while visitors of both lanes are there: from 0.001 to 1, in thousandths.
    pub share: f64,
    /// They are admitted so long before the opening.
    #[serde(default, with = "duration")]
    pub presale: Duration,
}

impl InvitationSettings {
    /// As the store keeps it.
    pub fn granted(&self) -> Invitations {
        let share = in_thousandths(self.share).and_then(Share::of_thousandths).unwrap_or(Share::WHOLE);
        Invitations { share, presale: self.presale }
    }
}

/// A fraction that has no more than three digits after the point.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
fn in_thousandths(fraction: f64) -> Option<u16> {
    let thousandths = (fraction * 1e3).round();
    let is_exact = (thousandths / 1e3 - fraction).abs() < 1e-9;
    (is_exact && (0.0..=1e3).contains(&thousandths)).then_some(thousandths as u16)
}

/// The lifetimes of `[tokens]` that a queue has of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LifetimeSettings {
    /// Life of an active token.
    #[serde(with = "optional_duration")]
    pub active_lifetime: Option<Duration>,
    /// Time to come to the site.
    #[serde(with = "optional_duration")]
    pub arrive_within: Option<Duration>,
    /// Time for a claim.
    #[serde(with = "optional_duration")]
    pub claim_within: Option<Duration>,
    /// Time for a claim, whatever the signs of life.
    #[serde(with = "optional_duration")]
    pub claim_at_most: Option<Duration>,
    /// How long a passed place is kept.
    #[serde(with = "optional_duration")]
    pub grace: Option<Duration>,
    /// How long those are awaited who come back to places of an older epoch.
    #[serde(with = "optional_duration")]
    pub come_back_within: Option<Duration>,
}

impl LifetimeSettings {
    /// What holds for the queue, where these hold for all.
    pub fn over(&self, all: Lifetimes) -> Lifetimes {
        Lifetimes {
            arrive: self.arrive_within.unwrap_or(all.arrive),
            claim: self.claim_within.unwrap_or(all.claim),
            claim_at_most: self.claim_at_most.unwrap_or(all.claim_at_most),
            active: self.active_lifetime.unwrap_or(all.active),
            grace: self.grace.unwrap_or(all.grace),
            come_back: self.come_back_within.unwrap_or(all.come_back),
        }
    }
}

/// A line that nobody sees the end of: above it a join is told to come back.
pub(super) fn max_places() -> u64 {
    2_000_000
}

/// Time for a crowd to gather calmly.
fn pre_queue() -> Duration {
    Duration::from_mins(15)
}

impl QueueSettings {
    /// Whether it opens by a draw in which whoever brings more browsers has more numbers.
    pub fn is_lottery_by_browsers(&self) -> bool {
        let is_free = self.identity == IdentityKind::Anonymous && self.proof_of_work.is_none();
        self.schedule.opening == Opening::Draw && is_free
    }
}

impl Validate for QueueSettings {
    fn validate(&self, at: &mut Faults) {
        let safe = self.redirect_to.starts_with('/') || is_address(&self.redirect_to);
        at.require("redirect_to", safe, "must be an http or https address, or a path of this gateway's own host");
        let short = self.message.as_ref().is_none_or(|text| text.chars().count() <= MOST_CHARACTERS);
        at.require("message", short, "must have at most 500 characters");
        at.within_range("max_places", self.max_places, 1..=100_000_000);
        if let Some(members) = &self.members {
            at.section("members", members);
        }
        let told = (self.identity == IdentityKind::Member) == self.members.is_some();
        at.require("members", told, "must be given with identity = \"member\", and only then");
        if let Some(proof_of_work) = &self.proof_of_work {
            at.section("proof_of_work", proof_of_work);
        }
        at.within("schedule", |at| {
            let ScheduleSettings { opens_at, pre_queue, opening, ref beacon_source, closes_at } = self.schedule;
            let draws = opening == Opening::Draw;
            at.require("opening", !draws || opens_at.is_some(), "a draw needs opens_at");
            let short = beacon_source.as_ref().is_none_or(|text| (1..=MOST_CHARACTERS).contains(&text.chars().count()));
            at.require("beacon_source", short, "must have 1 to 500 characters");
            at.require("beacon_source", beacon_source.is_none() || draws, "is for opening = \"draw\" alone");
            let fits = pre_queue <= LONGEST_PRE_QUEUE;
            at.require("pre_queue", fits, format!("must be at most 7d, is {pre_queue:?}"));
            let opens = opens_at.zip(closes_at).is_none_or(|(opens_at, closes_at)| opens_at < closes_at);
            at.require("closes_at", opens, "must be later than opens_at");
        });
        if let Some(InvitationSettings { share, presale }) = self.invitations {
            at.within("invitations", |at| {
                let fits = in_thousandths(share).and_then(Share::of_thousandths).is_some();
                at.require("share", fits, "must be from 0.001 to 1, with at most three digits after the point");
                at.require("presale", presale <= LONGEST_PRE_QUEUE, format!("must be at most 7d, is {presale:?}"));
            });
        }
        at.within("admission", |at| {
            for (key, rule) in self.admission.faults() {
                at.add(key, rule);
            }
        });
    }
}
