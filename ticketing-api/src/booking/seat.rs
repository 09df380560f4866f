//! Numbered seats, the plan they are created from, and a choice among them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{concert::is_name, money::Money, wallet::Wallet};

/// A seat's number within its performance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatNumber(pub u32);

impl SeatNumber {
    /// The highest number a seat can have.
    pub const MAX: Self = Self(100_000);

    /// Whether a seat may have this number: 1 to [`Self::MAX`].
    pub fn is_valid(self) -> bool {
        (1..=Self::MAX.0).contains(&self.0)
    }
}

impl fmt::Display for SeatNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What can be done with a seat at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatState {
    /// Anybody admitted may hold it.
    Available,
    /// Claimed by a live hold or an unpaid reservation.
    Held,
    /// Paid for.
    Sold,
    /// Not for sale.
    Blocked,
}

/// A seat as visitors see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatView {
    /// Its number.
    pub number: SeatNumber,
    /// Its quality, such as `VIP`.
    pub grade: String,
    /// Where it is, such as `A`.
    pub section: String,
    /// What it costs.
    pub price: Money,
    /// Its state at the instant asked for.
    pub state: SeatState,
}

/// A seat in a reservation, with the price at which it was reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedSeat {
    /// Its number.
    pub number: SeatNumber,
    /// Its quality.
    pub grade: String,
    /// Where it is.
    pub section: String,
    /// What it costs.
    pub price: Money,
}

/// A run of like seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatBlock {
    /// The lowest number.
    pub first: SeatNumber,
    /// The highest number, itself included.
    pub last: SeatNumber,
    /// Their quality: 1 to 20 characters, none of them a control character.
    pub grade: String,
    /// Where they are: likewise.
    pub section: String,
    /// What each costs: from zero to [`Wallet::MAX_BALANCE`].
    pub price: Money,
}

/// The seats of a new performance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatPlan(pub Vec<SeatBlock>);

/// A rule that a seat plan breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeatPlanRule {
    /// No seats at all.
    #[error("a performance has at least one seat")]
    Empty,
    /// Numbers out of range, or a last number before the first.
    #[error("seat numbers ascend within 1 to 100000")]
    Numbers,
    /// One number in two blocks.
    #[error("no two blocks share a seat number")]
    Overlap,
    /// A price below zero, or one that no wallet could pay: the sum of a few would not fit 64 bits.
    #[error("a price is from 0 to {}", Wallet::MAX_BALANCE)]
    Price,
    /// Prices in several currencies.
    #[error("all prices of a performance are in one currency")]
    Currency,
    /// A name of grade or section that is blank, too long or not for reading.
    #[error("grade and section have 1 to 20 characters, none of them a control character")]
    Name,
}

impl SeatPlan {
    /// How many seats it has; at most 100,000 when it breaks no rule.
    pub fn seats(&self) -> u32 {
        let of = |block: &SeatBlock| block.last.0.checked_sub(block.first.0).map_or(0, |more| more.saturating_add(1));
        self.0.iter().map(of).fold(0, u32::saturating_add)
    }

    /// Every rule that the plan breaks, each once.
    pub fn broken_rules(&self) -> Vec<SeatPlanRule> {
        let blocks = &self.0;
        let mut order: Vec<_> = blocks.iter().map(|block| (block.first, block.last)).collect();
        order.sort_unstable();
        let named = |name: &str| is_name(name, 20);
        let range = |block: &SeatBlock| block.first.is_valid() && block.last.is_valid() && block.first <= block.last;
        [
            (SeatPlanRule::Empty, blocks.is_empty()),
            (SeatPlanRule::Numbers, !blocks.iter().all(range)),
            (SeatPlanRule::Overlap, order.windows(2).any(|pair| pair[1].0 <= pair[0].1)),
            (SeatPlanRule::Price, !blocks.iter().all(|block| (0..=Wallet::MAX_BALANCE).contains(&block.price.amount))),
            (SeatPlanRule::Currency, blocks.iter().any(|block| block.price.currency != blocks[0].price.currency)),
            (SeatPlanRule::Name, !blocks.iter().all(|block| named(&block.grade) && named(&block.section))),
        ]
        .into_iter()
        .filter_map(|(rule, broken)| broken.then_some(rule))
        .collect()
    }
}

/// The seats that somebody wants together: at least one, each once, ascending.
///
/// Ascending is more than tidiness: it is the order in which rows are locked, so two holds never wait for each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<SeatNumber>", into = "Vec<SeatNumber>")]
pub struct SeatSelection(Vec<SeatNumber>);

/// Why a list of numbers is no selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelection {
    /// No seat at all.
    #[error("choose at least one seat")]
    Empty,
    /// One seat twice.
    #[error("seat {0} is named more than once")]
    Repeated(SeatNumber),
}

impl SeatSelection {
    /// The seats, ascending.
    pub fn as_slice(&self) -> &[SeatNumber] {
        &self.0
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "a selection is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl TryFrom<Vec<SeatNumber>> for SeatSelection {
    type Error = InvalidSelection;

    fn try_from(mut seats: Vec<SeatNumber>) -> Result<Self, Self::Error> {
        seats.sort_unstable();
        if seats.is_empty() {
            return Err(InvalidSelection::Empty);
        }
        match seats.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(InvalidSelection::Repeated(pair[0])),
            None => Ok(Self(seats)),
        }
    }
}

impl From<SeatSelection> for Vec<SeatNumber> {
    fn from(selection: SeatSelection) -> Self {
        selection.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::money::Currency;

    fn block(first: u32, last: u32) -> SeatBlock {
        let price = Money::new(100, Currency::KRW);
        SeatBlock { first: SeatNumber(first), last: SeatNumber(last), grade: "R".into(), section: "A".into(), price }
    }

    #[test]
    fn a_plan_counts_its_seats() {
        let plan = SeatPlan(vec![block(1, 50), block(51, 51)]);
        assert_eq!((plan.seats(), plan.broken_rules()), (51, vec![]));
    }

    #[test]
    fn a_plan_that_breaks_rules_can_still_be_counted() {
        let plan = |blocks: &[SeatBlock]| SeatPlan(blocks.to_vec()).seats();
        assert_eq!(plan(&[block(5, 3)]), 0);
        assert_eq!(plan(&[block(0, u32::MAX)]), u32::MAX);
        assert_eq!(plan(&[block(1, u32::MAX), block(1, u32::MAX)]), u32::MAX);
    }

    #[test]
    fn the_dearest_seats_that_a_member_may_reserve_have_a_sum() {
        let mut plan = SeatPlan(vec![block(1, 50)]);
        plan.0[0].price.amount = Wallet::MAX_BALANCE;
        assert_eq!(plan.broken_rules(), []);
        assert!(Money::sum(Currency::KRW, vec![plan.0[0].price; 1000]).is_ok());
        plan.0[0].price.amount += 1;
        assert_eq!(plan.broken_rules(), [SeatPlanRule::Price]);
    }

    #[test]
    fn a_plan_names_every_rule_it_breaks() {
        assert_eq!(SeatPlan(vec![]).broken_rules(), [SeatPlanRule::Empty]);
        let mut bad = vec![block(0, 5), block(5, 3), block(4, 100_001)];
        bad[0].price.amount = -1;
        bad[1].price.currency = "EUR".parse().unwrap();
        bad[2].grade = " ".into();
        let broken = SeatPlan(bad).broken_rules();
        assert_eq!(
            broken,
            [
                SeatPlanRule::Numbers,
                SeatPlanRule::Overlap,
                SeatPlanRule::Price,
                SeatPlanRule::Currency,
                SeatPlanRule::Name
            ]
        );
    }

    #[test]
    fn a_selection_is_sorted_distinct_and_not_empty() {
        let seats =
            |numbers: &[u32]| SeatSelection::try_from(numbers.iter().copied().map(SeatNumber).collect::<Vec<_>>());
        assert_eq!(seats(&[]), Err(InvalidSelection::Empty));
        assert_eq!(seats(&[3, 1, 3]), Err(InvalidSelection::Repeated(SeatNumber(3))));
        assert_eq!(seats(&[3, 1]).unwrap().as_slice(), [SeatNumber(1), SeatNumber(3)]);
    }
}
