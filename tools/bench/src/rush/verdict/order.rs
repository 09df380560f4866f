//! Whether anybody who was there was overtaken.
//!
//! A visitor is *there* for a stretch of time: from the first word of a gateway, without a gap that matters (see
//! [`Presence`](crate::rush::presence::Presence)), to the admission by the store's clock, or until they leave. They are
//! *overtaken* when somebody of a later place is admitted within the stretch, more than one tick and the time of a step
//! after its beginning (the gateways tell the store of newcomers once a tick) and before its end (whoever is admitted
//! in the same step has the same instant). The order of places is that of the waiting tokens. As long as a visitor is
//! told that their network is held back they do not count as there.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Evidence, Finding};
use crate::rush::{diary::Diary, presence::Stretch};

/// What a step takes, and the way of an answer to us: ticks are not met to the millisecond.
pub(super) const STEP: Duration = Duration::from_millis(100);

/// Those who were overtaken.
#[derive(Debug)]
pub(super) struct Order {
    overtaken: usize,
    worst: Option<Overtaken>,
    judged: usize,
    held_back: usize,
}

/// One who was overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Overtaken {
    /// By so many.
    by: usize,
    /// How long they had been there when the first of these was admitted.
    after: SignedDuration,
}

/// One admission.
#[derive(Clone, Copy, Debug)]
struct Admitted {
    order: i64,
    at: Timestamp,
}

impl Order {
    pub(super) fn of(evidence: Evidence<'_>) -> Self {
        let diaries: Vec<&Diary> = evidence.reports.iter().map(|report| &report.diary).collect();
        let skew = skew(&diaries);
        let mut admissions: Vec<Admitted> = diaries
            .iter()
            .filter_map(|diary| Some((diary.order?, diary)))
            .flat_map(|(order, diary)| diary.turns.iter().map(move |turn| Admitted { order, at: turn.admitted_at }))
            .collect();
        admissions.sort_unstable_by_key(|admitted| admitted.at);
        let tick = evidence.arguments.promised.tick() + STEP;
        let stretches: Vec<(i64, Stretch)> = diaries
            .iter()
            .filter_map(|diary| Some((diary.order?, diary.stretches())))
            .flat_map(|(order, stretches)| stretches.iter().map(move |stretch| (order, *stretch)))
            .collect();
        let overtaken: Vec<Overtaken> = stretches
            .iter()
            .filter_map(|(order, stretch)| {
                let since = stretch.since.checked_sub(skew).unwrap_or(stretch.since);
                look_for(*order, Stretch { since, ..*stretch }, tick, &admissions)
            })
            .collect();
        Self {
            overtaken: overtaken.len(),
            worst: overtaken.into_iter().max_by_key(|overtaken| (overtaken.by, overtaken.after)),
            judged: stretches.len(),
            held_back: diaries.iter().filter(|diary| diary.held_back).count(),
        }
    }
}

/// Who of a later place than `order` was admitted in the stretch, of admissions in the order of time.
fn look_for(order: i64, stretch: Stretch, tick: Duration, admissions: &[Admitted]) -> Option<Overtaken> {
    let known = stretch.since.checked_add(tick).ok()?;
    let from = admissions.partition_point(|admitted| admitted.at <= known);
    // Whoever went away may have been admitted when the last word came, without having been told yet.
    let until = if stretch.admitted { stretch.until } else { stretch.until.checked_sub(tick).ok()? };
    let during = admissions[from..].iter().take_while(|admitted| admitted.at < until);
    let mut later = during.filter(|admitted| admitted.order > order);
    let first = later.next()?;
    Some(Overtaken { by: 1 + later.count(), after: first.at.duration_since(stretch.since) })
}

/// How far our clock is ahead of the store's: zero where it may well be the same. Nobody is told of an admission before
/// it happens, and on the same clock somebody is told at once.
fn skew(diaries: &[&Diary]) -> SignedDuration {
    let turns = diaries.iter().flat_map(|diary| &diary.turns);
    let least = turns.map(|turn| turn.told_at.duration_since(turn.admitted_at)).min().unwrap_or_default();
    let same = SignedDuration::ZERO..=SignedDuration::from_secs(1);
    if same.contains(&least) { SignedDuration::ZERO } else { least }
}

impl Finding for Order {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let worst = self.worst.map_or_else(String::new, |worst| {
            format!(", the worst by {} after {:.3} s", worst.by, worst.after.as_secs_f64())
        });
        let held_back = match self.held_back {
            0 => String::new(),
            some => format!("; {some} visitors were held back for a time"),
        };
        vec![("overtaken while there", format!("{} of {}{worst}{held_back}", self.overtaken, self.judged))]
    }

    fn broken(&self) -> Vec<String> {
        let Some(worst) = self.worst else { return Vec::new() };
        let (by, after) = (worst.by, worst.after.as_secs_f64());
        vec![format!(
            "{} visitors who were there were overtaken by later places, the worst by {by}, {after:.3} s after they came",
            self.overtaken
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    /// Of somebody at place 10 who was there from 0 to `until`.
    fn overtaken(until: i64, admissions: &[(i64, i64)]) -> Option<usize> {
        let admissions: Vec<Admitted> =
            admissions.iter().map(|(order, millis)| Admitted { order: *order, at: at(*millis) }).collect();
        let stretch = Stretch { since: at(0), until: at(until), admitted: true };
        look_for(10, stretch, Duration::from_millis(250), &admissions).map(|overtaken| overtaken.by)
    }

    #[test]
    fn earlier_places_may_go_first_and_later_ones_may_not() {
        assert_eq!(overtaken(5_000, &[(9, 1_000), (8, 2_000), (10, 5_000)]), None);
        assert_eq!(overtaken(5_000, &[(9, 1_000), (11, 2_000), (30, 3_000), (10, 5_000)]), Some(2));
    }

    #[test]
    fn the_store_needs_a_tick_to_know_of_somebody() {
        assert_eq!(overtaken(5_000, &[(11, 200), (12, 250)]), None);
        assert_eq!(overtaken(5_000, &[(11, 251)]), Some(1));
    }

    #[test]
    fn whoever_is_admitted_in_the_same_step_or_later_overtakes_nobody() {
        assert_eq!(overtaken(5_000, &[(11, 5_000), (12, 6_000)]), None);
    }

    #[test]
    fn who_goes_away_may_have_been_admitted_without_being_told() {
        let away = Stretch { since: at(0), until: at(2_000), admitted: false };
        let overtaken = |millis| {
            look_for(10, away, Duration::from_millis(250), &[Admitted { order: 11, at: at(millis) }]).is_some()
        };
        assert_eq!([1_700, 1_800].map(overtaken), [true, false]);
    }

    #[test]
    fn clocks_that_differ_are_noticed() {
        let told_after = |millis: i64| {
            let mut diary = Diary::default();
            diary.turns.push(crate::rush::diary::Turn {
                admitted_at: at(0),
                told_at: at(millis),
                arrive_before: None,
                arrived_at: Some(at(millis)),
                token: String::new(),
            });
            diary
        };
        assert_eq!(skew(&[&told_after(900), &told_after(40)]), SignedDuration::ZERO);
        assert_eq!(skew(&[&told_after(-3_000)]), SignedDuration::from_secs(-3));
        assert_eq!(skew(&[&told_after(7_000), &told_after(7_100)]), SignedDuration::from_secs(7));
    }
}
