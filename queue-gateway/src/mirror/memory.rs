//! What this gateway remembers of a line, for a store that has lost it.

use std::collections::BTreeMap;

use contract::ids::VisitorId;
use jiff::Timestamp;

use super::{Line, Mirror};
use crate::line::{Admission, GatewayId, LineChange, Memory, RememberedSlot, Sequence};

/// Slots that had not ended, by the place that their visitors had: as many as the cap lets in, and some that have expired
/// since the last step.
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

    pub(super) fn forget_expired(&mut self, now: Timestamp) {
        self.0.retain(|_, (_, admission)| admission.expires_at > now);
    }
}

/// All that this gateway remembers of a line.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub(crate) memory: Memory,
    /// Where somebody stands, ascending.
    pub(crate) places: Vec<Sequence>,
    pub(crate) slots: Vec<RememberedSlot>,
}

impl Mirror {
    /// What this gateway remembers, in numbers; `None` before the first step.
    pub(crate) fn memory(&self, gateway: GatewayId) -> Option<Memory> {
        self.read(|line| line.memory(gateway))
    }

    /// What this gateway remembers; `None` before the first step.
    pub(crate) fn remembered(&self, gateway: GatewayId) -> Option<Remembered> {
        self.read(|line| line.remembered(gateway))
    }
}

impl Line {
    fn remembered(&self, gateway: GatewayId) -> Remembered {
        let control = &self.stats.control;
        let is_numbered = control.draw.has_numbers() && self.drawn().is_none();
        let numbered_through = if is_numbered { control.draw.numbers.unwrap_or(u64::MAX) } else { 0 };
        let slot = |(seq, (visitor, admission)): (&Sequence, &(VisitorId, Admission))| RememberedSlot {
            visitor: *visitor,
            seq: *seq,
            admission: *admission,
        };
        Remembered {
            places: self.order.standing(numbered_through),
            slots: self.admissions.0.iter().map(slot).collect(),
            memory: self.memory(gateway),
        }
    }

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
}
