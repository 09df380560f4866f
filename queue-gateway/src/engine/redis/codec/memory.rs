//! What gateways remember of a line.

use std::fmt::Display;

use contract::ids::VisitorId;
use fred::types::Value;

use super::{Read, Reply, change, control, corrupt, id, parsed, text};
use crate::line::{
    Control, Draw, DrawSecret, Epoch, Extent, History, LogIndex, Memory, MemoryPage, Opening, Rejoined, RememberedSlot,
    Sequence, Snapshot, Totals,
};

/// A line in numbers.
pub(in crate::engine::redis) fn numbers(memory: &Memory) -> impl Iterator<Item = Value> {
    let Memory { gateway, gateways, epoch, history, log_head, extent, totals, control } = memory;
    let Extent { last_seq, watermark, expired_through, last_invited, invited_watermark } = *extent;
    let named: Vec<String> = [gateway].into_iter().chain(gateways).map(|id| id.0.simple().to_string()).collect();
    let line = [
        text(named.join(" ")),
        text(epoch.0),
        text(log_head.0),
        text(last_seq.0),
        text(watermark.0),
        text(expired_through.0),
        text(last_invited.nth_invited()),
        text(invited_watermark.0),
        text(control.revision),
    ];
    let Totals { admitted, admitted_invited, arrived, no_shows, not_claimed } = *totals;
    let totals = [admitted, admitted_invited, arrived, no_shows, not_claimed].map(text);
    line.into_iter().chain(totals).chain(orders(control)).chain(draw(&control.draw)).chain([text(history.0)])
}

fn known(value: Option<impl Display>) -> Value {
    change(Some(value))
}

fn orders(control: &Control) -> [Value; 8] {
    [
        known(control.rate_override),
        known(control.cap_override),
        known(control.opens_at_override.map(control::instant)),
        known(control.closes_at_override.map(control::closing)),
        known(control.drains_at.map(control::instant)),
        known(Some(u8::from(control.paused))),
        known(control.message_override.as_ref()),
        known(control.opening_override.map(Opening::name)),
    ]
}

fn draw(draw: &Draw) -> [Value; 7] {
    let Draw { secret, settled, source, numbers, closed_at, beacon, drawn_at } = draw;
    [
        known(Some(DrawSecret::to_hex(secret))),
        known(settled.map(|settled| u8::from(settled == Opening::Draw))),
        known(source.as_ref()),
        known(numbers.as_ref()),
        known(closed_at.map(control::instant)),
        known(beacon.as_ref()),
        known(drawn_at.map(control::instant)),
    ]
}

/// A stretch of the line.
pub(in crate::engine::redis) fn page(page: &MemoryPage) -> impl Iterator<Item = Value> {
    let MemoryPage { gateway, epoch, log_head, known, is_whole, above, through, places, slots, ended, is_last } = page;
    let which = [
        id(gateway.0),
        text(epoch.0),
        text(log_head.0),
        text(known.0.0),
        text(known.1.0),
        text(u8::from(*is_whole)),
        text(above.0),
        text(through.0),
        text(u8::from(*is_last)),
        text(places.len()),
        text(ended.len()),
    ];
    let slots = slots.iter().flat_map(|RememberedSlot { token, visitor, seq, admitted_at, expires_at, holder }| {
        let [admitted_at, expires_at] = [*admitted_at, *expires_at].map(|at| text(control::instant(at)));
        let holder = holder.map_or_else(|| text("-"), |holder| id(holder.0));
        [id(token.0), id(visitor.0), text(seq.0), admitted_at, expires_at, holder]
    });
    let ended = ended.iter().map(|token| id(token.0));
    which.into_iter().chain(places.iter().map(|seq| text(seq.0))).chain(ended).chain(slots)
}

/// What the store wants to be told.
pub(in crate::engine::redis) fn rejoined(reply: Value) -> Read<Rejoined> {
    let mut reply = Reply::new(reply)?;
    match reply.int()? {
        0 => Ok(Rejoined::Refused),
        1 => Ok(Rejoined::All),
        2 => Ok(Rejoined::Since(Sequence(reply.int()?), Sequence(reply.int()?))),
        3 => Ok(Rejoined::Nothing),
        _ => Err(corrupt("what is wanted of a memory")),
    }
}

/// An entry of the log.
pub(in crate::engine::redis) fn head(reply: &Value) -> Read<LogIndex> {
    reply.as_u64().map(LogIndex).ok_or_else(|| corrupt("an entry of the log"))
}

/// The snapshot that is kept.
pub(in crate::engine::redis) fn snapshot(reply: Value) -> Read<Option<Snapshot>> {
    let mut reply = Reply::new(reply)?;
    if reply.is_over() {
        return Ok(None);
    }
    let (epoch, history) = (Epoch(reply.int()?), History(reply.int()?));
    let log_head = LogIndex(reply.count()?);
    let order = reply.value()?.into_bytes().ok_or_else(|| corrupt("an order"))?;
    Ok(Some(Snapshot { epoch, history, log_head, order }))
}

/// A page of slots.
pub(in crate::engine::redis) fn slots(reply: Value) -> Read<Vec<RememberedSlot>> {
    Reply::new(reply)?.all(|slot| {
        let mut slot = Reply::new(slot)?;
        Ok(RememberedSlot {
            token: parsed(&slot.text()?, "a token id")?,
            visitor: VisitorId(parsed(&slot.text()?, "a visitor id")?),
            seq: Sequence(slot.int()?),
            admitted_at: slot.time()?,
            expires_at: slot.time()?,
            holder: match slot.text()?.as_str() {
                "-" => None,
                holder => Some(parsed(holder, "a member id")?),
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_reads_back() {
        let read = |numbers: &[i64]| rejoined(Value::Array(numbers.iter().copied().map(Value::Integer).collect()));
        assert_eq!((read(&[0]).unwrap(), read(&[1]).unwrap()), (Rejoined::Refused, Rejoined::All));
        assert_eq!(read(&[2, -7, 9]).unwrap(), Rejoined::Since(Sequence(-7), Sequence(9)));
        assert_eq!(read(&[3]).unwrap(), Rejoined::Nothing);
        assert!(read(&[4]).is_err() && read(&[2, 1]).is_err());
    }
}
