//! What slots the ghosts held.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{
    Evidence, Finding,
    one_at_a_time::{self, Unclaimed},
};
use crate::rush::{
    arguments::{FirstKind, GhostKind},
    crowd::Role,
    visit::{Outcome, Report},
};

/// Nobody loses a place twice: admitted, not arrived, admitted once more, out.
const MOST_ADMISSIONS: usize = 2;

/// The ghosts of a run.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    among_visitors: usize,
    came_first: usize,
    /// Who only joined, and was admitted nevertheless.
    admitted_without_contact: usize,
    no_show_slots: usize,
    overstayed: u32,
    /// The most slots of a network from which nobody arrives, after its eighth outcome.
    at_a_time: usize,
    /// Admissions that no visitor saw, by the operator's count.
    unseen: Option<usize>,
    may_be_unseen: usize,
    no_shows_counted: Option<u64>,
}

impl Ghosts {
    pub(super) fn of(evidence: Evidence<'_>, admitted_first: usize) -> Self {
        let Evidence { arguments, reports, observed } = evidence;
        let crowd = &arguments.crowd;
        let mut ghosts = Self { came_first: crowd.ghosts_first, ..Self::default() };
        ghosts.admitted_without_contact = admitted_first;
        for report in reports {
            ghosts.among_visitors += usize::from(matches!(report.part.role, Role::Ghost(_)));
            ghosts.may_be_unseen += may_be_unseen(report.part.role);
            if let Outcome::Haunted { overstayed, admitted } = report.outcome {
                ghosts.overstayed += overstayed;
                ghosts.admitted_without_contact += usize::from(admitted);
            }
        }
        if crowd.ghosts_first_kind == FirstKind::Stream {
            ghosts.may_be_unseen += MOST_ADMISSIONS * crowd.ghosts_first;
        }
        let tick = SignedDuration::try_from(2 * arguments.promised.tick()).unwrap_or_default();
        let unclaimed = unclaimed_by_address(reports);
        ghosts.no_show_slots = unclaimed.values().map(Vec::len).sum();
        let arriving = arriving_addresses(reports);
        let silent = unclaimed.into_iter().filter(|(address, _)| !arriving.contains(address));
        ghosts.at_a_time =
            silent.map(|(_, slots)| one_at_a_time::most_at_a_time(slots, tick)).max().unwrap_or_default();
        if let Some((before, after)) = observed.totals {
            let seen: usize = reports.iter().map(|report| report.diary.turns.len()).sum();
            // A store that lost its state counts anew.
            let counted = after.admitted.checked_sub(before.admitted).and_then(|count| usize::try_from(count).ok());
            ghosts.unseen = counted.map(|counted| counted.saturating_sub(seen));
            ghosts.no_shows_counted = after.no_shows.checked_sub(before.no_shows);
        }
        ghosts
    }
}

/// How many admissions of such a visitor nobody may be there to see.
fn may_be_unseen(role: Role) -> usize {
    match role {
        Role::Ghost(GhostKind::Stream | GhostKind::Close) => MOST_ADMISSIONS,
        Role::Ghost(GhostKind::Return | GhostKind::NoShow) | Role::LeavesLine => 1,
        Role::Ghost(GhostKind::Join) | Role::Buys | Role::LeavesShop => 0,
    }
}

fn unclaimed_by_address(reports: &[Report]) -> BTreeMap<&str, Vec<Unclaimed>> {
    let mut slots = BTreeMap::<&str, Vec<Unclaimed>>::new();
    for report in reports {
        let lost = report.diary.turns.iter().filter(|turn| turn.arrived_at.is_none());
        let lost = lost.filter_map(|turn| Some(Unclaimed { from: turn.admitted_at, until: turn.arrive_before? }));
        slots.entry(&report.part.address).or_default().extend(lost);
    }
    slots
}

fn arriving_addresses(reports: &[Report]) -> BTreeSet<&str> {
    let arrived = reports.iter().filter(|report| report.diary.arrived_at().is_some());
    arrived.map(|report| report.part.address.as_str()).collect()
}

impl Finding for Ghosts {
    fn rows(&self) -> Vec<(&'static str, String)> {
        if self.among_visitors + self.came_first == 0 {
            return Vec::new();
        }
        let Self { among_visitors, came_first, admitted_without_contact, no_show_slots, overstayed, at_a_time, .. } =
            self;
        let mut rows = vec![
            ("ghosts", format!("{among_visitors} among the visitors, {came_first} came first")),
            ("admitted without contact", admitted_without_contact.to_string()),
            ("slots that nobody came for", format!("{no_show_slots}, {overstayed} kept after their time")),
            ("of one silent network", format!("at most {at_a_time} at a time after its first eight")),
        ];
        if let (Some(unseen), Some(no_shows)) = (self.unseen, self.no_shows_counted) {
            let most = self.may_be_unseen;
            rows.push((
                "by the operator's count",
                format!("{unseen} admissions seen by nobody (at most {most}), {no_shows} no-shows"),
            ));
        }
        rows
    }

    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.admitted_without_contact > 0 {
            broken.push(format!("{} ghosts who only joined were admitted", self.admitted_without_contact));
        }
        if self.overstayed > 0 {
            broken.push(format!("{} slots were kept after the time to arrive was over", self.overstayed));
        }
        if self.at_a_time > 1 {
            let slots = self.at_a_time;
            broken.push(format!(
                "a network from which nobody arrives held {slots} slots at a time after its first eight"
            ));
        }
        if let Some(unseen) = self.unseen.filter(|unseen| *unseen > self.may_be_unseen) {
            broken.push(format!("{unseen} admissions were seen by nobody, at most {} may be", self.may_be_unseen));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::{
        observer::{Observed, Totals},
        verdict::samples,
    };

    fn played() -> Outcome {
        Outcome::Haunted { overstayed: 0, admitted: false }
    }

    #[test]
    fn a_ghost_who_only_joined_must_not_be_admitted() {
        let arguments = samples::arguments("--ghosts-first 10");
        let ghost = samples::report(Role::Ghost(GhostKind::Join), Outcome::Haunted { overstayed: 0, admitted: true });
        let reports = [ghost];
        let observed = Observed::default();
        let evidence = samples::evidence(&arguments, &reports, &observed);
        assert_eq!(Ghosts::of(evidence, 2).broken(), ["3 ghosts who only joined were admitted"]);
    }

    #[test]
    fn admissions_that_nobody_saw_are_those_of_closed_tabs_alone() {
        let arguments = samples::arguments("--ghosts 0.5");
        let mut buyer = samples::report(Role::Buys, Outcome::SoldOut);
        buyer.diary.turns.push(samples::turn(0, true));
        let reports = [buyer, samples::report(Role::Ghost(GhostKind::Close), played())];
        let broken = |admitted: u64| {
            let totals = |admitted| Totals { admitted, no_shows: 0 };
            let observed = Observed { totals: Some((totals(7), totals(7 + admitted))), ..Observed::default() };
            Ghosts::of(samples::evidence(&arguments, &reports, &observed), 0).broken()
        };
        assert_eq!(broken(3), Vec::<String>::new());
        assert_eq!(broken(4), ["3 admissions were seen by nobody, at most 2 may be"]);
    }

    #[test]
    fn a_silent_network_is_told_from_one_where_somebody_arrives() {
        let arguments = samples::arguments("--ghosts 1");
        let ghosts = |times: &[i64]| {
            let mut reports: Vec<Report> = Vec::new();
            for millis in times {
                let mut ghost = samples::report(Role::Ghost(GhostKind::NoShow), played());
                ghost.diary.turns.push(samples::turn(*millis, false));
                reports.push(ghost);
            }
            reports
        };
        let mut reports = ghosts(&[0, 0, 0, 0, 0, 0, 0, 0, 40_000, 41_000]);
        let of =
            |reports: &[Report]| Ghosts::of(samples::evidence(&arguments, reports, &Observed::default()), 0).broken();
        assert_eq!(of(&reports), ["a network from which nobody arrives held 2 slots at a time after its first eight"]);
        let mut buyer = samples::report(Role::Buys, Outcome::SoldOut);
        buyer.diary.turns.push(samples::turn(1, true));
        reports.push(buyer);
        assert_eq!(of(&reports), Vec::<String>::new());
    }
}
