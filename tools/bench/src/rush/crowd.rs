//! Who comes: each visitor's part, drawn so that the shares are exact.

use std::iter::repeat_n;

use rand::{Rng, seq::SliceRandom};

use super::arguments::{Arguments, GhostKind};

/// What a visitor is going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What they do here.
    pub(super) role: Role,
    /// Asks again and again, instead of listening to a stream.
    pub(super) polls: bool,
    /// Where from.
    pub(super) address: String,
}

/// What a visitor comes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Wants a ticket.
    Buys,
    /// Gives up while waiting.
    LeavesLine,
    /// Gives up at the shop, with seats on hold.
    LeavesShop,
    /// Is not there when it matters; those who return want a ticket.
    Ghost(GhostKind),
}

impl Role {
    /// Whether the visitor wants a ticket, now or later.
    pub(super) fn buys(self) -> bool {
        matches!(self, Self::Buys | Self::Ghost(GhostKind::Return))
    }

    /// Whether the visitor goes to the shop at all, and so needs an account there.
    pub(super) fn shops(self) -> bool {
        self.buys() || self == Self::LeavesShop
    }

    /// Whether the run goes on until the visitor is done.
    pub(super) fn is_waited_for(self) -> bool {
        !matches!(self, Self::Ghost(kind) if kind != GhostKind::Return)
    }
}

/// The parts of all visitors, in the order in which they come.
pub(super) fn cast(arguments: &Arguments, random: &mut impl Rng) -> Vec<Part> {
    let crowd = &arguments.crowd;
    let ghosts = part_of(arguments.visitors, crowd.ghosts);
    let leavers = part_of(arguments.visitors - ghosts, crowd.leave);
    let kinds = crowd.ghost_kinds.iter().cycle().take(ghosts).map(|kind| Role::Ghost(*kind));
    let ways = if crowd.line_only { [Role::LeavesLine; 2] } else { [Role::LeavesLine, Role::LeavesShop] };
    let leaving = ways.iter().copied().cycle().take(leavers);
    let buying = repeat_n(Role::Buys, arguments.visitors.saturating_sub(ghosts + leavers));
    let mut roles: Vec<Role> = kinds.chain(leaving).chain(buying).collect();
    roles.shuffle(random);
    let pollers = part_of(roles.len(), crowd.poll);
    let mut polls: Vec<bool> = (0..roles.len()).map(|number| number < pollers).collect();
    polls.shuffle(random);
    let address = |number| if crowd.from_one_address { address(0) } else { address(number) };
    let parts = roles.into_iter().zip(polls).enumerate();
    parts.map(|(number, (role, polls))| Part { role, polls, address: address(number) }).collect()
}

/// The address of a visitor: each has one of their own in 10.0.0.0/8.
fn address(number: usize) -> String {
    format!("10.{}.{}.{}", (number >> 16) & 255, (number >> 8) & 255, number & 255)
}

/// The address of a ghost that came before all visitors, in the range of carriers' gateways (RFC 6598).
pub(super) fn ghost_address(number: usize, addresses: usize) -> String {
    let number = number % addresses.max(1);
    format!("100.{}.{}.{}", 64 + ((number >> 16) & 63), (number >> 8) & 255, number & 255)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of some number of visitors is some smaller number of them"
)]
fn part_of(all: usize, share: f64) -> usize {
    (all as f64 * share).round() as usize
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn cast_of(arguments: &str) -> Vec<Part> {
        let arguments = Arguments::parse_from(format!("rush {arguments}").split_whitespace());
        cast(&arguments, &mut StdRng::seed_from_u64(7))
    }

    fn count(parts: &[Part], which: impl Fn(&Part) -> bool) -> usize {
        parts.iter().filter(|part| which(part)).count()
    }

    #[test]
    fn shares_are_exact_and_kinds_take_turns() {
        let parts = cast_of("--visitors 100 --ghosts 0.3 --ghost-kinds join,close,return --leave 0.2 --poll 0.5");
        let ghosts = |kind| count(&parts, |part| part.role == Role::Ghost(kind));
        assert_eq!([ghosts(GhostKind::Join), ghosts(GhostKind::Close), ghosts(GhostKind::Return)], [10, 10, 10]);
        assert_eq!(count(&parts, |part| part.role == Role::LeavesLine), 7);
        assert_eq!(count(&parts, |part| part.role == Role::LeavesShop), 7);
        assert_eq!(count(&parts, |part| part.role.buys()), 66);
        assert_eq!(count(&parts, |part| part.polls), 50);
        assert!(parts[..30].iter().any(|part| part.role == Role::Buys), "they come mixed");
    }

    #[test]
    fn everybody_has_an_address_unless_all_share_one() {
        let distinct = |parts: &[Part]| {
            parts.iter().map(|part| part.address.clone()).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(distinct(&cast_of("--visitors 1000")), 1_000);
        assert_eq!(distinct(&cast_of("--visitors 1000 --from-one-address")), 1);
        assert_eq!(ghost_address(301, 300), "100.64.0.1");
    }

    #[test]
    fn where_nobody_shops_all_leave_in_line() {
        let parts = cast_of("--visitors 10 --leave 1 --line-only");
        assert_eq!(count(&parts, |part| part.role == Role::LeavesLine), 10);
    }
}
