//! An order in bytes, for gateways that come late.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Extent, Order, invited::InvitedOrder};
use crate::line::{draw::Drawn, place::Sequence, rank::Rank, sparse::Sparse};

/// Of the bytes. A gateway that meets another reads the line in full.
const VERSION: u8 = 1;

/// What an order is made of; the outcome of a draw follows from what the store knows of it.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    extent: [i64; 5],
    /// Everything before has departed; of what comes after, a bit each.
    base: u64,
    departed: Vec<u8>,
    restored: Vec<i64>,
    front: Vec<i64>,
    kept: Vec<i64>,
    invited: Vec<i64>,
    is_drawn: bool,
}

impl Order {
    /// The order in bytes: a bit for each place that may have departed, and some for each of the few that stand
    /// elsewhere. `None` for one that cannot be written.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let Extent { last_seq, watermark, expired_through, last_invited, invited_watermark } = self.extent();
        let (base, departed) = self.rank.departed();
        let written = Written {
            extent: [last_seq, watermark, expired_through, last_invited, invited_watermark].map(|seq| seq.0),
            base,
            departed,
            restored: self.rank.restored().collect(),
            front: self.front.iter().collect(),
            kept: self.kept.iter().collect(),
            invited: self.invited.iter().map(|seq| seq.0).collect(),
            is_drawn: self.drawn.is_some(),
        };
        postcard::to_extend(&written, vec![VERSION]).ok()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written. `drawn` is the outcome of the draw, once there is one, also
    /// where the bytes are of before it: whoever goes on by the log need not make it again. `None` for anything else.
    pub fn from_bytes(bytes: &[u8], drawn: Option<Arc<Drawn>>) -> Option<Self> {
        let (version, written) = bytes.split_first()?;
        let written: Written = (*version == VERSION).then(|| postcard::from_bytes(written).ok())??;
        let [last_seq, watermark, expired_through, last_invited, invited_watermark] = written.extent.map(Sequence);
        let (drawn, drawn_since) = if written.is_drawn { (Some(drawn?), None) } else { (None, drawn) };
        let sparse = |numbers: Vec<i64>| {
            let mut sparse = Sparse::default();
            for number in numbers {
                sparse.insert(number);
            }
            sparse
        };
        let rank = Rank::of(written.base, &written.departed, sparse(written.restored))?;
        let (front, kept) = (sparse(written.front), sparse(written.kept));
        let invited = written.invited.into_iter().map(Sequence);
        let invited = InvitedOrder::rebuild(last_invited, invited_watermark, invited);
        let mut order = Self { rank, last_seq, watermark, expired_through, front, kept, drawn, invited };
        if let Some(drawn) = drawn_since {
            order.draw(drawn);
        }
        Some(order)
    }
}
