//! What this gateway remembers of a line, for a store that has lost it.

use std::collections::{BTreeMap, VecDeque};

use contract::ids::ActiveTokenId;

use super::{Line, Mirror};
use crate::line::{Admission, GatewayId, LineChange, Memory, RememberedSlot, Sequence};

/// So many slots are remembered to have ended: more than do in the moments that a store loses.
const ENDED_LATELY: usize = 1_024;

/// The slots that have not ended, by the place that their visitors had, and those that have lately.
#[derive(Debug, Default)]
pub(super) struct Slots {
    lasting: BTreeMap<Sequence, RememberedSlot>,
    ended: VecDeque<ActiveTokenId>,
}

impl Slots {
    pub(super) fn new(slots: impl IntoIterator<Item = RememberedSlot>) -> Self {
        Self { lasting: slots.into_iter().map(|slot| (slot.seq, slot)).collect(), ended: VecDeque::new() }
    }

    pub(super) fn follow(&mut self, change: &LineChange) {
        match change {
            LineChange::Admitted { seq, visitor, admission } => {
                let Admission { token, admitted_at, expires_at, .. } = *admission;
                let slot = RememberedSlot { token, visitor: *visitor, seq: *seq, admitted_at, expires_at };
                self.lasting.insert(*seq, slot);
            }
            LineChange::Returned { seq } | LineChange::Ended { seq } => {
                self.ended.extend(self.lasting.remove(seq).map(|slot| slot.token));
                if self.ended.len() > ENDED_LATELY {
                    self.ended.pop_front();
                }
            }
            _ => {}
        }
    }

    fn lasting_and_ended(&self) -> (Vec<RememberedSlot>, Vec<ActiveTokenId>) {
        (self.lasting.values().copied().collect(), self.ended.iter().copied().collect())
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

    /// The slots that have not ended, and the tokens of those that have lately.
    pub(crate) fn slots(&self) -> (Vec<RememberedSlot>, Vec<ActiveTokenId>) {
        self.read(|line| line.slots.lasting_and_ended()).unwrap_or_default()
    }
}

impl Line {
    fn memory(&self, gateway: GatewayId) -> Memory {
        let mut control = self.stats.control.clone();
        if self.drawn().is_none() {
            // What an operator has said a moment ago decides nothing before the log says so.
            control.draw.beacon = None;
        }
        Memory {
            gateway,
            gateways: self.present.len().max(1) as u64,
            epoch: self.epoch,
            log_head: self.head,
            extent: self.order.extent(),
            totals: self.stats.totals,
            control,
        }
    }

    fn standing(&self) -> Vec<Sequence> {
        let draw = &self.stats.control.draw;
        let is_numbered = draw.has_numbers() && self.drawn().is_none();
        self.order.standing(if is_numbered { draw.numbers.unwrap_or(u64::MAX) } else { 0 })
    }
}
