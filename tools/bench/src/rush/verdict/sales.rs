//! What was sold, to whom, and what went wrong.

use std::collections::BTreeMap;

use super::{Evidence, Finding};
use crate::rush::visit::Outcome;

/// How the visits ended.
#[derive(Debug, Default)]
pub(super) struct Sales {
    visitors: usize,
    buyers: usize,
    seats: usize,
    sold: usize,
    /// None where nobody shops.
    sold_at_server: Option<usize>,
    double_sold: usize,
    refused: usize,
    stayed: usize,
    left: usize,
    bought_on: usize,
    failures: BTreeMap<String, usize>,
}

impl Sales {
    pub(super) fn of(evidence: Evidence<'_>, sold_at_server: Option<usize>) -> Self {
        let mut sales = Self {
            visitors: evidence.reports.len(),
            buyers: evidence.reports.iter().filter(|report| report.part.role.buys()).count(),
            seats: evidence.arguments.seats as usize,
            sold_at_server,
            ..Self::default()
        };
        let mut owners = BTreeMap::<u64, usize>::new();
        for report in evidence.reports {
            match &report.outcome {
                Outcome::Bought { seat } => *owners.entry(*seat).or_default() += 1,
                Outcome::SoldOut => sales.refused += 1,
                Outcome::Stayed => sales.stayed += 1,
                Outcome::Left { bought_on } => {
                    sales.left += 1;
                    sales.bought_on += usize::from(*bought_on);
                }
                Outcome::Haunted { .. } => {}
                Outcome::Failed(why) => *sales.failures.entry(why.clone()).or_default() += 1,
            }
        }
        sales.sold = owners.values().sum();
        sales.double_sold = owners.values().filter(|owners| **owners > 1).count();
        sales
    }

    fn failed(&self) -> usize {
        self.failures.values().sum()
    }
}

impl Finding for Sales {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("visitors", format!("{}, of whom {} want a ticket", self.visitors, self.buyers))];
        match self.sold_at_server {
            Some(at_server) => rows.extend([
                ("sold", format!("{} of {} seats ({at_server} in the store)", self.sold, self.seats)),
                ("refused, sold out", self.refused.to_string()),
                ("seats with two owners", self.double_sold.to_string()),
            ]),
            None => rows.push(("arrived at the site", self.stayed.to_string())),
        }
        rows.push(("left on purpose", format!("{}, {} of them could go on buying", self.left, self.bought_on)));
        rows.push(("visits that failed", self.failed().to_string()));
        let failures = self.failures.iter().take(20);
        rows.extend(failures.map(|(why, times)| ("failed", format!("{times} times: {why}"))));
        rows
    }

    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut promise = |kept: bool, what: String| {
            if !kept {
                broken.push(what);
            }
        };
        promise(self.failures.is_empty(), format!("{} visits failed", self.failed()));
        promise(self.bought_on == 0, format!("{} visitors went on buying after they had left", self.bought_on));
        if let Some(at_server) = self.sold_at_server {
            let expected = self.seats.min(self.buyers);
            promise(self.sold == expected, format!("{} seats were sold where {expected} should be", self.sold));
            let same = at_server == self.sold;
            promise(same, format!("the store says that {at_server} seats are sold, the buyers say {}", self.sold));
            promise(self.double_sold == 0, format!("{} seats have two owners", self.double_sold));
            let losers = self.buyers - expected;
            promise(self.refused == losers, format!("{} of {losers} losers were told so", self.refused));
        } else {
            let all = self.stayed == self.buyers;
            promise(all, format!("{} of {} visitors arrived at the site", self.stayed, self.buyers));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::{crowd::Role, observer::Observed, verdict::samples, visit::Report};

    fn broken(outcomes: Vec<Outcome>, sold_at_server: Option<usize>) -> Vec<String> {
        let arguments = samples::arguments("--seats 2");
        let reports: Vec<Report> = outcomes.into_iter().map(|outcome| samples::report(Role::Buys, outcome)).collect();
        Sales::of(samples::evidence(&arguments, &reports, &Observed::default()), sold_at_server).broken()
    }

    #[test]
    fn every_seat_has_one_owner_and_every_loser_is_told_so() {
        let (one, two) = (Outcome::Bought { seat: 1 }, Outcome::Bought { seat: 2 });
        assert_eq!(broken(vec![one, two, Outcome::SoldOut], Some(2)), Vec::<String>::new());
    }

    #[test]
    fn a_seat_with_two_owners_breaks_promises() {
        let twice = || Outcome::Bought { seat: 1 };
        assert_eq!(
            broken(vec![twice(), twice(), Outcome::SoldOut], Some(1)),
            ["the store says that 1 seats are sold, the buyers say 2", "1 seats have two owners"]
        );
    }

    #[test]
    fn nobody_buys_who_has_left_and_nobody_gets_lost() {
        let said = broken(vec![Outcome::Left { bought_on: true }, Outcome::Failed("lost".to_owned())], None);
        assert_eq!(
            said,
            ["1 visits failed", "1 visitors went on buying after they had left", "0 of 2 visitors arrived at the site",]
        );
    }
}
