use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The line itself: the simplest thing that is right.
#[derive(Default)]
struct Model {
    departed: BTreeSet<i64>,
    restored: BTreeSet<i64>,
}

impl Model {
    fn waits(&self, seq: i64) -> bool {
        if seq > 0 { !self.departed.contains(&seq) } else { self.restored.contains(&seq) }
    }

    fn ahead(&self, seq: i64) -> u64 {
        let old = self.restored.range(..seq).count() as u64;
        let before = u64::try_from(seq - 1).unwrap_or(0);
        old + before - self.departed.range(..seq).count() as u64
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Depart(seq) if seq > 0 => drop(self.departed.insert(seq)),
            Step::Depart(seq) => drop(self.restored.remove(&seq)),
            Step::Restore(seq) if seq <= 0 => drop(self.restored.insert(seq)),
            Step::Restore(_) => {}
            Step::DepartThrough(last) => {
                self.departed.extend(1..=last);
                self.restored.retain(|seq| *seq > last);
            }
        }
    }

    fn line(&self, last: i64) -> impl Iterator<Item = Sequence> {
        self.restored.iter().copied().chain((1..=last).filter(|seq| !self.departed.contains(seq))).map(Sequence)
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Depart(i64),
    Restore(i64),
    DepartThrough(i64),
}

fn apply(rank: &mut Rank, step: Step) {
    match step {
        Step::Depart(seq) => rank.depart(Sequence(seq)),
        Step::Restore(seq) => rank.restore(Sequence(seq)),
        Step::DepartThrough(last) => rank.depart_through(Sequence(last)),
    }
}

fn assert_same(rank: &Rank, model: &Model, probes: impl Iterator<Item = i64>) {
    for seq in probes {
        let expected = model.waits(seq).then(|| model.ahead(seq) + 1);
        assert_eq!(rank.position(Sequence(seq)), expected, "position of {seq}");
        assert_eq!(rank.ahead(Sequence(seq)), model.ahead(seq), "ahead of {seq}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn positions_are_those_of_the_line(steps in prop::collection::vec(
        prop_oneof![
            20 => (-60_i64..1500).prop_map(Step::Depart),
            20 => (-60_i64..2).prop_map(Step::Restore),
            1 => (-60_i64..1500).prop_map(Step::DepartThrough),
        ], 0..400,
    )) {
        let (mut rank, mut model) = (Rank::default(), Model::default());
        for step in steps {
            apply(&mut rank, step);
            model.apply(step);
        }
        assert_same(&rank, &model, -62..1600);
        for last in [0, 1, 511, 512, 513, 1600] {
            prop_assert_eq!(rank.waiting(Sequence(last)), model.line(last).count() as u64);
        }
        let rebuilt = Rank::rebuild(Sequence(1600), model.line(1600));
        assert_same(&rebuilt, &model, -62..1600);
    }

    #[test]
    fn many_restored_places_keep_their_order(
        restored in prop::collection::vec(-1_000_000_i64..=0, 2000..6000),
        gone in prop::collection::vec(0..6000_usize, 0..5000),
    ) {
        let (mut rank, mut model) = (Rank::default(), Model::default());
        let departures = gone.iter().filter_map(|&at| restored.get(at)).map(|&seq| Step::Depart(seq));
        for step in restored.iter().map(|&seq| Step::Restore(seq)).chain(departures) {
            apply(&mut rank, step);
            model.apply(step);
        }
        assert_same(&rank, &model, restored.iter().copied().step_by(7).chain(1..3));
    }
}

#[test]
fn a_snapshot_knows_nothing_of_later_sequences() {
    let rank = Rank::rebuild(Sequence(3), [2, 5].map(Sequence).into_iter());
    assert_eq!(rank.position(Sequence(1)), None);
    assert_eq!(rank.position(Sequence(2)), Some(1));
    assert_eq!(rank.position(Sequence(4)), Some(2));
    assert_eq!(rank.position(Sequence(5)), Some(3));
}

#[test]
fn a_line_served_from_the_front_forgets_its_past() {
    let mut rank = Rank::default();
    for seq in 1..=1_000_000 {
        rank.depart(Sequence(seq));
    }
    assert_eq!(rank.position(Sequence(1_000_001)), Some(1));
    assert_eq!(rank.position(Sequence(999_999)), None);
    assert!(rank.heap_bytes() < 64 * 1024, "{} bytes after a million departures", rank.heap_bytes());
}

#[test]
fn a_million_waiters_with_arbitrary_departures_fit_in_64_megabytes() {
    let mut rank = Rank::default();
    // A full cycle of a linear congruence visits the sequences in scattered order, leaving the front for last.
    let scattered = |i: i64| 1 + (i * 611_953 + 1) % 1_000_000;
    for i in 0..500_000 {
        rank.depart(Sequence(scattered(i)));
        rank.restore(Sequence(-scattered(i)));
    }
    assert_eq!(rank.waiting(Sequence(1_000_000)), 1_000_000);
    assert!(rank.heap_bytes() < 64 << 20, "{} bytes", rank.heap_bytes());
}
