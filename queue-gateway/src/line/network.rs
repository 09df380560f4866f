//! Where visitors come from, and whether those who come from there arrive.

use std::{
    fmt,
    net::{AddrParseError, IpAddr},
    str::FromStr,
};

/// The network of a client: an IPv4 address, or the first address of an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNetwork(pub IpAddr);

impl fmt::Display for ClientNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ClientNetwork {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What became of the admissions of one network in its present window of ten minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Admitted visitors who came to the site.
    pub arrived: u64,
    /// Those whose time to arrive ran out, or who left before.
    pub missed: u64,
    /// Those who are still on their way.
    pub on_the_way: u64,
    /// Slots that nobody has claimed: of those on their way, and of those who have arrived.
    pub unclaimed: u64,
}

/// Fewer outcomes than this say nothing.
const JUDGED_FROM: u64 = 8;
/// A network is held back when fewer than one in so many arrived.
const ONE_ARRIVES_OF: u64 = 4;
/// Until so many have arrived, those on their way count as not arrived. Otherwise a script that never arrives would
/// hold a slot for each second that an arrival may take; a network with people in it shows its first arrivals within
/// seconds.
const TRUSTED_FROM: u64 = 2;

impl Outcomes {
    /// Whether the visitors of this network do not arrive, so that it is held to one unclaimed slot at a time.
    pub fn hold_back(self) -> bool {
        let on_the_way = if self.arrived < TRUSTED_FROM { self.on_the_way } else { 0 };
        let judged = self.arrived + self.missed + on_the_way;
        judged >= JUDGED_FROM && self.arrived * ONE_ARRIVES_OF < judged
    }

    /// What the next window begins with. A network that is not held back keeps its trust: otherwise who is on the way
    /// at that moment would hold a carrier back every ten minutes.
    #[must_use]
    pub fn renewed(self) -> Self {
        let arrived = if self.hold_back() { 0 } else { self.arrived.min(TRUSTED_FROM) };
        Self { arrived, missed: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(arrived: u64, missed: u64, on_the_way: u64) -> Outcomes {
        Outcomes { arrived, missed, on_the_way, unclaimed: on_the_way }
    }

    #[test]
    fn eight_outcomes_of_which_fewer_than_a_quarter_arrived_hold_a_network_back() {
        assert!(!outcomes(0, 7, 0).hold_back());
        assert!(outcomes(0, 8, 0).hold_back());
        assert!(outcomes(1, 7, 0).hold_back());
        assert!(!outcomes(2, 6, 0).hold_back());
        assert!(outcomes(100, 301, 0).hold_back());
        assert!(!outcomes(100, 300, 0).hold_back());
    }

    #[test]
    fn whoever_is_on_the_way_counts_against_a_network_until_two_have_arrived() {
        assert!(outcomes(0, 0, 8).hold_back());
        assert!(outcomes(1, 2, 5).hold_back());
        assert!(!outcomes(2, 0, 500).hold_back());
    }

    #[test]
    fn whoever_has_arrived_in_an_earlier_window_does_not_count_against_a_network() {
        assert!(!Outcomes { unclaimed: 500, ..outcomes(0, 0, 7) }.hold_back());
    }

    #[test]
    fn the_next_window_begins_with_the_trust_of_the_last() {
        assert!(!outcomes(900, 300, 50).renewed().hold_back());
        assert!(outcomes(2, 9, 8).renewed().hold_back(), "there was none");
        assert!(!outcomes(2, 9, 7).renewed().hold_back());
    }

    #[test]
    fn a_network_is_written_as_its_address() {
        for text in ["203.0.113.7", "2001:db8::"] {
            assert_eq!(text.parse::<ClientNetwork>().unwrap().to_string(), text);
        }
    }
}
