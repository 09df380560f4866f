//! Whether a network that nobody arrives from is held to one unclaimed slot at a time.

use jiff::{SignedDuration, Timestamp};

/// After so many outcomes without an arrival a network is held back.
const OUTCOMES: usize = 8;

/// One slot that nobody came for: from the admission to the end of the time to arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unclaimed {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// The most slots that a network held at one time once it had its eighth outcome; all of its visitors fail to arrive.
/// `tick` is how long the gateways may need to hear of that outcome.
pub(super) fn most_at_a_time(mut slots: Vec<Unclaimed>, tick: SignedDuration) -> usize {
    let mut ends: Vec<Timestamp> = slots.iter().map(|slot| slot.until).collect();
    ends.sort_unstable();
    let Some(known) = ends.get(OUTCOMES - 1).and_then(|eighth| eighth.checked_add(tick).ok()) else { return 0 };
    slots.sort_unstable_by_key(|slot| slot.from);
    let late = slots.iter().filter(|slot| slot.from > known);
    let at = |time: Timestamp| slots.iter().filter(|slot| slot.from <= time && time < slot.until).count();
    late.map(|slot| at(slot.from)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(from: impl IntoIterator<Item = i64>) -> Vec<Unclaimed> {
        let at = |second| Timestamp::from_second(1_800_000_000 + second).unwrap();
        from.into_iter().map(|second| Unclaimed { from: at(second), until: at(second + 30) }).collect()
    }

    #[test]
    fn the_first_eight_may_be_together_and_later_ones_may_not() {
        let tick = SignedDuration::from_secs(1);
        assert_eq!(most_at_a_time(slots([0; 8]), tick), 0);
        assert_eq!(most_at_a_time(slots([0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 63, 94]), tick), 1);
        assert_eq!(most_at_a_time(slots([0, 0, 0, 0, 0, 0, 0, 0, 32, 40, 41]), tick), 3);
    }
}
