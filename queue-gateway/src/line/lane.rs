//! The priority lane: whoever was invited stands in a lane of their own, which has a share of the rate.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::place::Sequence;

/// Where in a queue somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The line of those who have simply come.
    General,
    /// The priority lane. Nobody in it is passed: a place there is kept until its visitor has had a turn.
    Invited,
}

impl Lane {
    /// Both lanes, the general line first.
    pub const ALL: [Self; 2] = [Self::General, Self::Invited];

    /// By what places of both lanes are compared where one has to go first: the invited do.
    pub fn precedence(seq: Sequence) -> impl Ord {
        (Self::of(seq) == Self::General, seq)
    }

    /// The lane of a place.
    pub fn of(seq: Sequence) -> Self {
        if seq.is_invited() { Self::Invited } else { Self::General }
    }
}

/// What a queue grants to those who were invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitations {
    /// Of every thousand admissions, while visitors of both lanes are ready.
    pub share: Share,
    /// The invited are admitted so long before the opening.
    pub presale: Duration,
}

/// A part of all admissions, in thousandths: from 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u16);

impl Share {
    /// Everything: nobody else has a turn.
    pub const WHOLE: Self = Self(1_000);

    /// So many thousandths, if that is a share.
    pub fn of_thousandths(thousandths: u16) -> Option<Self> {
        (1..=Self::WHOLE.0).contains(&thousandths).then_some(Self(thousandths))
    }

    /// How many of every thousand turns.
    pub fn thousandths(self) -> u16 {
        self.0
    }

    /// As a fraction of one.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(Self::WHOLE.0)
    }
}

/// Whose turn it is while visitors of both lanes are ready: of any so many such turns in a row, the invited have their
/// share, to within one.
///
/// A weighted round: what the invited are owed grows by the share with every turn, and one whole turn of it is theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// In thousandths of a turn.
    owed: u16,
}

impl Round {
    /// Whose turn is next. Call it only where somebody of both lanes is there to take it.
    pub fn next(&mut self, share: Share) -> Lane {
        self.owed += share.0;
        match self.owed.checked_sub(Share::WHOLE.0) {
            Some(left) => {
                self.owed = left;
                Lane::Invited
            }
            None => Lane::General,
        }
    }
}

/// The `jti` of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvitationId(pub Uuid);

/// An invitation whose signature was verified. It gives one visitor one place, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The `jti` of its token: stores remember by it whether it was used.
    pub id: InvitationId,
    /// From then on it gives no place. Stores forget by then who used it.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_invited_have_their_share_of_any_turns_in_a_row(thousandths in 1..=1_000_u16, before in 0..2_000, turns in 1..2_000_u32) {
            let share = Share::of_thousandths(thousandths).unwrap();
            let mut round = Round::default();
            for _ in 0..before {
                round.next(share);
            }
            let invited = (0..turns).filter(|_| round.next(share) == Lane::Invited).count();
            let due = f64::from(turns) * share.fraction();
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let off = (invited as f64 - due).abs();
            prop_assert!(off < 1.0, "{invited} of {turns}, and {due} are due");
        }

        #[test]
        fn a_place_of_the_invited_stays_one_in_every_later_epoch(nth in 1..4_000_000_000_u64, years in 0..70_i64) {
            use crate::line::{Epoch, Place};
            let given = Epoch(1_700_000_000_000_000);
            let later = Epoch(given.0 + years * 365 * 86_400_000_000);
            let seq = Sequence::of_invited(nth);
            prop_assert!(Lane::of(seq) == Lane::Invited && !seq.is_restored());
            let restored = Place { epoch: given, seq }.relative_to(later);
            prop_assert!(restored.is_invited() && (years == 0 || restored.is_restored()), "{restored:?}");
        }
    }

    #[test]
    fn shares_are_parts_of_a_thousand() {
        assert_eq!([0, 1, 1_000, 1_001].map(|part| Share::of_thousandths(part).is_some()), [false, true, true, false]);
    }

    #[test]
    fn the_lanes_do_not_overlap() {
        let general = [Sequence::FIRST, Sequence::of_number(7), Sequence(-9), Sequence(0), Sequence(1 << 40)];
        assert!(general.iter().all(|seq| Lane::of(*seq) == Lane::General && *seq < Sequence::INVITED));
        assert_eq!(Lane::of(Sequence::of_invited(u64::MAX)), Lane::Invited);
        assert_eq!(Lane::of(Sequence::LAST), Lane::General, "it stands for no place");
    }
}
