//! The slots: who has been admitted, until when, and bound to whom.

use std::collections::{BTreeSet, HashMap};

use contract::ids::{ActiveTokenId, MemberId, VisitorId};
use jiff::Timestamp;
use uuid::Uuid;

use super::clocks::Moment;
use crate::line::{Admission, ClientNetwork, Progress, RememberedSlot, Sequence};

/// One admitted visitor. Times are in microseconds: `arrive_by` and `claim_by` in line time, the others by the store's
/// clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) token: ActiveTokenId,
    pub(super) seq: Sequence,
    pub(super) visitor: VisitorId,
    pub(super) network: Option<ClientNetwork>,
    pub(super) admitted_at: i64,
    pub(super) arrive_by: i64,
    /// Once the visitor has arrived.
    pub(super) arrival: Option<Arrival>,
    pub(super) expires_at: i64,
    /// Who claimed the token, once somebody has.
    pub(super) holder: Option<MemberId>,
}

/// When a visitor came to the site, and until when they may claim, in line time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) at: i64,
    pub(super) claim_by: i64,
}

impl Slot {
    /// From then on, in line time, an unclaimed slot is free.
    pub(super) fn deadline(&self) -> i64 {
        self.arrival.map_or(self.arrive_by, |arrival| arrival.claim_by)
    }

    pub(super) fn is_live(&self, at: Moment) -> bool {
        self.expires_at > at.now && (self.holder.is_some() || self.deadline() > at.line)
    }

    /// The slot as gateways remember it.
    pub(super) fn remembered(&self) -> RememberedSlot {
        let Self { token, visitor, seq, holder, .. } = *self;
        let (admitted_at, expires_at) = (instant(self.admitted_at), instant(self.expires_at));
        RememberedSlot { token, visitor, seq, admitted_at, expires_at, holder }
    }

    /// The slot as its visitor sees it; `claim` is how long a claim may take after an arrival.
    pub(super) fn admission(&self, at: Moment, claim: i64) -> Admission {
        let shown = |line: i64| instant((line.saturating_sub(at.line).saturating_add(at.now)).min(self.expires_at));
        let claim_by = self.arrival.map_or(self.arrive_by.saturating_add(claim), |arrival| arrival.claim_by);
        Admission {
            token: self.token,
            admitted_at: instant(self.admitted_at),
            arrive_before: shown(self.arrive_by),
            claim_before: shown(claim_by),
            expires_at: instant(self.expires_at),
            progress: match (self.holder, self.arrival) {
                (Some(_), _) => Progress::Claimed,
                (None, Some(_)) => Progress::Arrived,
                (None, None) => Progress::Admitted,
            },
        }
    }
}

pub(super) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// Slots by token, by visitor and by deadline; all always name the same slots.
#[derive(Debug, Default)]
pub(super) struct Slots {
    occupied: HashMap<ActiveTokenId, Slot>,
    tokens: HashMap<VisitorId, ActiveTokenId>,
    expiries: BTreeSet<(i64, ActiveTokenId)>,
    /// Of unclaimed slots, in line time.
    deadlines: BTreeSet<(i64, ActiveTokenId)>,
}

impl Slots {
    /// Adds a slot whose token and visitor have none.
    pub(super) fn insert(&mut self, slot: Slot) {
        self.expiries.insert((slot.expires_at, slot.token));
        if slot.holder.is_none() {
            self.deadlines.insert((slot.deadline(), slot.token));
        }
        self.tokens.insert(slot.visitor, slot.token);
        self.occupied.insert(slot.token, slot);
    }

    /// Ends a slot.
    pub(super) fn remove(&mut self, token: ActiveTokenId) -> Option<Slot> {
        let slot = self.occupied.remove(&token)?;
        self.tokens.remove(&slot.visitor);
        self.expiries.remove(&(slot.expires_at, token));
        self.deadlines.remove(&(slot.deadline(), token));
        Some(slot)
    }

    /// The slot of a token.
    pub(super) fn get(&self, token: ActiveTokenId) -> Option<&Slot> {
        self.occupied.get(&token)
    }

    /// The slot of a visitor.
    pub(super) fn of(&self, visitor: VisitorId) -> Option<&Slot> {
        self.occupied.get(self.tokens.get(&visitor)?)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied.is_empty()
    }

    /// All slots, those that are over among them.
    pub(super) fn all(&self) -> Vec<Slot> {
        self.occupied.values().copied().collect()
    }

    /// Those that expire then or later, by expiry.
    pub(super) fn expiring_from(&self, from: i64) -> impl Iterator<Item = &Slot> {
        let tokens = self.expiries.range((from, ActiveTokenId(Uuid::nil()))..).map(|(_, token)| token);
        tokens.filter_map(|token| self.occupied.get(token))
    }

    /// How many slots are live.
    pub(super) fn live(&self, at: Moment) -> u64 {
        // A slot may be overdue by both clocks: only those that one of them keeps are counted there.
        let expired = self.expiries.iter().take_while(|(expiry, _)| *expiry <= at.now).count();
        let lapsed = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= at.line);
        let lapsed = lapsed.filter(|(_, token)| self.occupied[token].expires_at > at.now).count();
        (self.occupied.len() - expired - lapsed) as u64
    }

    /// How many live slots nobody has claimed.
    pub(super) fn unclaimed(&self, at: Moment) -> u64 {
        let lapsed = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= at.line).count();
        let expired = self.expiries.iter().take_while(|(expiry, _)| *expiry <= at.now);
        let expired = expired.filter(|(_, token)| {
            let slot = &self.occupied[token];
            slot.holder.is_none() && slot.deadline() > at.line
        });
        (self.deadlines.len() - lapsed - expired.count()) as u64
    }

    /// The next unclaimed slot whose line time is over.
    pub(super) fn next_lapsed(&self, line: i64) -> Option<ActiveTokenId> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= line).map(|(_, token)| *token)
    }

    /// The next slot whose token has expired.
    pub(super) fn next_expired(&self, now: i64) -> Option<ActiveTokenId> {
        self.expiries.first().filter(|(expiry, _)| *expiry <= now).map(|(_, token)| *token)
    }
}
