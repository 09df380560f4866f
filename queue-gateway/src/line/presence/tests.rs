use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::line::{DrawSecret, Lots};

const SECOND: Duration = Duration::from_secs(1);

fn visitor(number: u128) -> VisitorId {
    VisitorId(Uuid::from_u128(number))
}

#[expect(clippy::unnecessary_wraps, reason = "as presence takes it")]
fn network(last: u8) -> Option<ClientNetwork> {
    Some(ClientNetwork([203, 0, 113, last].into()))
}

fn reported(presence: &mut Presence, horizon: i64) -> Vec<i64> {
    presence.changes(Sequence(horizon), Sequence::LAST, 64).ready.iter().map(|ready| ready.seq.0).collect()
}

fn with_streams(places: impl IntoIterator<Item = i64>) -> Presence {
    let mut presence = Presence::default();
    for seq in places {
        open(&mut presence, seq, None);
    }
    presence
}

/// The visitor of this number opens a stream for the place of this number.
fn open(presence: &mut Presence, seq: i64, network: Option<ClientNetwork>) -> Stay {
    presence.opened(visitor(u128::try_from(seq).unwrap()), Sequence(seq), network)
}

#[test]
fn a_number_that_took_no_part_in_the_draw_holds_up_nobody() {
    let mut presence = Presence::default();
    let drawn = Lots { numbers: 2, secret: DrawSecret([7; 32]), beacon: String::new() }.draw();
    let visitors: Vec<VisitorId> = (1..=3).map(visitor).collect();
    for (number, visitor) in (1..).zip(&visitors) {
        presence.heard(*visitor, Sequence::of_number(number), None, Duration::ZERO, Duration::from_mins(1));
    }
    let before = presence.changes(Sequence::LAST, Sequence(3), 10);
    assert!(before.ready.is_empty() && before.covers < Sequence::ABOVE_NUMBERS, "{before:?}");
    presence.draw(&drawn);
    let after = presence.changes(Sequence::LAST, Sequence(3), 10);
    let mut ready: Vec<Sequence> = after.ready.iter().map(|ready| ready.seq).collect();
    ready.sort_unstable();
    assert_eq!((ready, after.covers), (vec![Sequence(1), Sequence(2)], Sequence::LAST));
    assert_eq!(presence.len(), 2);
}

#[test]
fn everybody_up_to_the_horizon_is_reported_once() {
    let mut presence = with_streams([3, 1, 9]);
    assert_eq!(reported(&mut presence, 5), [1, 3]);
    assert_eq!(reported(&mut presence, 5), [0_i64; 0]);
    assert_eq!(reported(&mut presence, 9), [9]);
}

#[test]
fn a_visitor_is_present_as_long_as_one_stream_is_open_and_a_while_longer() {
    let mut presence = Presence::default();
    let stay = open(&mut presence, 1, None);
    assert_eq!(open(&mut presence, 1, None), stay);
    assert_eq!(reported(&mut presence, 9), [1]);
    presence.closed(visitor(1), stay, 10 * SECOND);
    presence.advance(60 * SECOND);
    assert_eq!(presence.len(), 1);
    presence.closed(visitor(1), stay, 10 * SECOND);
    presence.advance(9 * SECOND);
    assert_eq!(presence.changes(Sequence(9), Sequence::LAST, 64).gone, []);
    presence.advance(SECOND);
    assert_eq!(presence.changes(Sequence(9), Sequence::LAST, 64).gone, [(visitor(1), Sequence(1))]);
    assert!(presence.is_empty());
}

#[test]
fn a_poll_lasts_until_after_the_next_one_and_says_when_that_is_due() {
    let mut presence = Presence::default();
    presence.heard(visitor(1), Sequence(1), None, 20 * SECOND, 30 * SECOND);
    presence.advance(5 * SECOND);
    assert_eq!(presence.changes(Sequence(9), Sequence::LAST, 64).ready[0].due_in, 15 * SECOND);
    presence.heard(visitor(1), Sequence(1), None, 20 * SECOND, 30 * SECOND);
    assert_eq!(presence.changes(Sequence(9), Sequence::LAST, 64).ready[0].due_in, 20 * SECOND, "told anew");
    presence.advance(30 * SECOND);
    assert!(presence.is_empty());
}

#[test]
fn a_closed_stream_takes_nothing_from_a_poll() {
    let mut presence = Presence::default();
    presence.heard(visitor(1), Sequence(1), None, 60 * SECOND, 65 * SECOND);
    let stay = open(&mut presence, 1, None);
    presence.closed(visitor(1), stay, 10 * SECOND);
    presence.advance(64 * SECOND);
    assert_eq!(presence.len(), 1);
    presence.advance(SECOND);
    assert!(presence.is_empty());
}

#[test]
fn the_end_of_a_stream_of_an_earlier_stay_changes_nothing() {
    let mut presence = Presence::default();
    for forget in [|presence: &mut Presence| presence.forget(visitor(1)), Presence::forget_all] {
        let earlier = open(&mut presence, 1, None);
        forget(&mut presence);
        let stay = open(&mut presence, 1, None);
        presence.closed(visitor(1), earlier, SECOND);
        presence.advance(60 * SECOND);
        assert_eq!(presence.len(), 1, "their stream is open");
        presence.closed(visitor(1), stay, SECOND);
        presence.advance(SECOND);
        assert!(presence.is_empty());
    }
}

#[test]
fn a_report_that_failed_is_made_again() {
    let mut presence = Presence::default();
    let stay = open(&mut presence, 1, None);
    open(&mut presence, 2, None);
    let changes = presence.changes(Sequence(9), Sequence::LAST, 64);
    presence.take_back(changes.clone());
    assert_eq!(presence.changes(Sequence(9), Sequence::LAST, 64), changes);
    presence.closed(visitor(1), stay, SECOND);
    presence.advance(SECOND);
    let changes = presence.changes(Sequence(9), Sequence::LAST, 64);
    presence.take_back(changes.clone());
    assert_eq!(presence.changes(Sequence(9), Sequence::LAST, 64), changes);
}

#[test]
fn nobody_of_a_report_that_failed_is_covered_by_the_next() {
    let mut presence = with_streams(1..=4_001);
    let failed = presence.changes(Sequence::LAST, Sequence::LAST, 100);
    assert_eq!(failed.covers, Sequence(2_000));
    presence.take_back(failed);
    presence.tell_all_again();
    let next = presence.changes(Sequence::LAST, Sequence::LAST, 100);
    assert_eq!((next.ready[0].seq, next.covers), (Sequence(1), Sequence(2_000)));
}

#[test]
fn a_network_that_is_held_back_is_not_ready() {
    let mut presence = Presence::default();
    open(&mut presence, 1, network(1));
    open(&mut presence, 2, network(2));
    assert_eq!(reported(&mut presence, 9), [1, 2]);
    presence.hold_back(network(1));
    let changes = presence.changes(Sequence(9), Sequence::LAST, 64);
    assert_eq!((changes.ready.len(), changes.gone), (0, vec![(visitor(1), Sequence(1))]));
    assert!(presence.holds_back(network(1)) && !presence.holds_back(network(2)) && !presence.holds_back(None));
    presence.hold_back([]);
    assert_eq!(reported(&mut presence, 9), [1]);
}

#[test]
fn whoever_comes_from_another_network_is_held_back_with_it() {
    let mut presence = with_streams([1]);
    presence.hold_back(network(2));
    assert_eq!(reported(&mut presence, 9), [1]);
    presence.heard(visitor(1), Sequence(1), network(2), SECOND, SECOND);
    let changes = presence.changes(Sequence(9), Sequence::LAST, 64);
    assert_eq!((changes.ready.len(), changes.gone), (0, vec![(visitor(1), Sequence(1))]));
    presence.heard(visitor(1), Sequence(1), network(1), SECOND, SECOND);
    assert_eq!(reported(&mut presence, 9), [1]);
}

#[test]
fn a_stream_after_a_poll_says_that_the_visitor_is_told_at_once() {
    let mut presence = Presence::default();
    presence.heard(visitor(1), Sequence(1), None, 60 * SECOND, 65 * SECOND);
    assert_eq!(presence.changes(Sequence(9), Sequence::LAST, 64).ready[0].due_in, 60 * SECOND);
    open(&mut presence, 1, None);
    assert_eq!(presence.changes(Sequence(9), Sequence::LAST, 64).ready[0].due_in, Duration::ZERO);
}

#[test]
fn what_does_not_fit_into_a_report_is_not_covered_by_it() {
    let mut presence = with_streams(1..=2_500);
    let first = presence.changes(Sequence::LAST, Sequence::LAST, 100);
    assert_eq!((first.ready.len(), first.covers), (2_000, Sequence(2_000)));
    assert_eq!(first.reach, Some(Sequence(2_100)));
    let second = presence.changes(Sequence::LAST, Sequence::LAST, 100);
    assert_eq!((second.ready.len(), second.covers, second.reach), (500, Sequence::LAST, None));
}

#[test]
fn whoever_joins_meanwhile_gets_a_place_above_those_that_a_report_knows() {
    let mut presence = with_streams([1, 5]);
    assert_eq!(presence.changes(Sequence::LAST, Sequence(5), 64).newest, Sequence(5));
    let [first, second, third] = [5, 5, 8].map(|newest| presence.join_begins(Sequence(newest)));
    let newest = |presence: &mut Presence| presence.changes(Sequence::LAST, Sequence(9), 64).newest;
    assert_eq!(newest(&mut presence), Sequence(5));
    presence.join_ends(first);
    assert_eq!(newest(&mut presence), Sequence(5), "the other goes on");
    presence.join_ends(second);
    assert_eq!(newest(&mut presence), Sequence(8));
    presence.join_ends(third);
    assert_eq!(newest(&mut presence), Sequence(9));
}

#[test]
fn a_join_that_began_before_the_line_was_lost_may_end_anywhere_in_the_new_one() {
    let mut presence = Presence::default();
    let before = presence.join_begins(Sequence(5_000));
    presence.forget_all();
    let _after = presence.join_begins(Sequence(7));
    let newest = |presence: &mut Presence| presence.changes(Sequence::LAST, Sequence(9), 64).newest;
    assert_eq!(newest(&mut presence), Sequence::FIRST);
    presence.join_ends(before);
    assert_eq!(newest(&mut presence), Sequence(7));
}

#[test]
fn a_visitor_with_another_place_is_reported_there_and_gone_here() {
    let mut presence = with_streams([5]);
    assert_eq!(reported(&mut presence, 9), [5]);
    presence.opened(visitor(5), Sequence(7), None);
    let changes = presence.changes(Sequence(9), Sequence::LAST, 64);
    assert_eq!(changes.gone, [(visitor(5), Sequence(5))]);
    assert_eq!(changes.ready[0].seq, Sequence(7));
}

#[test]
fn telling_all_again_leaves_nobody_uncovered() {
    let mut presence = with_streams(1..=2_500);
    presence.changes(Sequence::LAST, Sequence::LAST, 64);
    assert_eq!(presence.changes(Sequence::LAST, Sequence::LAST, 64).covers, Sequence::LAST);
    presence.tell_all_again();
    let again = presence.changes(Sequence::LAST, Sequence::LAST, 64);
    assert_eq!((again.ready.len(), again.covers), (2_000, Sequence::LAST));
}

/// What a store makes of reports.
#[derive(Default)]
struct Told(BTreeSet<(VisitorId, Sequence)>);

impl Told {
    fn take_in(&mut self, changes: &Changes) {
        for gone in &changes.gone {
            self.0.remove(gone);
        }
        self.0.extend(changes.ready.iter().map(|ready| (ready.visitor, ready.seq)));
    }
}

proptest! {
    /// Whatever happens, and whether or not the replies to reports arrive.
    #[test]
    fn the_store_has_exactly_those_who_are_there_and_not_held_back(
        steps in proptest::collection::vec((0..9_u8, 1..5_u128, 0..3_u8), 0..120)
    ) {
        let (mut presence, mut told) = (Presence::default(), Told::default());
        let (mut streams, mut places) = (Vec::new(), [1, 2, 3, 4].map(Sequence));
        for (kind, number, variant) in steps {
            let (who, from) = (visitor(number), network(variant).filter(|_| variant > 0));
            let place = &mut places[usize::try_from(number - 1).unwrap()];
            match kind {
                0 => presence.heard(who, *place, from, 3 * SECOND, 5 * SECOND),
                1 => streams.push((who, presence.opened(who, *place, from))),
                2 => if let Some((who, stay)) = streams.pop() {
                    presence.closed(who, stay, 4 * SECOND);
                },
                // Admitted or left: the store takes them out by itself. Later they have another place.
                3 => {
                    told.0.retain(|(visitor, _)| *visitor != who);
                    presence.forget(who);
                    place.0 += 10;
                }
                4 => presence.advance(u32::from(variant) * SECOND),
                5 => presence.hold_back(from),
                // The reply is lost, and the report may be.
                6 => {
                    let changes = presence.changes(Sequence::LAST, Sequence::LAST, 64);
                    if variant > 0 {
                        told.take_in(&changes);
                    }
                    presence.take_back(changes);
                }
                _ => told.take_in(&presence.changes(Sequence::LAST, Sequence::LAST, 64)),
            }
        }
        told.take_in(&presence.changes(Sequence::LAST, Sequence::LAST, 64));
        let there = presence.visitors.iter().filter(|(_, present)| !presence.holds_back(present.network));
        let there: BTreeSet<_> = there.map(|(visitor, present)| (*visitor, present.seq)).collect();
        prop_assert_eq!(&told.0, &there);
        prop_assert_eq!(presence.changes(Sequence::LAST, Sequence::LAST, 64).ready, []);
    }
}
