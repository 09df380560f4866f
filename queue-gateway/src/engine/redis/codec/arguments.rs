//! What scripts take.

use std::{fmt::Display, time::Duration};

use fred::types::Value;
use uuid::Uuid;

use super::{histogram, network as networks};
use crate::line::{ClientNetwork, Contact, Invitation, JoinRequest, Phase, Report, Sequence};

/// Ids travel and are stored as 32 hexadecimal digits: they hold no separator of ours, are the shortest readable form,
/// and sort as the ids do.
pub(in crate::engine::redis) fn id(uuid: Uuid) -> Value {
    Value::from(uuid.simple().to_string())
}

/// Numbers travel as decimal text; floats in the shortest form that reads back as the same number.
pub(in crate::engine::redis) fn text(value: impl Display) -> Value {
    Value::from(value.to_string())
}

/// Redis takes counts as signed numbers, and nobody reads a longer page.
pub(in crate::engine::redis) fn count(limit: usize) -> Value {
    text(u32::try_from(limit).unwrap_or(u32::MAX))
}

/// Whole microseconds.
pub(in crate::engine::redis) fn micros(duration: Duration) -> Value {
    text(duration.as_micros())
}

/// A client's network, or that it cannot be told.
pub(in crate::engine::redis) fn network(network: Option<ClientNetwork>) -> Value {
    network.map_or_else(|| text("-"), |network| Value::from(networks::write(network)))
}

/// The place above which to begin.
pub(in crate::engine::redis) fn above(above: Option<Sequence>) -> Value {
    text(above.unwrap_or(Sequence::FIRST).0)
}

/// A partial change of one field: leave, clear, or set.
#[expect(clippy::option_option, reason = "the three cases of the contract's partial change")]
pub(in crate::engine::redis) fn change(change: Option<Option<impl Display>>) -> Value {
    match change {
        None => text(""),
        Some(None) => text("-"),
        Some(Some(value)) => text(format_args!("={value}")),
    }
}

/// One join: whose it is, and what there is to say of it. Most come with nothing.
pub(in crate::engine::redis) fn join(request: &JoinRequest) -> [Value; 2] {
    let JoinRequest { visitor, held, candidate, contact, invitation } = *request;
    if (held, contact, invitation) == (None, None, None) {
        return [id(visitor.0), Value::from_static_str("")];
    }
    let held = held.map_or_else(|| "- -".to_owned(), |place| format!("{} {}", place.epoch.0, place.seq.0));
    // Without a contact nobody is admitted.
    let contact = contact.map_or_else(
        || "- -".to_owned(),
        |Contact { network }| {
            let network = network.map_or_else(|| "-".to_owned(), networks::write);
            format!("{} {network}", candidate.0.simple())
        },
    );
    let invitation = invitation.map_or_else(
        || "- -".to_owned(),
        |Invitation { id, expires_at }| format!("{} {}", id.0.simple(), expires_at.as_microsecond()),
    );
    [id(visitor.0), Value::from(format!("{held} {contact} {invitation}"))]
}

/// What a gateway tells in a step.
pub(in crate::engine::redis) fn report(report: &Report) -> impl Iterator<Item = Value> {
    let phase = match report.phase {
        Phase::Begins => "begins",
        Phase::GoesOn => "goes_on",
        Phase::Ends => "ends",
    };
    let fixed = [
        id(report.gateway.0),
        text(report.number),
        text(phase),
        text(report.covers.0),
        text(report.newest.0),
        report.reach.map_or_else(|| text("-"), |reach| text(reach.0)),
        text(u32::try_from(report.wanted).unwrap_or(u32::MAX)),
        text(histogram::write(&report.histogram)),
        text(report.epoch.0),
        text(report.after.0),
        count(report.limit),
        text(report.gone.len()),
        text(report.ready.len()),
    ];
    let gone = report.gone.iter().flat_map(|(visitor, seq)| [id(visitor.0), text(seq.0)]);
    let ready = report
        .ready
        .iter()
        .flat_map(|ready| [id(ready.visitor.0), text(ready.seq.0), network(ready.network), micros(ready.due_in)]);
    fixed.into_iter().chain(gone).chain(ready).chain(report.candidates.iter().map(|candidate| id(candidate.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_changes_of_a_field_are_told_apart() {
        assert_eq!(change(None::<Option<u8>>), text(""));
        assert_eq!(change(Some(None::<u8>)), text("-"));
        assert_eq!(change(Some(Some("-"))), text("=-"));
    }
}
