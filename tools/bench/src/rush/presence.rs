//! When a visitor was there, as the line can know it.

use jiff::{SignedDuration, Timestamp};

/// A gateway that died counts as gone after three seconds: whoever is back at another one within two was there all
/// along.
const LONGEST_GAP: SignedDuration = SignedDuration::from_secs(2);
/// Only whoever was there for so long before a gap is surely known to the store.
const SURELY_KNOWN: SignedDuration = SignedDuration::from_secs(1);

/// Stretches of time without a gap that matters.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence {
    ended: Vec<Stretch>,
    since: Option<Timestamp>,
    seen_at: Option<Timestamp>,
    lost_at: Option<Timestamp>,
}

/// A visitor was there from an instant to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// First heard.
    pub(super) since: Timestamp,
    /// Admitted; or told for the last time that they wait, by somebody who went away.
    pub(super) until: Timestamp,
    /// Whether it ended with an admission.
    pub(super) admitted: bool,
}

impl Presence {
    /// The gateway has answered.
    pub(super) fn seen(&mut self, now: Timestamp) {
        if let Some(lost_at) = self.lost_at.take()
            && let Some(since) = self.since
            && (now.duration_since(lost_at) > LONGEST_GAP || lost_at.duration_since(since) < SURELY_KNOWN)
        {
            self.over();
        }
        self.since.get_or_insert(now);
        self.seen_at = Some(now);
    }

    /// The stream was cut, or the gateway that was asked last has died.
    pub(super) fn lost(&mut self, at: Timestamp) {
        if self.since.is_some() {
            self.lost_at.get_or_insert(at);
        }
    }

    /// The visitor was admitted at this instant.
    pub(super) fn admitted(&mut self, at: Timestamp) {
        self.end(at, true);
    }

    /// The visitor goes away, or is told that they are held back because of others. What happened since the last word
    /// to the contrary is not known.
    pub(super) fn over(&mut self) {
        if let Some(seen_at) = self.seen_at {
            self.end(seen_at, false);
        }
    }

    fn end(&mut self, until: Timestamp, admitted: bool) {
        self.lost_at = None;
        if let Some(since) = self.since.take()
            && since < until
        {
            self.ended.push(Stretch { since, until, admitted });
        }
    }

    /// Those that have ended.
    pub(super) fn stretches(&self) -> &[Stretch] {
        &self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    fn stretches(events: impl Fn(&mut Presence)) -> Vec<(i64, i64)> {
        let mut presence = Presence::default();
        events(&mut presence);
        presence.admitted(at(20_000));
        let millis = |time: Timestamp| time.as_millisecond() - at(0).as_millisecond();
        presence.stretches().iter().map(|stretch| (millis(stretch.since), millis(stretch.until))).collect()
    }

    #[test]
    fn a_short_gap_of_somebody_known_is_none() {
        let kept = stretches(|presence| {
            presence.seen(at(0));
            presence.lost(at(5_000));
            presence.seen(at(6_500));
        });
        assert_eq!(kept, [(0, 20_000)]);
    }

    #[test]
    fn a_long_gap_and_a_gap_right_after_the_beginning_split() {
        let long = stretches(|presence| {
            presence.seen(at(0));
            presence.seen(at(4_900));
            presence.lost(at(5_000));
            presence.lost(at(6_000));
            presence.seen(at(8_000));
        });
        assert_eq!(long, [(0, 4_900), (8_000, 20_000)]);
        let early = stretches(|presence| {
            presence.seen(at(0));
            presence.seen(at(200));
            presence.lost(at(300));
            presence.seen(at(700));
        });
        assert_eq!(early, [(0, 200), (700, 20_000)]);
    }

    #[test]
    fn who_goes_away_or_is_held_back_was_there_until_the_last_word_to_the_contrary() {
        let kept = stretches(|presence| {
            presence.seen(at(0));
            presence.seen(at(3_000));
            presence.over();
            presence.over();
            presence.seen(at(9_000));
        });
        assert_eq!(kept, [(0, 3_000), (9_000, 20_000)]);
    }

    #[test]
    fn who_was_never_heard_was_never_there() {
        assert!(stretches(|presence| presence.lost(at(10))).is_empty());
    }
}
