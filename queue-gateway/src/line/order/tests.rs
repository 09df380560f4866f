use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::line::{DrawSecret, Lots};

/// Of a line in which nobody has been admitted.
fn issued(last: i64) -> Extent {
    Extent {
        last_seq: Sequence(last),
        watermark: Sequence::FIRST,
        expired_through: Sequence::FIRST,
        last_invited: Sequence::of_invited(0),
        invited_watermark: Sequence::FIRST,
    }
}

fn line_of(last: i64) -> Order {
    let places: Vec<Sequence> = (1..=last).map(Sequence).collect();
    Order::rebuild(issued(last), &places, &[], None)
}

fn at(order: &Order, seq: i64) -> Option<(u64, bool)> {
    order.standpoint(Sequence(seq)).map(|point| (point.position, point.parked))
}

fn returned(seq: Sequence) -> LineChange {
    LineChange::Returned { seq, token: contract::ids::ActiveTokenId(uuid::Uuid::nil()) }
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
    assert_eq!((order.waiting(Lane::General), order.parked()), (6, 3));
    order.apply(&LineChange::Ready { seq: Sequence(2) });
    order.apply(&LineChange::Ready { seq: Sequence(3) });
    assert_eq!((at(&order, 2), at(&order, 3)), (Some((1, false)), Some((1, false))), "neither rises");
    assert_eq!((at(&order, 7), order.places_ahead(Sequence(7))), (Some((3, false)), 5), "the place does not rise");
    order.apply(&LineChange::Away { seq: Sequence(2) });
    assert_eq!((at(&order, 2), at(&order, 3), at(&order, 7)), (Some((1, true)), Some((1, false)), Some((3, false))));
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
    assert_eq!((order.waiting(Lane::General), order.parked()), (500, 2));
    order.apply(&admitted(900));
    assert_eq!((at(&order, 900), order.parked()), (None, 1));
}

#[test]
fn a_no_show_has_the_place_again() {
    let mut order = line_of(3);
    order.apply(&admitted(2));
    order.apply(&returned(Sequence(2)));
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
    let mut order = Order::rebuild(issued(0), &[], &[], None);
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
        assert_eq!(order.standpoint(stays).unwrap().position, 1 + place(21) - after_gone, "one was restored before");
        let by_place = Sequence(i64::try_from(place(21)).unwrap());
        assert_eq!(order.standpoint(by_place), order.standpoint(stays));
        assert_eq!((order.number_of(by_place), order.number_of(stays)), (Some(21), Some(21)));
        assert_eq!(order.standpoint(gone), None);
        assert_eq!(order.standpoint(Sequence(55)).unwrap().position, 55, "one left, one was restored");
        assert_eq!((order.waiting(Lane::General), order.number_of(Sequence(55))), (60, None));
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
    assert_eq!((order.standpoint(stays), order.waiting(Lane::General)), (None, 59), "the store still named the number");
}

#[test]
fn an_order_given_in_full_while_places_are_dealt_is_the_drawn_one() {
    let mut told = Order::rebuild(issued(0), &[], &[], None);
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
    let rebuilt = Order::rebuild(issued(45), &places, &[], Some(drawn));
    for seq in 1..=45 {
        assert_eq!(at(&told, seq), at(&rebuilt, seq), "{seq}");
    }
    assert_eq!(told.waiting(Lane::General), rebuilt.waiting(Lane::General));
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
        returned(Sequence(100)),
        LineChange::Ready { seq: Sequence(55) },
    ];
    for change in &changes {
        told.apply(change);
    }
    let places: Vec<Sequence> = (1..=300).map(Sequence).filter(|seq| told.standpoint(*seq).is_some()).collect();
    let extent = Extent { watermark: Sequence(121), expired_through: Sequence(60), ..issued(300) };
    let rebuilt = Order::rebuild(extent, &places, &[40, 55].map(Sequence), None);
    let read = Order::from_bytes(&told.to_bytes().unwrap(), None).unwrap();
    for seq in 1..=300 {
        assert_eq!(at(&told, seq), at(&rebuilt, seq), "{seq}");
        assert_eq!(at(&told, seq), at(&read, seq), "{seq}");
    }
    assert_eq!((read.extent(), read.parked()), (told.extent(), told.parked()));
    assert_eq!((told.waiting(Lane::General), told.parked()), (rebuilt.waiting(Lane::General), rebuilt.parked()));
}

fn invited(nth: u64) -> Sequence {
    Sequence::of_invited(nth)
}

#[test]
fn the_invited_stand_in_a_lane_of_their_own() {
    let mut order = line_of(5);
    for nth in 1..=3 {
        order.apply(&LineChange::Invited { seq: invited(nth) });
    }
    let lane = [1, 2, 3].map(|nth| order.standpoint(invited(nth)).map(|point| (point.position, point.parked)));
    assert_eq!(lane, [Some((1, false)), Some((2, false)), Some((3, false))]);
    assert_eq!(at(&order, 5), Some((5, false)), "nobody in the general line stands farther back");
    order.apply(&LineChange::Departed { seq: invited(1) });
    assert_eq!((order.standpoint(invited(1)), order.ahead(invited(3))), (None, 1));
    assert_eq!((order.waiting(Lane::General), order.waiting(Lane::Invited)), (5, 2));
}

#[test]
fn an_admission_in_one_lane_passes_nobody_in_the_other() {
    let mut order = line_of(9);
    for nth in 1..=9 {
        order.apply(&LineChange::Invited { seq: invited(nth) });
    }
    order.apply(&admitted(invited(4).0));
    assert_eq!((at(&order, 1), order.parked()), (Some((1, false)), 0));
    order.apply(&admitted(6));
    let lane = [1, 3, 5].map(|nth| order.standpoint(invited(nth)).map(|point| (point.position, point.parked)));
    assert_eq!(lane, [Some((1, true)), Some((1, true)), Some((1, false))], "whoever was not there is next");
    order.apply(&returned(invited(4)));
    assert_eq!(order.ahead(invited(7)), 2, "who comes back makes nobody's place rise");
    assert_eq!(order.standpoint(invited(4)).map(|point| point.position), Some(1));
}

#[test]
fn a_lane_given_in_full_is_the_one_that_the_log_tells() {
    let mut told = line_of(4);
    let restored = Sequence(invited(1).0 - 500);
    for change in [
        LineChange::Invited { seq: invited(1) },
        LineChange::Restored { seq: restored },
        LineChange::Invited { seq: invited(2) },
        LineChange::Invited { seq: invited(3) },
        admitted(invited(2).0),
        returned(invited(2)),
    ] {
        told.apply(&change);
    }
    let places: Vec<Sequence> = (1..=4).map(Sequence).chain([restored, invited(1), invited(2), invited(3)]).collect();
    let extent = Extent { invited_watermark: invited(2), ..issued(4) };
    let rebuilt = Order::rebuild(extent, &places, &[], None);
    let read = Order::from_bytes(&told.to_bytes().unwrap(), None).unwrap();
    for seq in &places {
        assert_eq!(told.standpoint(*seq), rebuilt.standpoint(*seq), "{seq:?}");
        assert_eq!(told.standpoint(*seq), read.standpoint(*seq), "{seq:?}");
    }
    assert_eq!(told.standpoint(invited(3)).map(|point| point.position), Some(1));
    assert_eq!(told.waiting(Lane::Invited), rebuilt.waiting(Lane::Invited));
}

#[test]
fn an_order_that_goes_on_after_it_was_read_is_the_one_that_goes_on() {
    let mut told = line_of(5_000);
    for seq in (1..=3_000).chain([3_100, 4_000]) {
        told.apply(&LineChange::Departed { seq: Sequence(seq) });
    }
    told.apply(&LineChange::Restored { seq: Sequence(-9) });
    let mut read = Order::from_bytes(&told.to_bytes().unwrap(), None).unwrap();
    for order in [&mut told, &mut read] {
        order.extend(Sequence(6_000));
        order.apply(&admitted(3_500));
        order.apply(&LineChange::Departed { seq: Sequence(5_500) });
    }
    for seq in [-9, 1, 3_099, 3_101, 3_501, 4_000, 5_499, 5_501, 6_000] {
        assert_eq!(at(&told, seq), at(&read, seq), "{seq}");
    }
}

#[test]
fn a_draw_is_read_with_its_outcome_and_nothing_else_is_read() {
    let mut told = line_of(10);
    let lots = lots(10);
    told.apply(&LineChange::Drawn(lots.clone()));
    told.apply(&LineChange::Departed { seq: Sequence(4) });
    let bytes = told.to_bytes().unwrap();
    assert!(Order::from_bytes(&bytes, None).is_none(), "without it");
    let read = Order::from_bytes(&bytes, Some(Arc::new(lots.draw()))).unwrap();
    for number in 1..=10 {
        let seq = Sequence::of_number(number);
        assert_eq!(told.standpoint(seq), read.standpoint(seq));
    }
    let of_another_version = [&[9], &bytes[1..]].concat();
    for nonsense in [&b""[..], &[1], &bytes[..bytes.len() / 2], &of_another_version] {
        assert!(Order::from_bytes(nonsense, Some(Arc::new(lots.draw()))).is_none(), "{nonsense:?}");
    }
}

#[test]
fn a_draw_that_is_known_before_the_log_tells_of_it_changes_nothing() {
    let mut told = line_of(10);
    told.apply(&LineChange::Departed { seq: Sequence::of_number(4) });
    let bytes = told.to_bytes().unwrap();
    let drawn = Arc::new(lots(10).draw());
    let mut ahead = Order::from_bytes(&bytes, Some(drawn.clone())).unwrap();
    let mut from_the_beginning = Order::beginning(Some(drawn));
    from_the_beginning.apply(&LineChange::Departed { seq: Sequence::of_number(4) });
    for order in [&mut told, &mut ahead, &mut from_the_beginning] {
        order.apply(&LineChange::Drawn(lots(10)));
        order.apply(&admitted(7));
    }
    for number in 1..=10 {
        let seq = Sequence::of_number(number);
        assert_eq!(told.standpoint(seq), ahead.standpoint(seq), "{number}");
        assert_eq!(told.standpoint(seq), from_the_beginning.standpoint(seq), "{number}");
    }
}
