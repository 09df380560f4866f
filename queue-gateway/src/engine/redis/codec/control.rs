//! What governs a queue, and the record of its changes.

use std::time::Duration;

use fred::types::Value;
use jiff::Timestamp;

use super::{Read, Reply, change, corrupt, micros, text, timestamp};
use crate::line::{
    AdmissionLimits, Baseline, Change, Closing, Control, Draw, DrawSecret, Invitations, Lever, Lifetimes, NEVER,
    Opening, Schedule, Share,
};

/// What the settings say of a queue.
pub(in crate::engine::redis) fn baseline(baseline: &Baseline) -> impl Iterator<Item = Value> {
    let Baseline { as_of, limits, lifetimes, max_places, schedule, invitations, message } = baseline;
    let Lifetimes { arrive, claim, claim_at_most, active, grace, come_back } = *lifetimes;
    let limits = [text(limits.rate_per_second), text(limits.cap)];
    let Schedule { opens_at, pre_queue, opening, beacon_source, closes_at } = schedule;
    let schedule = [
        optional_instant(*opens_at),
        micros(*pre_queue),
        optional_instant(*closes_at),
        text(opening.name()),
        change(Some(beacon_source.as_ref())),
        change(Some(message.as_ref())),
    ];
    let lifetimes = [arrive, claim, claim_at_most, active, grace, come_back].map(micros);
    let invited = invitations.map_or_else(
        || [text("-"), text("-")],
        |Invitations { share, presale }| [text(share.thousandths()), micros(presale)],
    );
    limits
        .into_iter()
        .chain(lifetimes)
        .chain([text(max_places)])
        .chain(schedule)
        .chain(invited)
        .chain([text(instant(*as_of))])
}

/// Microseconds since 1970.
pub(in crate::engine::redis) fn instant(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// When an operator closes a queue.
pub(in crate::engine::redis) fn closing(closing: Closing) -> i64 {
    match closing {
        Closing::At(at) => instant(at),
        Closing::Never => NEVER,
    }
}

fn optional_instant(at: Option<Timestamp>) -> Value {
    at.map_or_else(|| text("-"), |at| text(instant(at)))
}

impl Reply {
    pub(in crate::engine::redis) fn control(mut self) -> Read<Control> {
        Ok(Control {
            revision: self.number()?,
            baseline: Baseline {
                // A queue of before there were ages is older than all.
                as_of: self.optional_instant()?.unwrap_or(Timestamp::UNIX_EPOCH),
                limits: AdmissionLimits { rate_per_second: self.number()?, cap: self.number()? },
                lifetimes: Lifetimes {
                    arrive: self.duration()?,
                    claim: self.duration()?,
                    claim_at_most: self.duration()?,
                    active: self.duration()?,
                    grace: self.duration()?,
                    come_back: self.duration()?,
                },
                max_places: self.number()?,
                schedule: Schedule {
                    opens_at: self.optional_instant()?,
                    pre_queue: self.duration()?,
                    opening: self.opening()?.ok_or_else(|| corrupt("an opening"))?,
                    beacon_source: self.optional_text()?,
                    closes_at: self.optional_instant()?,
                },
                message: self.optional_text()?,
                invitations: self.invitations()?,
            },
            rate_override: self.optional_number()?,
            cap_override: self.optional_number()?,
            opens_at_override: self.optional_instant()?,
            opening_override: self.opening()?,
            closes_at_override: self.optional_number()?.map(when_closed).transpose()?,
            drains_at: self.optional_instant()?,
            paused: self.text()? == "1",
            rejoining_until: self.optional_instant()?,
            returning_until: self.optional_instant()?,
            message_override: self.optional_text()?,
            draw: self.draw()?,
        })
    }

    fn invitations(&mut self) -> Read<Option<Invitations>> {
        let (share, presale) = (self.optional_number()?, self.optional_number()?.map(Duration::from_micros));
        let Some((share, presale)) = share.zip(presale) else { return Ok(None) };
        let share = Share::of_thousandths(share).ok_or_else(|| corrupt("a share in thousandths"))?;
        Ok(Some(Invitations { share, presale }))
    }

    fn opening(&mut self) -> Read<Option<Opening>> {
        let text = self.optional_text()?;
        text.map(|text| Opening::try_from(text).map_err(|_| corrupt("an opening"))).transpose()
    }

    fn draw(&mut self) -> Read<Draw> {
        Ok(Draw {
            secret: DrawSecret::from_hex(&self.text()?).ok_or_else(|| corrupt("the secret of a draw"))?,
            settled: self.optional_text()?.map(|text| if text == "1" { Opening::Draw } else { Opening::Fifo }),
            source: self.optional_text()?,
            numbers: self.optional_number()?,
            closed_at: self.optional_instant()?,
            beacon: self.optional_text()?,
            drawn_at: self.optional_instant()?,
        })
    }

    pub(in crate::engine::redis) fn changes(self) -> Read<Vec<Change>> {
        self.all(|value| {
            let mut change = Self::new(value)?;
            Ok(Change {
                revision: change.number()?,
                at: timestamp(change.number()?)?,
                by: change.text()?,
                lever: lever(&change.text()?)?,
                from: set_or_not(&change.text()?)?,
                to: set_or_not(&change.text()?)?,
            })
        })
    }
}

fn when_closed(micros: i64) -> Read<Closing> {
    if micros == NEVER { Ok(Closing::Never) } else { timestamp(micros).map(Closing::At) }
}

/// A value of the record: `-` for nothing, or `=` and the value.
fn set_or_not(text: &str) -> Read<Option<String>> {
    match text.split_at_checked(1) {
        Some(("-", "")) => Ok(None),
        Some(("=", value)) => Ok(Some(value.to_owned())),
        _ => Err(corrupt("a value or none")),
    }
}

/// What governs a queue, by the name of its field.
fn lever(field: &str) -> Read<Lever> {
    Ok(match field {
        "rate_override" => Lever::Rate,
        "cap_override" => Lever::Cap,
        "opens_at_override" => Lever::OpensAt,
        "opening_override" => Lever::Opening,
        "beacon" => Lever::Beacon,
        "closes_at_override" => Lever::ClosesAt,
        "drains_at" => Lever::DrainsAt,
        "paused" => Lever::Paused,
        "message_override" => Lever::Message,
        "message" => Lever::BaselineMessage,
        "rate" => Lever::BaselineRate,
        "cap" => Lever::BaselineCap,
        "arrive" => Lever::Arrive,
        "claim" => Lever::Claim,
        "claim_at_most" => Lever::ClaimAtMost,
        "active" => Lever::Active,
        "grace" => Lever::Grace,
        "come_back" => Lever::ComeBack,
        "max_places" => Lever::MaxPlaces,
        "opens_at" => Lever::BaselineOpensAt,
        "pre_queue" => Lever::PreQueue,
        "opening" => Lever::BaselineOpening,
        "beacon_source" => Lever::BeaconSource,
        "closes_at" => Lever::BaselineClosesAt,
        "invited_share" => Lever::InvitedShare,
        "presale" => Lever::Presale,
        _ => return Err(corrupt("what governs a queue")),
    })
}
