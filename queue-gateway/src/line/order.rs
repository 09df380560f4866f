//! Who goes before whom, as the log tells it.

mod invited;
mod snapshot;

use std::sync::Arc;

use self::invited::InvitedOrder;
use super::{draw::Drawn, lane::Lane, log::LineChange, place::Sequence, rank::Rank, sparse::Sparse};

/// A line as of one entry of its log.
///
/// No position ever rises, and every gateway that reads the log says the same:
/// - whoever was not passed counts those before them who were not passed either;
/// - whoever was passed was next at that moment, since the line moves on only once all who are ready have gone in. They stay
///   the first, however many of those before them come back.
///
/// Whoever has a number of a draw stands in the order of the numbers until it is made, and at the place that it gave
/// them from then on, also where a store or a token still names the number.
#[derive(Clone, Debug)]
pub struct Order {
    rank: Rank,
    last_seq: Sequence,
    watermark: Sequence,
    expired_through: Sequence,
    /// Passed places whose visitors are ready.
    front: Sparse,
    /// Passed places that are kept although all around them have expired, or although they were admitted once.
    kept: Sparse,
    drawn: Option<Arc<Drawn>>,
    /// The priority lane.
    invited: InvitedOrder,
}

/// Up to where a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The highest sequence issued in the general line.
    pub last_seq: Sequence,
    /// The highest place of the general line that was admitted.
    pub watermark: Sequence,
    /// Up to here the places of the general line have expired.
    pub expired_through: Sequence,
    /// The highest place that the priority lane has given.
    pub last_invited: Sequence,
    /// The highest place of the priority lane that was admitted.
    pub invited_watermark: Sequence,
}

/// A place in an [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standpoint {
    /// One more than those who go before, as things stand.
    pub position: u64,
    /// The line has passed this place, and its visitor is not ready; in the priority lane, whether or not they are.
    pub parked: bool,
}

impl Order {
    /// A line given in full: these `places`, ascending, the passed ones included, of which those at the `front` are
    /// ready, and whose draw is `drawn`. Sequences after the last count as waiting.
    pub fn rebuild(extent: Extent, places: &[Sequence], front: &[Sequence], drawn: Option<Arc<Drawn>>) -> Self {
        let Extent { last_seq, watermark, expired_through, last_invited, invited_watermark } = extent;
        let (general, invited) = places.split_at(places.partition_point(|seq| !seq.is_invited()));
        let drawn_place = |seq: &Sequence| place(drawn.as_deref(), *seq);
        let mut kept = Sparse::default();
        let lasting = general.iter().map(drawn_place).filter(|seq| {
            let lasts = *seq > expired_through;
            if !lasts {
                kept.insert(seq.0);
            }
            lasts
        });
        let mut rank = Rank::rebuild(last_seq, lasting);
        rank.depart_through(expired_through);
        let mut ready = Sparse::default();
        for seq in front {
            ready.insert(seq.0);
        }
        let invited = InvitedOrder::rebuild(last_invited, invited_watermark, invited.iter().copied());
        Self { rank, last_seq, watermark, expired_through, front: ready, kept, drawn, invited }
    }

    /// A line in which nothing has happened, but for the outcome of a draw that is known already.
    pub fn beginning(drawn: Option<Arc<Drawn>>) -> Self {
        let extent = Extent {
            last_seq: Sequence(0),
            watermark: Sequence::FIRST,
            expired_through: Sequence::FIRST,
            last_invited: Sequence::of_invited(0),
            invited_watermark: Sequence::FIRST,
        };
        let mut order = Self::rebuild(extent, &[], &[], None);
        if let Some(drawn) = drawn {
            order.draw(drawn);
        }
        order
    }

    /// Puts everybody who has a number at the place that the draw gave them. Repeating is harmless.
    ///
    /// Nobody is admitted before, so there is nothing but who stands there to be exchanged.
    pub fn draw(&mut self, drawn: Arc<Drawn>) {
        if self.drawn.is_some() {
            return;
        }
        let last = self.last_seq.max(Sequence(i64::try_from(drawn.len()).unwrap_or(i64::MAX)));
        let exchanged = |seq: Sequence| {
            let place = u64::try_from(seq.0).ok().and_then(|number| drawn.place_of(number));
            place.and_then(|place| i64::try_from(place).ok()).map_or(seq, Sequence)
        };
        self.rank = self.rank.exchanged(last, exchanged);
        self.last_seq = last;
        self.drawn = Some(drawn);
    }

    /// The outcome of the draw, once it is made.
    pub fn drawn(&self) -> Option<&Arc<Drawn>> {
        self.drawn.as_ref()
    }

    /// The number of a draw that whoever stands here has.
    pub fn number_of(&self, seq: Sequence) -> Option<u64> {
        self.drawn.as_ref().map_or_else(|| seq.number(), |drawn| drawn.number_of(seq))
    }

    /// Which numbers of the draw are no longer in the line: a bit each, that of number 1 the lowest of the first byte.
    /// `None` before the draw.
    pub fn departed_numbers(&self) -> Option<Vec<u8>> {
        let drawn = self.drawn.as_ref()?;
        let mut bits = vec![0; usize::try_from(drawn.len().div_ceil(8)).ok()?];
        for (bit, place) in drawn.places().enumerate() {
            let seq = Sequence(place);
            if !self.kept.contains(place) && !self.stands_in_rank(seq) {
                bits[bit / 8] |= 1 << (bit % 8);
            }
        }
        Some(bits)
    }

    /// Where somebody stands in this order.
    pub fn place(&self, seq: Sequence) -> Sequence {
        place(self.drawn.as_deref(), seq)
    }

    /// Applies one entry. Repeating entries in their order is harmless.
    pub fn apply(&mut self, change: &LineChange) {
        match change {
            LineChange::Admitted { seq, .. } if seq.is_invited() => self.invited.admit(*seq),
            LineChange::Departed { seq } if seq.is_invited() => self.invited.depart(*seq),
            LineChange::Invited { seq } => self.invited.insert(*seq),
            LineChange::Restored { seq } | LineChange::Returned { seq, .. } if seq.is_invited() => {
                self.invited.insert(*seq);
            }
            LineChange::Admitted { seq, .. } => self.admit(*seq),
            LineChange::Departed { seq } => self.depart(self.place(*seq)),
            LineChange::Drawn(lots) => {
                if self.drawn.is_none() {
                    self.draw(Arc::new(lots.draw()));
                }
            }
            LineChange::Restored { seq } => self.rank.restore(*seq),
            LineChange::Returned { seq, .. } => {
                if !self.stands_in_rank(*seq) {
                    self.kept.insert(seq.0);
                }
            }
            // Whoever has a slot stands in no line.
            LineChange::Claimed { .. } | LineChange::Ended { .. } => {}
            LineChange::Ready { seq } => self.front.insert(seq.0),
            LineChange::Away { seq } => self.front.remove(seq.0),
            LineChange::Expired { through, kept } => {
                for seq in kept {
                    self.kept.insert(seq.0);
                }
                self.rank.depart_through(*through);
                self.expired_through = self.expired_through.max(*through);
            }
        }
    }

    /// Up to where the line has come.
    pub fn extent(&self) -> Extent {
        let Self { last_seq, watermark, expired_through, .. } = *self;
        let (last_invited, invited_watermark) = (self.invited.last(), self.invited.watermark());
        Extent { last_seq, watermark, expired_through, last_invited, invited_watermark }
    }

    /// Every place where somebody stands, ascending. The first so many stand at their numbers of a draw that is not
    /// made.
    pub fn standing(&self, numbered_through: u64) -> Vec<Sequence> {
        let numbered = |seq: Sequence| match u64::try_from(seq.0) {
            Ok(number) if (1..=numbered_through).contains(&number) => Sequence::of_number(number),
            _ => seq,
        };
        let in_rank = self.rank.standing(self.last_seq).filter(|seq| *seq > self.expired_through).map(numbered);
        let mut all: Vec<Sequence> = in_rank.chain(self.kept.iter().map(Sequence)).chain(self.invited.iter()).collect();
        all.sort_unstable();
        all
    }

    /// Notes that sequences up to this one have been issued.
    pub fn extend(&mut self, last_seq: Sequence) {
        self.last_seq = self.last_seq.max(self.place(last_seq));
    }

    /// Where a place stands; `None` for one that is not in the line.
    pub fn standpoint(&self, seq: Sequence) -> Option<Standpoint> {
        let seq = self.place(seq);
        if seq.is_invited() {
            let parked = self.invited.is_passed(seq);
            return self.invited.holds(seq).then(|| Standpoint { position: self.ahead(seq) + 1, parked });
        }
        if seq > self.watermark {
            return self.rank.holds(seq).then(|| Standpoint { position: self.ahead(seq) + 1, parked: false });
        }
        let holds = self.kept.contains(seq.0) || self.stands_in_rank(seq);
        holds.then(|| Standpoint { position: self.ahead(seq) + 1, parked: !self.front.contains(seq.0) })
    }

    /// How many go before a place, whether or not it is in the line.
    pub fn ahead(&self, seq: Sequence) -> u64 {
        let seq = self.place(seq);
        if seq.is_invited() {
            return self.invited.ahead(seq);
        }
        if seq <= self.watermark {
            return 0;
        }
        self.rank.ahead(seq).saturating_sub(self.passed_in_rank())
    }

    /// How many places of its lane there are before one, those included that were passed: no more people than that
    /// can go before.
    pub fn places_ahead(&self, seq: Sequence) -> u64 {
        let seq = self.place(seq);
        if seq.is_invited() {
            return self.invited.below(seq);
        }
        self.rank.ahead(seq) + self.kept.below(seq.0)
    }

    /// How many are in a lane and have not been passed, or have come back.
    pub fn waiting(&self, lane: Lane) -> u64 {
        if lane == Lane::Invited {
            return self.invited.len();
        }
        self.rank.waiting(self.last_seq).saturating_sub(self.passed_in_rank()) + self.front.len()
    }

    /// How many have been passed, are away, and keep their places for a while.
    pub fn parked(&self) -> u64 {
        (self.passed_in_rank() + self.kept.len()).saturating_sub(self.front.len())
    }

    /// The highest sequence that is known to have been issued.
    pub fn last_seq(&self) -> Sequence {
        self.last_seq
    }

    /// All places up to here have expired but for those that were kept.
    pub fn expired_through(&self) -> Sequence {
        self.expired_through
    }

    fn stands_in_rank(&self, seq: Sequence) -> bool {
        seq > self.expired_through && self.rank.holds(seq)
    }

    fn passed_in_rank(&self) -> u64 {
        // Before the first admission nobody has been passed, restored places included.
        if self.watermark == Sequence::FIRST { 0 } else { self.rank.ahead(Sequence(self.watermark.0 + 1)) }
    }

    fn admit(&mut self, seq: Sequence) {
        self.watermark = self.watermark.max(seq);
        self.last_seq = self.last_seq.max(seq);
        self.depart(seq);
    }

    fn depart(&mut self, seq: Sequence) {
        self.rank.depart(seq);
        self.front.remove(seq.0);
        self.kept.remove(seq.0);
    }
}

/// The place of whoever stands at a sequence: drawn, or as yet that of their number.
fn place(drawn: Option<&Drawn>, seq: Sequence) -> Sequence {
    match (drawn, seq.number()) {
        (_, None) => seq,
        (Some(drawn), Some(_)) => drawn.place_in_line(seq),
        (None, Some(number)) => i64::try_from(number).map_or(seq, Sequence),
    }
}

#[cfg(test)]
mod tests;
