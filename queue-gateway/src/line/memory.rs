//! What gateways know of a line: enough to give it back to a store that has lost it.
//!
//! A gateway knows every place and no names: whoever stands at a place that was handed back is named by the next report
//! or join that comes with their signed token.

use std::time::Duration;

use bytes::Bytes;
use contract::ids::{ActiveTokenId, MemberId, VisitorId};
use jiff::Timestamp;

use super::{
    control::Control,
    log::{History, LogIndex},
    order::Extent,
    place::{Epoch, Sequence},
    report::GatewayId,
    stats::Totals,
};

/// A store that lacks something waits so long for gateways that were there a moment ago: one that is stopped or cut off
/// for seconds may have told of turns that nobody else knows of.
pub const REJOINING_LASTS: Duration = Duration::from_mins(1);
/// Whoever tells of a line is not cut short, but for this: at 2,000 places a page it is ten times what the longest line
/// takes.
pub const REJOINING_AT_MOST: Duration = Duration::from_mins(5);
/// Where nobody has handed back anything for so long, nobody is about to: gateways look for a lost store every two
/// seconds. Whoever was telling of the line is gone, and a store that does not know of any gateway waits no longer.
pub const REJOINING_PATIENCE: Duration = Duration::from_secs(3);
/// Once the line is back, its gateways have so long to report anew who is there, before anybody joins or is admitted.
pub const REJOINING_SETTLES: Duration = Duration::from_secs(2);

/// A line in numbers, as a gateway remembers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Whose memory it is.
    pub gateway: GatewayId,
    /// Those that were live at its last step: all of them are to be heard.
    pub gateways: Vec<GatewayId>,
    /// The epoch of all that follows.
    pub epoch: Epoch,
    /// The history that it follows. Entries of two histories say nothing of one another: the later one counts.
    pub history: History,
    /// Everything up to this entry of the log is known.
    pub log_head: LogIndex,
    /// Up to where the line has come.
    pub extent: Extent,
    /// Since the epoch began.
    pub totals: Totals,
    /// What operators had ordered, and how far the draw had come. The settings' part counts for nothing.
    pub control: Control,
}

/// What a store says to somebody who remembers a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejoined {
    /// It wants to be told of all places, and believes who tells of them.
    All,
    /// It wants to be told of those alone that were given after these: the sequence of a place or the number of a draw,
    /// and the place of the invited.
    Since(Sequence, Sequence),
    /// It has heard all of it.
    Nothing,
    /// It has a line that goes on: of a later epoch, or of this one.
    Refused,
}

/// A stretch of a line that is handed back. The pages of a memory follow one another without gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryPage {
    /// The gateway that hands back.
    pub gateway: GatewayId,
    /// The epoch of the places.
    pub epoch: Epoch,
    /// As of this entry of the log.
    pub log_head: LogIndex,
    /// Places that were given later are not known to who hands back.
    pub known: (Sequence, Sequence),
    /// All places were wanted: nobody stands within the page but at places in it, as far as they are known.
    pub is_whole: bool,
    /// The page begins after this place.
    pub above: Sequence,
    /// And ends with this one.
    pub through: Sequence,
    /// The places in between where somebody stands, ascending; at most
    /// [`MOST_HANDED_BACK`](crate::engine::MOST_HANDED_BACK).
    pub places: Vec<Sequence>,
    /// Those whose slots had not ended, as far as they fit into the page.
    pub slots: Vec<RememberedSlot>,
    /// The tokens of slots that have ended lately.
    pub ended: Vec<ActiveTokenId>,
    /// It is the last page of this gateway's.
    pub is_last: bool,
}

/// A slot that had not ended. How far the visitor of an unclaimed one had come is not known: it lasts until it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberedSlot {
    /// The id of the active token that opens it.
    pub token: ActiveTokenId,
    /// Who was admitted.
    pub visitor: VisitorId,
    /// The place that they had.
    pub seq: Sequence,
    /// When they were.
    pub admitted_at: Timestamp,
    /// Until when they may buy.
    pub expires_at: Timestamp,
    /// Who has claimed it, once somebody has.
    pub holder: Option<MemberId>,
}

/// A line as of one entry of its log, for gateways that come late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The epoch of the line.
    pub epoch: Epoch,
    /// And its history.
    pub history: History,
    /// Everything up to this entry of the log has been applied.
    pub log_head: LogIndex,
    /// As [`Order::to_bytes`](super::Order::to_bytes) writes it. A store does not read it.
    pub order: Bytes,
}

/// A snapshot is replaced by one that is so many entries of the log newer.
pub const SNAPSHOT_EVERY: u64 = 20_000;
/// The longest order that a store keeps: a line of some ten millions.
pub const LONGEST_SNAPSHOT: usize = 4 << 20;

/// Whether a place was given after these, the last of each lane. Numbers of a draw count as the places of their order.
pub fn is_given_after(seq: Sequence, (last_seq, last_invited): (Sequence, Sequence)) -> bool {
    let order = seq.number().and_then(|number| i64::try_from(number).ok()).map_or(seq, Sequence);
    if seq.is_invited() { seq > last_invited } else { order > last_seq }
}

/// Who stands at a place that was handed back, until their name is known. No visitor has such an id.
pub fn unknown_at(seq: Sequence) -> VisitorId {
    // A script counts no further than to 2^53, so the sign stands apart.
    let sign: u128 = if seq.0 < 0 { 1 } else { 2 };
    VisitorId(uuid::Uuid::from_u128((sign << 64) | u128::from(seq.0.unsigned_abs())))
}

#[cfg(test)]
mod tests {
    use contract::{clock::ManualClock, ids::VisitorId};

    use super::*;

    #[test]
    fn every_place_has_an_unknown_visitor_of_its_own_that_is_nobody_else() {
        let places =
            [Sequence::FIRST, Sequence::of_number(1), Sequence(-7), Sequence(0), Sequence(7), Sequence::of_invited(1)];
        let unknown: std::collections::HashSet<VisitorId> = places.into_iter().map(unknown_at).collect();
        assert_eq!(unknown.len(), places.len());
        assert_eq!(unknown_at(Sequence(-10)).0.simple().to_string(), "0000000000000001000000000000000a");
        assert!(!unknown.contains(&VisitorId::generate(&ManualClock::at_second(1_800_000_000))));
    }
}
