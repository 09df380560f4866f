//! One visitor's whole road: the line, the entrance, a seat, the till.

use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Rush,
    arguments::GhostKind,
    browser::Browser,
    buyer::Buyer,
    crowd::{Part, Role},
    diary::Diary,
    document::State,
    ghost,
    line::{Habits, Waiter},
    shop::{Shopper, Trip},
};

/// What became of a visitor.
#[derive(Debug)]
pub(super) struct Report {
    /// What the visitor came for.
    pub(super) part: Part,
    /// What the visitor was told in line.
    pub(super) diary: Diary,
    /// From arrival to ticket or refusal.
    pub(super) shopping: Option<Duration>,
    /// The end.
    pub(super) outcome: Outcome,
    /// What was told when the old place was asked for long after; none where it was not.
    pub(super) afterwards: Option<State>,
}

/// A visit that has ended, and who came.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) report: Report,
    pub(super) browser: Browser,
}

/// How a visit ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Paid for this seat.
    Bought {
        /// The seat's number.
        seat: u64,
    },
    /// Everything was sold when the turn came: the clean refusal.
    SoldOut,
    /// Was at the site where nobody shops, and gave the slot back.
    Stayed,
    /// Gave up, as intended.
    Left {
        /// Could hold a seat with the slot that was given up.
        bought_on: bool,
    },
    /// A ghost that played its part.
    Haunted {
        /// Slots that were still there after their time.
        overstayed: u32,
        /// Was admitted without ever having been in contact.
        admitted: bool,
    },
    /// Anything else.
    Failed(String),
}

/// Sends one visitor all the way.
pub(super) async fn visit(rush: &Rush, number: usize, part: Part, buyer: Option<Buyer>) -> Visit {
    let habits = Habits { polls: part.polls, moves: rush.alternate, dawdles: rush.dawdle };
    let mut waiter = Waiter::new(rush.browser(number, &part.address), habits);
    let mut shopping = None;
    let outcome = match play(rush, number, &part, buyer, &mut waiter, &mut shopping).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(format!("{:?}: {error:#}", part.role)),
    };
    let report = Report { part, diary: waiter.diary, shopping, outcome, afterwards: None };
    Visit { report, browser: waiter.browser }
}

async fn play(
    rush: &Rush,
    number: usize,
    part: &Part,
    buyer: Option<Buyer>,
    waiter: &mut Waiter,
    shopping: &mut Option<Duration>,
) -> anyhow::Result<Outcome> {
    let deadline = Instant::now() + rush.longest_wait;
    match part.role {
        Role::Ghost(GhostKind::Return) => {
            waiter.join().await.context("in line")?;
            ghost::look_in(waiter).await;
            sleep(rush.away).await;
            waiter.ask().await.context("coming back")?;
        }
        Role::Ghost(kind) => return ghost::haunt(rush, kind, waiter).await,
        Role::LeavesLine => {
            waiter.join().await.context("in line")?;
            let patience = Duration::from_millis(rand::random_range(500..3_000));
            let _ = timeout(patience, waiter.wait(deadline)).await;
            waiter.go_away();
            waiter.browser.leave().await.context("leaving the line")?;
            return Ok(Outcome::Left { bought_on: false });
        }
        Role::Buys | Role::LeavesShop => waiter.join().await.context("in line")?,
    }
    let active_token = waiter.pass(deadline).await.context("in line")?;
    let arrived = Instant::now();
    let outcome = if let (Some(shop), Some(buyer)) = (&rush.shop, &buyer) {
        let shopper = Shopper { shop, buyer, address: &part.address, active_token: &active_token, number };
        be_at_the_shop(&shopper, part.role, waiter, rush.dawdle).await.context("in the shop")?
    } else {
        sleep(rush.stay).await;
        waiter.browser.leave().await.context("giving the slot back")?;
        Outcome::Stayed
    };
    *shopping = Some(arrived.elapsed());
    Ok(outcome)
}

async fn be_at_the_shop(
    shopper: &Shopper<'_>,
    role: Role,
    waiter: &mut Waiter,
    dawdle: Duration,
) -> anyhow::Result<Outcome> {
    shopper.show_life().await?;
    sleep(dawdle.mul_f64(rand::random())).await;
    if role == Role::LeavesShop {
        return Ok(Outcome::Left { bought_on: shopper.hold_and_leave().await? });
    }
    match shopper.buy().await? {
        Trip::Bought { seat } => Ok(Outcome::Bought { seat }),
        Trip::SoldOut => {
            // A slot that was claimed on the way is the shop's to end.
            if !waiter.browser.leave().await? {
                shopper.leave().await?;
            }
            Ok(Outcome::SoldOut)
        }
    }
}
