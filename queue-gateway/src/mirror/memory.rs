//! What this gateway remembers of a line, for a store that has lost it.

use std::collections::BTreeMap;

use contract::ids::VisitorId;
use jiff::Timestamp;

use super::{Line, Mirror};
use crate::line::{Admission, GatewayId, LineChange, Memory, RememberedSlot, Sequence};

/// So many are looked through in no time.
const FEW: u64 = 64;

/// Slots that had not ended, by the place that their visitors had: about twice as many as there are, at most.
#[derive(Debug, Default)]
pub(super) struct Admissions(BTreeMap<Sequence, (VisitorId, Admission)>);

impl Admissions {
    pub(super) fn follow(&mut self, change: &LineChange) {
        match change {
            LineChange::Admitted { seq, visitor, admission } => {
                self.0.insert(*seq, (*visitor, *admission));
            }
            LineChange::Returned { seq } | LineChange::Ended { seq } => {
                self.0.remove(seq);
            }
            _ => {}
        }
    }

    /// What was followed since counts more than what was remembered.
    pub(super) fn inherit(&mut self, old: Self) {
        for (seq, admitted) in old.0 {
            self.0.entry(seq).or_insert(admitted);
        }
    }

    /// Forgets those that have expired, once they are as many as the others.
    pub(super) fn tidy(&mut self, now: Timestamp, active: u64) {
        if self.0.len() as u64 > 2 * active + FEW {
            self.0.retain(|_, (_, admission)| admission.expires_at > now);
        }
    }

    fn remembered(&self) -> Vec<RememberedSlot> {
        let slots = self.0.iter();
        slots.map(|(&seq, &(visitor, admission))| RememberedSlot { visitor, seq, admission }).collect()
    }
}

impl Mirror {
    /// What this gateway remembers, in numbers; `None` before the first step.
    pub(crate) fn memory(&self, gateway: GatewayId) -> Option<Memory> {
        self.read(|line| line.memory(gateway))
    }

    /// Where somebody stands, ascending.
    pub(crate) fn standing(&self) -> Vec<Sequence> {
        self.read(Line::standing).unwrap_or_default()
    }

    /// The slots that had not ended.
    pub(crate) fn remembered_slots(&self) -> Vec<RememberedSlot> {
        self.read(|line| line.admissions.remembered()).unwrap_or_default()
    }
}

impl Line {
    fn memory(&self, gateway: GatewayId) -> Memory {
        Memory {
            gateway,
            gateways: self.present.len().max(1) as u64,
            epoch: self.epoch,
            log_head: self.head,
            extent: self.order.extent(),
            totals: self.stats.totals,
            control: self.stats.control.clone(),
        }
    }

    fn standing(&self) -> Vec<Sequence> {
        let draw = &self.stats.control.draw;
        let is_numbered = draw.has_numbers() && self.drawn().is_none();
        self.order.standing(if is_numbered { draw.numbers.unwrap_or(u64::MAX) } else { 0 })
    }
}
