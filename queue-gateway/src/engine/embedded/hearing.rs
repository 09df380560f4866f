//! Which gateways are heard while a store waits for what they remember, who is believed, and when the wait is over.

use std::collections::BTreeMap;

use super::queue::micros;
use crate::line::{
    GatewayId, LogIndex, Memory, MemoryPage, Phase, REJOINING_LASTS, REJOINING_PATIENCE, Rejoined, Report, Sequence,
};

/// A line as far as somebody knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Up to this entry of the log.
    pub(super) head: LogIndex,
    /// The last places of each lane.
    pub(super) last: (Sequence, Sequence),
}

/// How far a gateway was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// Not yet.
    Awaited,
    /// Is believed, and tells of all places: one at a time.
    Tells,
    /// Has told what was wanted, or remembers nothing.
    Told,
    /// Fell silent while it told.
    Silent,
    /// Was started since, perhaps in place of one that is awaited, and remembers nothing.
    New,
}

/// Gateways, and what was heard of them so far.
#[derive(Debug)]
pub(super) struct Hearing {
    /// What the store knew itself; `None` where it has lost the line.
    own: Option<Known>,
    /// What those know who are believed, the store itself among them.
    believed: Option<Known>,
    /// All of it is here.
    is_listed: bool,
    began_at: i64,
    /// When anybody handed anything back.
    heard_at: i64,
    gateways: BTreeMap<GatewayId, Heard>,
}

/// What becomes of a memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) wanted: Rejoined,
    /// More is remembered there than by anybody who was believed before.
    pub(super) is_better: bool,
}

impl Hearing {
    /// Waits for gateways that were `live`.
    pub(super) fn begin(own: Option<Known>, live: impl Iterator<Item = GatewayId>, now: i64) -> Self {
        // Whoever is known to a store that has lost the line came after the loss.
        let live = live.filter(|_| own.is_some());
        let gateways = live.map(|gateway| (gateway, Heard::Awaited)).collect();
        Self { own, believed: own, is_listed: own.is_some(), began_at: now, heard_at: now, gateways }
    }

    /// Hears in numbers what a gateway remembers, perhaps of a later history; `adds` where it knows of places that are
    /// not known here.
    pub(super) fn hear(
        &mut self,
        memory: &Memory,
        is_later: bool,
        draw_is_ahead: bool,
        adds: bool,
        now: i64,
    ) -> Verdict {
        let is_abandoned = !self.is_listed && self.is_silent(now);
        if is_abandoned {
            self.turn(Heard::Tells, Heard::Silent);
        }
        for gateway in memory.gateways.iter().chain([&memory.gateway]) {
            self.gateways.entry(*gateway).or_insert(Heard::Awaited);
        }
        let head = Some(memory.log_head);
        let best = self.believed.map(|known| known.head);
        let own = self.own.map(|known| known.head);
        let is_better = is_later || head > best || head == best && draw_is_ahead || is_abandoned && head > own;
        if is_better {
            let last = (memory.extent.last_seq, memory.extent.last_invited);
            self.believe(Some(Known { head: memory.log_head, last }), false);
        } else if is_abandoned {
            // Nobody knows more than the store itself.
            self.believe(self.own, true);
        }
        let is_believed = head == self.believed.map(|known| known.head) && !self.is_listed;
        let may_tell =
            is_believed && !self.gateways.iter().any(|(id, is)| *is == Heard::Tells && *id != memory.gateway);
        let wanted = match self.believed {
            Some(_) if may_tell => {
                self.heard_at = now;
                Rejoined::All
            }
            Some(_) if self.gateways.get(&memory.gateway) == Some(&Heard::Told) && !adds => Rejoined::Nothing,
            Some(Known { last, .. }) => Rejoined::Since(last.0, last.1),
            None => Rejoined::Refused,
        };
        let so_far = match wanted {
            Rejoined::All => Heard::Tells,
            Rejoined::Nothing => Heard::Told,
            Rejoined::Since(..) | Rejoined::Refused => Heard::Awaited,
        };
        self.gateways.insert(memory.gateway, so_far);
        Verdict { wanted, is_better }
    }

    /// A gateway follows an earlier history: nothing is wanted of it.
    pub(super) fn remembers_nothing(&mut self, gateway: GatewayId) {
        self.gateways.insert(gateway, Heard::Told);
    }

    /// From now on the store goes by this knowledge. Where more is wanted of those who have told, they are heard again.
    fn believe(&mut self, known: Option<Known>, is_listed: bool) {
        let before = self.listed();
        (self.believed, self.is_listed) = (known, is_listed);
        self.turn(Heard::Tells, Heard::Awaited);
        let after = self.listed();
        if after.0 < before.0 || after.1 < before.1 {
            self.turn(Heard::Told, Heard::Awaited);
        }
    }

    fn turn(&mut self, from: Heard, to: Heard) {
        self.gateways.values_mut().filter(|heard| **heard == from).for_each(|heard| *heard = to);
    }

    /// Hears a page. Returns whether it is of somebody who tells of all places; `None` where somebody else does by now.
    pub(super) fn hear_page(&mut self, page: &MemoryPage, now: i64) -> Option<bool> {
        let tells = self.gateways.get(&page.gateway) == Some(&Heard::Tells)
            && self.believed.is_some_and(|known| known.head == page.log_head);
        if page.is_whole && !tells {
            return None;
        }
        self.heard_at = now;
        if page.is_last {
            self.is_listed |= page.is_whole;
            self.gateways.insert(page.gateway, Heard::Told);
        }
        Some(page.is_whole)
    }

    /// Takes note of a gateway that steps: one that follows another line remembers nothing of this one, and one that
    /// ends is not waited for. Returns whether it was awaited, and is not any more.
    pub(super) fn note_step(&mut self, report: &Report, remembers_nothing: bool) -> bool {
        match self.gateways.get(&report.gateway) {
            Some(Heard::Awaited | Heard::Tells) if remembers_nothing || report.phase == Phase::Ends => {
                self.gateways.insert(report.gateway, Heard::Told);
                true
            }
            None if remembers_nothing && report.phase != Phase::Ends => {
                self.gateways.insert(report.gateway, Heard::New);
                false
            }
            _ => false,
        }
    }

    /// Whether the line is here and nobody is awaited.
    pub(super) fn is_complete(&self) -> bool {
        self.is_listed && self.awaited() == 0
    }

    /// Where a clock was set back, the wait begins anew by what it shows. Returns whether it does.
    pub(super) fn keep_to_the_clock(&mut self, now: i64) -> bool {
        let is_set_back = now < self.began_at;
        if is_set_back {
            (self.began_at, self.heard_at) = (now, now);
        }
        is_set_back
    }

    /// Whether nobody is waited for any longer: gateways that were there for a minute, those in whose place others were
    /// started for some seconds, and nobody's telling is cut short.
    pub(super) fn is_over(&self, now: i64) -> bool {
        let new = self.gateways.values().filter(|heard| **heard == Heard::New).count();
        let is_replaced = self.is_listed && self.awaited() <= new;
        self.is_silent(now) && (is_replaced || now - self.began_at >= micros(REJOINING_LASTS))
    }

    /// The store knew the line itself up to here; `None` where it had lost it.
    pub(super) fn own_head(&self) -> Option<LogIndex> {
        self.own.map(|known| known.head)
    }

    /// The last places of which nobody needs to tell.
    pub(super) fn listed(&self) -> (Sequence, Sequence) {
        self.believed.map_or((Sequence::FIRST, Sequence::FIRST), |known| known.last)
    }

    fn awaited(&self) -> usize {
        self.gateways.values().filter(|heard| matches!(heard, Heard::Awaited | Heard::Tells)).count()
    }

    fn is_silent(&self, now: i64) -> bool {
        now - self.heard_at >= micros(REJOINING_PATIENCE)
    }
}
