//! Who goes before whom, as the log tells it.

use std::sync::Arc;

use super::{draw::Drawn, log::LineChange, place::Sequence, rank::Rank, sparse::Sparse};

/// A line as of one entry of its log.
///
/// No position ever rises, and every gateway that reads the log says the same:
/// - whoever was not passed counts those before them who were not passed either;
/// - whoever was passed was next at that moment, since the line moves on only once all who are ready have gone in. They stay
///   the first, however many of those before them come back.
///
/// Whoever has a number of a draw stands in the order of the numbers until it is made, and at the place that it gave them
/// from then on, also where a store or a token still names the number.
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
}

/// A place in an [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standpoint {
    /// One more than those who go before, as things stand.
    pub position: u64,
    /// The line has passed this place, and its visitor is not ready.
    pub parked: bool,
}

impl Order {
    /// A line given in full: these `places` up to `last_seq`, the passed ones included, of which those at the `front` are
    /// ready, and whose draw is `drawn`. Sequences after `last_seq` count as waiting.
    pub fn rebuild(
        last_seq: Sequence,
        watermark: Sequence,
        expired_through: Sequence,
        places: &[Sequence],
        front: &[Sequence],
        drawn: Option<Arc<Drawn>>,
    ) -> Self {
        let drawn_place = |seq: &Sequence| place(drawn.as_deref(), *seq);
        let mut kept = Sparse::default();
        let lasting = places.iter().map(drawn_place).filter(|seq| {
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
        Self { rank, last_seq, watermark, expired_through, front: ready, kept, drawn }
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

    /// Which numbers of the draw are no longer in the line: a bit each, that of number 1 the lowest of the first byte. `None`
    /// before the draw.
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
            LineChange::Admitted { seq, .. } => self.admit(*seq),
            LineChange::Departed { seq } => self.depart(self.place(*seq)),
            LineChange::Drawn(lots) => {
                if self.drawn.is_none() {
                    self.draw(Arc::new(lots.draw()));
                }
            }
            LineChange::Restored { seq } => self.rank.restore(*seq),
            LineChange::Returned { seq } => {
                if !self.stands_in_rank(*seq) {
                    self.kept.insert(seq.0);
                }
            }
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

    /// Notes that sequences up to this one have been issued.
    pub fn extend(&mut self, last_seq: Sequence) {
        self.last_seq = self.last_seq.max(self.place(last_seq));
    }

    /// Where a place stands; `None` for one that is not in the line.
    pub fn standpoint(&self, seq: Sequence) -> Option<Standpoint> {
        let seq = self.place(seq);
        if seq > self.watermark {
            return self.rank.holds(seq).then(|| Standpoint { position: self.ahead(seq) + 1, parked: false });
        }
        let holds = self.kept.contains(seq.0) || self.stands_in_rank(seq);
        holds.then(|| Standpoint { position: self.ahead(seq) + 1, parked: !self.front.contains(seq.0) })
    }

    /// How many go before a place, whether or not it is in the line.
    pub fn ahead(&self, seq: Sequence) -> u64 {
        let seq = self.place(seq);
        if seq <= self.watermark {
            return 0;
        }
        self.rank.ahead(seq).saturating_sub(self.passed_in_rank())
    }

    /// How many places there are before one, those included that were passed: no more people than that can go before.
    pub fn places_ahead(&self, seq: Sequence) -> u64 {
        let seq = self.place(seq);
        self.rank.ahead(seq) + self.kept.below(seq.0)
    }

    /// How many are in the line and have not been passed, or have come back.
    pub fn waiting(&self) -> u64 {
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::line::{DrawSecret, Lots};

    fn line_of(last: i64) -> Order {
        let places: Vec<Sequence> = (1..=last).map(Sequence).collect();
        Order::rebuild(Sequence(last), Sequence::FIRST, Sequence::FIRST, &places, &[], None)
    }

    fn at(order: &Order, seq: i64) -> Option<(u64, bool)> {
        order.standpoint(Sequence(seq)).map(|point| (point.position, point.parked))
    }

    fn admitted(seq: i64) -> LineChange {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let nobody = uuid::Uuid::nil();
        LineChange::Admitted {
            seq: Sequence(seq),
            visitor: contract::ids::VisitorId(nobody),
            admission: crate::line::Admission {
                token: contract::ids::ActiveTokenId(nobody),
                admitted_at: now,
                arrive_before: now,
                claim_before: now,
                expires_at: now,
                progress: crate::line::Progress::Admitted,
            },
        }
    }

    #[test]
    fn whoever_was_passed_makes_nobody_wait_until_back() {
        let mut order = line_of(10);
        order.apply(&admitted(4));
        assert_eq!((at(&order, 5), at(&order, 10)), (Some((1, false)), Some((6, false))));
        assert_eq!(at(&order, 2), Some((1, true)));
        assert_eq!((order.waiting(), order.parked()), (6, 3));
        order.apply(&LineChange::Ready { seq: Sequence(2) });
        order.apply(&LineChange::Ready { seq: Sequence(3) });
        assert_eq!((at(&order, 2), at(&order, 3)), (Some((1, false)), Some((1, false))), "neither rises");
        assert_eq!((at(&order, 7), order.places_ahead(Sequence(7))), (Some((3, false)), 5), "the place does not rise");
        order.apply(&LineChange::Away { seq: Sequence(2) });
        assert_eq!(
            (at(&order, 2), at(&order, 3), at(&order, 7)),
            (Some((1, true)), Some((1, false)), Some((3, false)))
        );
        order.apply(&admitted(3));
        order.apply(&admitted(6));
        assert_eq!((at(&order, 7), order.places_ahead(Sequence(7))), (Some((1, false)), 3));
    }

    #[test]
    fn an_expired_range_leaves_those_who_were_kept() {
        let mut order = line_of(2_000);
        order.apply(&admitted(1_500));
        order.apply(&LineChange::Expired { through: Sequence(1_500), kept: vec![Sequence(7), Sequence(900)] });
        assert_eq!((at(&order, 6), at(&order, 7), at(&order, 1_501)), (None, Some((1, true)), Some((1, false))));
        assert_eq!((order.waiting(), order.parked()), (500, 2));
        order.apply(&admitted(900));
        assert_eq!((at(&order, 900), order.parked()), (None, 1));
    }

    #[test]
    fn a_no_show_has_the_place_again() {
        let mut order = line_of(3);
        order.apply(&admitted(2));
        order.apply(&LineChange::Returned { seq: Sequence(2) });
        assert_eq!((at(&order, 2), order.parked()), (Some((1, true)), 2));
        order.apply(&LineChange::Ready { seq: Sequence(2) });
        assert_eq!((at(&order, 2), at(&order, 3)), (Some((1, false)), Some((1, false))), "nobody's place rises");
        order.apply(&admitted(2));
        assert_eq!((at(&order, 2), at(&order, 3)), (None, Some((1, false))));
    }

    proptest! {
        #[test]
        fn no_position_rises_also_of_those_who_are_passed(
            steps in proptest::collection::vec((0..5_u8, 1..40_i64), 0..200)
        ) {
            let mut order = line_of(40);
            let mut shown: Vec<u64> = (1..=40).collect();
            for (kind, seq) in steps {
                let passed = at(&order, seq).filter(|_| seq <= order.watermark.0);
                match (kind, passed, at(&order, seq)) {
                    (0, Some((_, true)), _) => order.apply(&LineChange::Ready { seq: Sequence(seq) }),
                    (1, Some((_, false)), _) => order.apply(&LineChange::Away { seq: Sequence(seq) }),
                    (2 | 3, None, Some(_)) | (2, Some((_, false)), _) => order.apply(&admitted(seq)),
                    (4, _, Some(_)) => order.apply(&LineChange::Departed { seq: Sequence(seq) }),
                    _ => continue,
                }
                for place in 1..=40 {
                    let before = &mut shown[usize::try_from(place - 1).unwrap()];
                    match at(&order, place) {
                        Some((position, _)) => {
                            prop_assert!(position <= *before, "{place} rose from {before} to {position}");
                            prop_assert!(position <= order.places_ahead(Sequence(place)) + 1);
                            *before = position;
                        }
                        _ => *before = u64::MAX,
                    }
                }
            }
        }
    }

    fn lots(numbers: u64) -> Lots {
        Lots { numbers, secret: DrawSecret([7; 32]), beacon: "beacon".to_owned() }
    }

    #[test]
    fn a_draw_puts_numbers_at_places_and_leaves_the_others() {
        let mut order = Order::rebuild(Sequence(0), Sequence::FIRST, Sequence::FIRST, &[], &[], None);
        order.extend(Sequence::of_number(50));
        let (gone, stays) = (Sequence::of_number(20), Sequence::of_number(21));
        order.apply(&LineChange::Restored { seq: Sequence(-3) });
        order.apply(&LineChange::Departed { seq: gone });
        assert_eq!((order.standpoint(gone), order.standpoint(stays).unwrap().position), (None, 21), "of the numbers");
        order.extend(Sequence(60));
        let drawn = lots(50).draw();
        for _ in 0..2 {
            order.apply(&LineChange::Drawn(lots(50)));
            let place = |number| drawn.place_of(number).unwrap();
            let after_gone = u64::from(place(20) < place(21));
            assert_eq!(
                order.standpoint(stays).unwrap().position,
                1 + place(21) - after_gone,
                "one was restored before"
            );
            let by_place = Sequence(i64::try_from(place(21)).unwrap());
            assert_eq!(order.standpoint(by_place), order.standpoint(stays));
            assert_eq!((order.number_of(by_place), order.number_of(stays)), (Some(21), Some(21)));
            assert_eq!(order.standpoint(gone), None);
            assert_eq!(order.standpoint(Sequence(55)).unwrap().position, 55, "one left, one was restored");
            assert_eq!((order.waiting(), order.number_of(Sequence(55))), (60, None));
        }
        let bits = |numbers: &[usize]| {
            let mut bits = vec![0_u8; 7];
            for number in numbers {
                bits[(number - 1) / 8] |= 1 << ((number - 1) % 8);
            }
            Some(bits)
        };
        assert_eq!(order.departed_numbers(), bits(&[20]));
        order.apply(&LineChange::Departed { seq: stays });
        assert_eq!(order.departed_numbers(), bits(&[20, 21]));
        assert_eq!((order.standpoint(stays), order.waiting()), (None, 59), "the store still named the number");
    }

    #[test]
    fn an_order_given_in_full_while_places_are_dealt_is_the_drawn_one() {
        let mut told = Order::rebuild(Sequence(0), Sequence::FIRST, Sequence::FIRST, &[], &[], None);
        told.extend(Sequence::of_number(40));
        told.apply(&LineChange::Drawn(lots(40)));
        told.apply(&LineChange::Departed { seq: Sequence::of_number(9) });
        told.extend(Sequence(45));
        let drawn = Arc::new(lots(40).draw());
        let dealt = (1..=40).filter(|number| *number != 9).map(|number| {
            let seq = Sequence::of_number(number);
            if number <= 25 { drawn.place_in_line(seq) } else { seq }
        });
        let places: Vec<Sequence> = dealt.chain((41..=45).map(Sequence)).collect();
        let first = Sequence::FIRST;
        let rebuilt = Order::rebuild(Sequence(45), first, first, &places, &[], Some(drawn));
        for seq in 1..=45 {
            assert_eq!(at(&told, seq), at(&rebuilt, seq), "{seq}");
        }
        assert_eq!(told.waiting(), rebuilt.waiting());
    }

    #[test]
    fn an_order_given_in_full_is_the_one_that_the_log_tells() {
        let mut told = line_of(300);
        let changes = [
            admitted(100),
            LineChange::Departed { seq: Sequence(150) },
            LineChange::Ready { seq: Sequence(40) },
            LineChange::Expired { through: Sequence(60), kept: vec![Sequence(40), Sequence(55)] },
            admitted(121),
            LineChange::Returned { seq: Sequence(100) },
            LineChange::Ready { seq: Sequence(55) },
        ];
        for change in &changes {
            told.apply(change);
        }
        let places: Vec<Sequence> = (1..=300).map(Sequence).filter(|seq| told.standpoint(*seq).is_some()).collect();
        let rebuilt =
            Order::rebuild(Sequence(300), Sequence(121), Sequence(60), &places, &[40, 55].map(Sequence), None);
        for seq in 1..=300 {
            assert_eq!(at(&told, seq), at(&rebuilt, seq), "{seq}");
        }
        assert_eq!((told.waiting(), told.parked()), (rebuilt.waiting(), rebuilt.parked()));
    }
}
