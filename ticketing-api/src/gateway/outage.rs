//! Telling an outage from a single failure's noise: it is worth a line when it begins and one when it ends.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the last call was answered. How many were not is for the metrics to count: in a rush thousands are refused
/// for the same reason, and a line for each would bury everything else.
#[derive(Debug, Default)]
pub struct Outage {
    lasts: AtomicBool,
}

/// A call after which things are not what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The first call that was not answered.
    Began,
    /// The first that was, after others were not.
    Ended,
}

impl Outage {
    /// Notes whether a call was answered.
    pub fn note(&self, answered: bool) -> Option<Turn> {
        match (self.lasts.swap(!answered, Ordering::Relaxed), answered) {
            (false, false) => Some(Turn::Began),
            (true, true) => Some(Turn::Ended),
            (false, true) | (true, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_when_it_begins_and_when_it_ends() {
        let outage = Outage::default();
        let told = [true, false, false, true, true, false].map(|answered| outage.note(answered));
        assert_eq!(told, [None, Some(Turn::Began), None, Some(Turn::Ended), None, Some(Turn::Began)]);
    }
}
