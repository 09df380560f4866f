//! What everybody sees of a draw with its queue.

use serde::Serialize;

use crate::line::{Opening, Stats};

/// A draw, as far as it has come.
#[derive(Debug, Serialize)]
pub struct DrawView<'a> {
    pub(crate) commitment: String,
    pub(crate) beacon_source: Option<&'a str>,
    /// The last three are null until they are known.
    pub(super) beacon: Option<String>,
    pub(super) n: Option<u64>,
    pub(super) secret: Option<String>,
}

impl<'a> DrawView<'a> {
    /// `None` for a queue that opens in the order of joining. `is_made`: the gateway knows the outcome. Until then the
    /// secret is one: nothing may be decided by it any more when it is shown.
    pub fn of(stats: &'a Stats, is_made: bool) -> Option<Self> {
        let control = &stats.control;
        if !control.draw.has_numbers() && control.opening() != Opening::Draw {
            return None;
        }
        let lots = control.draw.lots().filter(|_| is_made);
        Some(Self {
            commitment: hex::encode(control.draw.secret.commitment()),
            beacon_source: control.beacon_source(),
            beacon: lots.as_ref().map(|lots| lots.beacon.clone()),
            n: control.draw.numbers,
            secret: lots.map(|lots| lots.secret.to_hex()),
        })
    }
}
