//! The ready set: who is there and near the front, by the word of which gateway; and the gateways themselves.

use std::collections::BTreeMap;

use contract::ids::VisitorId;

use crate::{
    engine::MOST_SWEPT,
    line::{ClientNetwork, GatewayId, Histogram, Lane, Report, Sequence},
};

/// Entries by place: one for each gateway where the visitor is.
#[derive(Debug)]
pub(super) struct ReadySet {
    entries: BTreeMap<(Sequence, VisitorId, GatewayId), Ready>,
    gateways: BTreeMap<GatewayId, Seen>,
    /// How often a gateway has begun.
    registrations: u64,
    horizon: Sequence,
    /// Entries of gone gateways may be found from here on.
    sweeping_from: Option<Sequence>,
    /// Entries of the invited.
    invited: usize,
}

/// One entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    /// The registration under which the gateway reported it. A gateway that was gone and begins anew does not bring
    /// back what it reported before.
    pub(super) registration: u64,
    pub(super) network: Option<ClientNetwork>,
    /// When the visitor's next poll is due, in line time.
    pub(super) due: i64,
}

/// A gateway as its last report showed it.
#[derive(Clone, Debug)]
struct Seen {
    registration: u64,
    /// Of the last report.
    number: u64,
    /// In line time.
    at: i64,
    covers: Sequence,
    newest: Sequence,
    reach: Option<Sequence>,
    histogram: Histogram,
}

/// The name of an entry.
pub(super) type EntryKey = (Sequence, VisitorId, GatewayId);

impl Default for ReadySet {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            gateways: BTreeMap::new(),
            registrations: 0,
            horizon: Sequence::LAST,
            sweeping_from: None,
            invited: 0,
        }
    }
}

impl ReadySet {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entries of the invited.
    pub(super) fn invited(&self) -> usize {
        self.invited
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn horizon(&self) -> Sequence {
        self.horizon
    }

    /// Whether somebody who is ready stands at this place.
    pub(super) fn holds(&self, seq: Sequence) -> bool {
        self.entries_at(seq).next().is_some()
    }

    /// The places above `above`, up to and including `through`, where somebody who is ready stands, ascending.
    pub(super) fn places_within(&self, above: Sequence, through: Sequence) -> impl Iterator<Item = Sequence> {
        let entries = self.entries.range(lowest_at(Sequence(above.0 + 1))..).map(|((seq, ..), _)| *seq);
        let mut last = None;
        entries.take_while(move |seq| *seq <= through).filter(move |seq| last.replace(*seq) != Some(*seq))
    }

    pub(super) fn insert(&mut self, key: EntryKey, ready: Ready) {
        let is_new = self.entries.insert(key, ready).is_none();
        self.invited += usize::from(is_new && key.0.is_invited());
    }

    pub(super) fn remove(&mut self, key: EntryKey) -> bool {
        let was_there = self.entries.remove(&key).is_some();
        self.invited -= usize::from(was_there && key.0.is_invited());
        was_there
    }

    /// Drops every entry at a place whose visitor has left the line.
    pub(super) fn remove_at(&mut self, seq: Sequence) {
        let keys: Vec<EntryKey> = self.entries_at(seq).collect();
        for key in keys {
            self.remove(key);
        }
    }

    /// When the next poll of the visitor at a place is due, at whichever gateway that is latest.
    pub(super) fn latest_due(&self, seq: Sequence) -> Option<i64> {
        let entries = self.entries.range(lowest_at(seq)..).take_while(|((at, ..), _)| *at == seq);
        let standing = entries.filter(|((.., gateway), ready)| self.stands(*gateway, **ready));
        standing.map(|(_, ready)| ready.due).max()
    }

    /// The lowest entry of a lane; of the general line, up to a place.
    pub(super) fn first_in(&self, lane: Lane, through: Sequence) -> Option<(EntryKey, Ready)> {
        let lowest = match lane {
            Lane::General => {
                self.entries.first_key_value().filter(|((seq, ..), _)| *seq <= through && !seq.is_invited())
            }
            Lane::Invited => self.entries.range(lowest_at(Sequence::INVITED)..).next(),
        };
        lowest.map(|(key, ready)| (*key, *ready))
    }

    /// Those who are ready at a place up to this one; once for each gateway that has them.
    pub(super) fn visitors_through(&self, through: Sequence) -> Vec<(Sequence, VisitorId)> {
        let visitors = self.entries.keys().map(|(seq, visitor, _)| (*seq, *visitor));
        visitors.take_while(|(seq, _)| *seq <= through).collect()
    }

    /// The gateways that have reported since `least`.
    pub(super) fn live_gateways(&self, least: i64) -> impl Iterator<Item = GatewayId> {
        self.gateways.iter().filter(move |(_, seen)| seen.at >= least).map(|(gateway, _)| *gateway)
    }

    /// Whether any gateway is registered, so that line time stands still while none steps.
    pub(super) fn has_gateways(&self) -> bool {
        !self.gateways.is_empty()
    }

    pub(super) fn knows(&self, gateway: GatewayId) -> bool {
        self.gateways.contains_key(&gateway)
    }

    /// Of the gateway's last report.
    pub(super) fn last_number(&self, gateway: GatewayId) -> Option<u64> {
        self.gateways.get(&gateway).map(|seen| seen.number)
    }

    /// Whether a report comes after a later one of its gateway.
    pub(super) fn is_late(&self, report: &Report) -> bool {
        self.gateways.get(&report.gateway).is_some_and(|seen| report.number <= seen.number)
    }

    /// Whether the gateway still stands by an entry of its own.
    pub(super) fn stands(&self, gateway: GatewayId, ready: Ready) -> bool {
        self.gateways.get(&gateway).is_some_and(|seen| seen.registration == ready.registration)
    }

    /// Takes note of a gateway's report, and registers a gateway that is not known. Returns its registration.
    pub(super) fn hear(&mut self, report: &Report, line: i64) -> u64 {
        let registration = self.gateways.get(&report.gateway).map_or_else(
            || {
                self.registrations += 1;
                self.registrations
            },
            |seen| seen.registration,
        );
        let Report { number, covers, newest, reach, .. } = *report;
        let seen = Seen { registration, number, at: line, covers, newest, reach, histogram: report.histogram.clone() };
        self.gateways.insert(report.gateway, seen);
        registration
    }

    /// What the gateways know of the line says nothing any more, until their next reports.
    pub(super) fn uncover(&mut self) {
        for seen in self.gateways.values_mut() {
            (seen.covers, seen.newest) = (Sequence::FIRST, Sequence::FIRST);
        }
    }

    /// Forgets a gateway; its entries go with the next sweeps.
    pub(super) fn forget(&mut self, gateway: GatewayId) {
        if self.gateways.remove(&gateway).is_some() {
            self.sweeping_from = Some(Sequence::FIRST);
        }
    }

    /// Forgets all gateways and what they have reported.
    pub(super) fn forget_all(&mut self) {
        self.entries.clear();
        self.gateways.clear();
        self.invited = 0;
        self.sweeping_from = None;
    }

    /// Forgets the gateways that have not reported since `least`.
    pub(super) fn forget_silent(&mut self, least: i64) {
        let silent: Vec<GatewayId> =
            self.gateways.iter().filter(|(_, seen)| seen.at < least).map(|(id, _)| *id).collect();
        for gateway in silent {
            self.forget(gateway);
        }
    }

    /// Some entries of gone gateways, to be dropped.
    pub(super) fn sweep(&mut self) -> Vec<EntryKey> {
        let Some(from) = self.sweeping_from else { return Vec::new() };
        let some: Vec<(EntryKey, Ready)> =
            self.entries.range(lowest_at(from)..).take(MOST_SWEPT).map(|(key, ready)| (*key, *ready)).collect();
        self.sweeping_from = some.last().filter(|_| some.len() == MOST_SWEPT).map(|((seq, ..), _)| *seq);
        some.into_iter().filter(|((.., gateway), ready)| !self.stands(*gateway, *ready)).map(|(key, _)| key).collect()
    }

    /// Up to which place nobody who is present can be missing. Gateways whose last report is older than `least` count
    /// no more, though nobody has swept them yet.
    pub(super) fn covered(&self, least: i64) -> Sequence {
        self.live(least).map(|seen| seen.covers).min().unwrap_or(Sequence::LAST)
    }

    /// Up to which place anybody may be admitted: who has just joined beyond it may be present and not reported yet.
    pub(super) fn known_through(&self, least: i64) -> Sequence {
        self.live(least).map(|seen| seen.covers.min(seen.newest)).min().unwrap_or(Sequence::LAST)
    }

    /// Who is present at the live gateways.
    pub(super) fn present(&self) -> Vec<(GatewayId, Histogram)> {
        self.gateways.iter().map(|(gateway, seen)| (*gateway, seen.histogram.clone())).collect()
    }

    /// Moves the horizon so that about `wanted` visitors of the general line are ready, and not below the watermark. It
    /// widens only when there are fewer: otherwise a lone gateway that begins with its lowest would have to report
    /// everybody it has in its second step.
    pub(super) fn move_horizon(&mut self, wanted: u64, watermark: Sequence) {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let lowest_reach = self.gateways.values().filter_map(|seen| seen.reach).min().unwrap_or(Sequence::LAST);
        if self.entries.len() - self.invited < wanted {
            self.horizon = lowest_reach;
        } else {
            let general = || self.entries.range(..lowest_at(Sequence::INVITED));
            let place_of = |nth: usize| general().nth(nth.saturating_sub(1)).map(|((seq, ..), _)| *seq);
            let twice = place_of(wanted.saturating_mul(2)).unwrap_or(Sequence::LAST);
            // The first `wanted` must be within it, or those who are ready beyond it would wait for ever.
            let enough = place_of(wanted).unwrap_or(Sequence::FIRST);
            self.horizon = self.horizon.min(lowest_reach).clamp(enough, twice);
        }
        self.horizon = self.horizon.max(watermark);
    }

    fn live(&self, least: i64) -> impl Iterator<Item = &Seen> {
        self.gateways.values().filter(move |seen| seen.at >= least)
    }

    fn entries_at(&self, seq: Sequence) -> impl Iterator<Item = EntryKey> {
        self.entries.range(lowest_at(seq)..).map(|(key, _)| *key).take_while(move |(at, ..)| *at == seq)
    }
}

fn lowest_at(seq: Sequence) -> EntryKey {
    (seq, VisitorId(uuid::Uuid::nil()), GatewayId(uuid::Uuid::nil()))
}
