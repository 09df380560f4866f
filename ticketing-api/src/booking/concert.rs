//! Concerts and their performances.

use contract::ids::QueueName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    money::Currency,
    seat::{SeatPlan, SeatPlanRule},
};

contract::typed_id! {
    /// A concert.
    ConcertId;
    /// One evening of a concert, with seats of its own.
    PerformanceId;
}

/// A concert with its performances, soonest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concert {
    /// Its id.
    pub id: ConcertId,
    /// What is on.
    pub title: String,
    /// Where.
    pub place: String,
    /// Kind of event.
    pub category: String,
    /// The queue whose active tokens open its sale.
    pub queue: QueueName,
    /// Its evenings.
    pub performances: Vec<Performance>,
}

/// A line in a list of concerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcertSummary {
    /// Its id.
    pub id: ConcertId,
    /// What is on.
    pub title: String,
    /// Where.
    pub place: String,
    /// Kind of event.
    pub category: String,
    /// The queue that guards its sale.
    pub queue: QueueName,
    /// When its first performance starts.
    pub first_starts_at: Timestamp,
    /// How many performances it has.
    pub performances: u32,
}

/// One evening of a concert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performance {
    /// Its id.
    pub id: PerformanceId,
    /// Of which concert.
    pub concert: ConcertId,
    /// The concert's title.
    pub title: String,
    /// The queue that guards its sale.
    pub queue: QueueName,
    /// When it begins.
    pub starts_at: Timestamp,
    /// From this instant on seats can be held.
    pub sale_opens_at: Timestamp,
    /// From this instant on they no longer can.
    pub sale_closes_at: Timestamp,
    /// How many seats it has.
    pub seats: u32,
    /// What its prices are in.
    pub currency: Currency,
}

/// Whether seats can be held at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaleState {
    /// Not yet.
    NotOpen,
    /// Now.
    Open,
    /// No longer.
    Closed,
}

impl Performance {
    /// Whether seats can be held at `now`.
    pub fn sale_at(&self, now: Timestamp) -> SaleState {
        SaleState::at(self.sale_opens_at, self.sale_closes_at, now)
    }
}

impl SaleState {
    /// A sale runs from its opening up to, and without, its closing.
    pub fn at(opens_at: Timestamp, closes_at: Timestamp, now: Timestamp) -> Self {
        if now < opens_at {
            Self::NotOpen
        } else if now < closes_at {
            Self::Open
        } else {
            Self::Closed
        }
    }
}

/// A concert to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConcert {
    /// Its id.
    pub id: ConcertId,
    /// 1 to 50 characters, none of them a control character.
    pub title: String,
    /// 1 to 30 characters, none of them a control character.
    pub place: String,
    /// 1 to 30 characters, none of them a control character.
    pub category: String,
    /// The queue that shall guard its sale.
    pub queue: QueueName,
    /// At least one.
    pub performances: Vec<NewPerformance>,
    /// The current instant.
    pub now: Timestamp,
}

/// A performance to be created with its concert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPerformance {
    /// Its id.
    pub id: PerformanceId,
    /// When it begins.
    pub starts_at: Timestamp,
    /// Before `sale_closes_at`.
    pub sale_opens_at: Timestamp,
    /// Not after `starts_at`.
    pub sale_closes_at: Timestamp,
    /// Its seats.
    pub seats: SeatPlan,
}

/// A rule that a new concert breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConcertRule {
    /// Blank, too long or not for reading.
    #[error("a title has 1 to 50 characters, none of them a control character")]
    Title,
    /// Blank, too long or not for reading.
    #[error("a place has 1 to 30 characters, none of them a control character")]
    Place,
    /// Blank, too long or not for reading.
    #[error("a category has 1 to 30 characters, none of them a control character")]
    Category,
    /// Nothing to sell.
    #[error("a concert has 1 to 100 performances")]
    Performances,
    /// Instants in the wrong order.
    #[error("a sale opens before it closes, and closes no later than the performance starts")]
    SaleTimes,
    /// In the seat plan.
    #[error("{0}")]
    Seats(SeatPlanRule),
}

impl NewConcert {
    /// Every rule that it breaks.
    pub fn broken_rules(&self) -> Vec<ConcertRule> {
        let in_order = |p: &NewPerformance| p.sale_opens_at < p.sale_closes_at && p.sale_closes_at <= p.starts_at;
        let own = [
            (ConcertRule::Title, is_name(&self.title, 50)),
            (ConcertRule::Place, is_name(&self.place, 30)),
            (ConcertRule::Category, is_name(&self.category, 30)),
            (ConcertRule::Performances, (1..=100).contains(&self.performances.len())),
            (ConcertRule::SaleTimes, self.performances.iter().all(in_order)),
        ];
        let own = own.into_iter().filter_map(|(rule, kept)| (!kept).then_some(rule));
        let seats = self.performances.iter().flat_map(|p| p.seats.broken_rules()).map(ConcertRule::Seats);
        own.chain(seats).collect()
    }
}

/// Whether people can read a text as a name. Control characters are in no name: they upset terminals and logs, and
/// PostgreSQL takes no text with a NUL.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::{
        money::Money,
        seat::{SeatBlock, SeatNumber},
    };

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    fn concert() -> NewConcert {
        let clock = contract::clock::ManualClock::at_second(0);
        let block = SeatBlock {
            first: SeatNumber(1),
            last: SeatNumber(50),
            grade: "R".into(),
            section: "A".into(),
            price: Money::new(1, Currency::KRW),
        };
        NewConcert {
            id: ConcertId::generate(&clock),
            title: "t".repeat(50),
            place: "p".repeat(30),
            category: "rock".into(),
            queue: "demo".parse().unwrap(),
            performances: vec![NewPerformance {
                id: PerformanceId::generate(&clock),
                starts_at: second(20),
                sale_opens_at: second(10),
                sale_closes_at: second(20),
                seats: SeatPlan(vec![block]),
            }],
            now: second(0),
        }
    }

    #[test]
    fn a_concert_within_its_limits_is_accepted() {
        assert_eq!(concert().broken_rules(), []);
    }

    #[test]
    fn every_broken_rule_is_named() {
        let mut bad = concert();
        bad.title.push('t');
        bad.place.clear();
        bad.category = " ".into();
        bad.performances[0].sale_closes_at = second(10);
        bad.performances[0].seats.0.clear();
        assert_eq!(
            bad.broken_rules(),
            [
                ConcertRule::Title,
                ConcertRule::Place,
                ConcertRule::Category,
                ConcertRule::SaleTimes,
                ConcertRule::Seats(SeatPlanRule::Empty)
            ]
        );
    }

    #[test]
    fn names_have_no_control_characters() {
        let mut bad = concert();
        bad.title = "a\0b".into();
        bad.place = "\u{1b}[31mred".into();
        bad.category = "\u{85}".into();
        assert_eq!(bad.broken_rules(), [ConcertRule::Title, ConcertRule::Place, ConcertRule::Category]);
    }

    #[test]
    fn a_sale_is_open_from_its_opening_to_just_before_its_closing() {
        let at = |n| SaleState::at(second(10), second(20), second(n));
        assert_eq!(
            [at(9), at(10), at(19), at(20)],
            [SaleState::NotOpen, SaleState::Open, SaleState::Open, SaleState::Closed]
        );
    }
}
