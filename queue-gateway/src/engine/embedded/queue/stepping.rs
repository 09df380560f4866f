//! One gateway's step: sweep, take in, admit, move the horizon.

use std::collections::BTreeMap;

use contract::ids::{ActiveTokenId, VisitorId};

use super::{Queue, least_alive, micros};
use crate::{
    engine::{
        MOST_SWEPT,
        embedded::{
            clocks::{Admitting, Moment},
            places::ExpiredRange,
            ready::{EntryKey, Ready},
        },
    },
    line::{ClientNetwork, Lane, LineChange, Lost, Phase, ReadyVisitor, Report, Sequence, Step},
};

/// Those of a lane who may be admitted in a step.
struct Candidates {
    lane: Lane,
    /// Of the general line, nobody beyond.
    through: Sequence,
    /// How many of them may still be dropped.
    droppable: usize,
}

impl Queue {
    pub(in crate::engine::embedded) fn step(&mut self, report: &Report, now: i64) -> Step {
        let previous = self.ready.last_number(report.gateway);
        let at = self.note_time(now);
        self.accrue(now);
        if self.is_behind(report) {
            self.doubt(now);
        }
        self.end_overdue_rejoining(report, at);
        self.end_overdue_return(at);
        if self.waits_for_gateways() {
            return self.step_of_who_waits(report, now);
        }
        self.close_numbers(now);
        self.decide_draw();
        self.sweep(at);
        let (known, refused) = self.take_in(report, at);
        let admitted = self.admit_ready(&report.candidates, at);
        self.ready.move_horizon(report.wanted, self.places.watermark());
        let held_back = self.networks.named(refused.keys().copied());
        // Whoever is refused from a network that is named is told again once it is not.
        let unnamed = refused.iter().filter(|(network, _)| held_back.binary_search(network).is_err());
        self.withheld += unnamed.map(|(_, count)| count).sum::<u64>();
        Step {
            admitted,
            known,
            previous,
            horizon: self.ready.horizon(),
            withheld: self.withheld,
            held_back,
            present: self.ready.present(),
            tail: self.tail(report.epoch, report.after, report.limit, now),
            stats: self.stats(now),
        }
    }

    /// Whatever was done now might be about a line that is not all here.
    fn step_of_who_waits(&self, report: &Report, now: i64) -> Step {
        Step {
            admitted: 0,
            known: true,
            previous: None,
            horizon: self.ready.horizon(),
            withheld: self.withheld,
            held_back: Vec::new(),
            present: Vec::new(),
            tail: self.tail(report.epoch, report.after, report.limit, now),
            stats: self.stats(now),
        }
    }

    /// Ends what is over: some of it, where there is much.
    fn sweep(&mut self, at: Moment) {
        self.ready.forget_silent(least_alive(at));
        self.networks.renew_held_back(at.now);
        self.invitations.sweep(at.now);
        for _ in 0..MOST_SWEPT {
            let Some(slot) = self.slots.next_lapsed(at.line).and_then(|token| self.slots.get(token).copied()) else {
                break;
            };
            self.end(slot, at);
        }
        for _ in 0..MOST_SWEPT {
            let Some(slot) = self.slots.next_expired(at.now).and_then(|token| self.slots.get(token).copied()) else {
                break;
            };
            self.end(slot, at);
        }
        let keeping = self.keeping(at);
        for _ in 0..MOST_SWEPT {
            let Some((visitor, seq)) = self.places.next_overdue(keeping) else { break };
            self.depart(visitor, seq);
            self.lost.note(visitor, Lost::Passed);
        }
        let (from, through) = (self.places.expired_through(), self.places.over_through(keeping));
        if from < through {
            let ExpiredRange { through, kept } = self.places.expire(through, self.ready.places_within(from, through));
            self.log.append(LineChange::Expired { through, kept });
        }
        self.places.clear(|seq| self.ready.holds(seq));
        self.sweep_entries(at);
    }

    fn sweep_entries(&mut self, at: Moment) {
        for key in self.ready.sweep() {
            self.drop_entry(key, at);
        }
    }

    /// Whether the store knows the gateway, and so believes its report; and how many were refused because of their
    /// network.
    fn take_in(&mut self, report: &Report, at: Moment) -> (bool, BTreeMap<ClientNetwork, u64>) {
        let mut refused = BTreeMap::new();
        let known = report.phase != Phase::GoesOn || self.ready.knows(report.gateway);
        if !known || report.epoch != self.epoch {
            return (false, refused);
        }
        if self.ready.is_late(report) {
            return (true, refused);
        }
        // Before the report is heard: what it covers now, it covers by those whom it reports now.
        let keeping = self.keeping(at);
        if report.phase != Phase::GoesOn {
            self.ready.forget(report.gateway);
        }
        if report.phase == Phase::Ends {
            self.sweep_entries(at);
            return (true, refused);
        }
        let registration = self.ready.hear(report, at.line);
        self.is_unreported = false;
        for &(visitor, seq) in &report.gone {
            self.drop_entry((seq, visitor, report.gateway), at);
        }
        for ready in report.ready.iter().filter(|ready| ready.seq.number().is_none()) {
            self.name_place(ready.visitor, ready.seq, keeping);
        }
        let stands = |queue: &Self, ready: &ReadyVisitor| {
            // Nobody is admitted at a number of a draw.
            ready.seq.number().is_none() && queue.kept_place_of(ready.visitor, keeping) == Some(ready.seq)
        };
        // Of a network that is held back and has no slot, one at a time: the next would be dropped as soon as it has
        // one.
        let mut lowest: BTreeMap<ClientNetwork, Sequence> = BTreeMap::new();
        for ready in &report.ready {
            if let Some(network) = ready.network
                && self.networks.slots_if_held_back(network, at.now) == Some(0)
                && stands(self, ready)
            {
                let first = lowest.entry(network).or_insert(ready.seq);
                if Lane::precedence(ready.seq) < Lane::precedence(*first) {
                    *first = ready.seq;
                }
            }
        }
        for ready in &report.ready {
            if !stands(self, ready) {
                continue;
            }
            if let Some(network) = ready.network
                && self.networks.slots_if_held_back(network, at.now).is_some()
                && lowest.get(&network) != Some(&ready.seq)
            {
                *refused.entry(network).or_default() += 1;
                continue;
            }
            let due = at.line.saturating_add(micros(ready.due_in));
            let key = (ready.seq, ready.visitor, report.gateway);
            self.enter(key, Ready { registration, network: ready.network, due });
        }
        if report.phase == Phase::Begins {
            // What it reported before it began anew, and does not report now.
            self.sweep_entries(at);
        }
        (true, refused)
    }

    fn enter(&mut self, key: EntryKey, ready: Ready) {
        let (seq, visitor, _) = key;
        let is_back = self.places.is_passed(seq) && !self.ready.holds(seq);
        self.ready.insert(key, ready);
        if is_back {
            self.places.set_back(visitor);
            self.log.append(LineChange::Ready { seq });
        }
    }

    /// Takes an entry out of the ready set; the visitor keeps the place.
    fn drop_entry(&mut self, key: EntryKey, at: Moment) {
        let (seq, visitor, _) = key;
        if self.ready.remove(key) && self.places.is_passed(seq) && !self.ready.holds(seq) {
            self.set_away(visitor, seq, at);
            self.log.append(LineChange::Away { seq });
        }
    }

    fn admit_ready(&mut self, candidates: &[ActiveTokenId], at: Moment) -> u64 {
        let room = self.room(at);
        let general_through = self.ready.known_through(least_alive(at));
        let mut lanes = Lane::ALL.map(|lane| Candidates { lane, through: general_through, droppable: MOST_SWEPT });
        let mut admitted = 0;
        for &token in candidates {
            if admitted == room {
                break;
            }
            // A candidate in use is a repeated call's: giving it out twice would end a live slot.
            if self.slots.get(token).is_some() {
                continue;
            }
            let Some((seq, visitor, ready)) = self.next_up(&mut lanes, at) else { break };
            self.places.take(visitor);
            let due = self.ready.latest_due(seq).unwrap_or(ready.due);
            self.ready.remove_at(seq);
            self.admit(seq, visitor, token, ready.network, due, at);
            admitted += 1;
        }
        admitted
    }

    /// Whoever is admitted next, of whichever lane it is the turn.
    fn next_up(&mut self, lanes: &mut [Candidates; 2], at: Moment) -> Option<(Sequence, VisitorId, Ready)> {
        let [general, invited] = lanes.each_mut().map(|candidates| self.next_ready(candidates, at));
        match (general, invited) {
            (Some(general), Some(invited)) => match self.round.next(self.control.invited_share()) {
                Lane::General => Some(general),
                Lane::Invited => Some(invited),
            },
            (general, invited) => general.or(invited),
        }
    }

    /// The lowest of a lane's ready who may be admitted. Those before who may not are dropped, as long as any may be.
    fn next_ready(&mut self, candidates: &mut Candidates, at: Moment) -> Option<(Sequence, VisitorId, Ready)> {
        let Candidates { lane, through, droppable } = candidates;
        if !Admitting::of(&self.control, *lane).contains(at.now) {
            return None;
        }
        loop {
            let (key, ready) = self.ready.first_in(*lane, *through)?;
            let (seq, visitor, gateway) = key;
            let stands = self.ready.stands(gateway, ready);
            let withheld = stands && self.withholds(ready.network, at.now);
            if stands && !withheld {
                return Some((seq, visitor, ready));
            }
            *droppable = droppable.checked_sub(1)?;
            self.withheld += u64::from(withheld);
            self.drop_entry(key, at);
        }
    }
}
