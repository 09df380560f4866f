//! A waiting room as its contract describes it, in the most naive way: people in a list. It predicts every reply but
//! how many are admitted; for those it says who may be, and how many may be at most and must be at least.

mod credit;
mod draw;
mod lanes;
mod life;
mod networks;
mod returning;
mod slots;
mod stepping;

use std::time::Duration;

use contract::ids::VisitorId;
use jiff::Timestamp;
use queue_gateway::engine::{LONGEST_STEP, PASSED_TOGETHER};
use queue_gateway::line::{
    ClientNetwork, Control, Draw, Epoch, GATEWAY_LIVES, GatewayId, JoinRefused, JoinReply, JoinRequest, Joined, Lane,
    Lost, Sequence, Standing, Stats,
};

use self::{credit::Allowance, lanes::Invited, networks::Networks, slots::Slot};

pub(crate) struct Model {
    epoch: Epoch,
    last_seq: i64,
    invited: Invited,
    control: Control,
    /// The store's clock, and line and grace time when somebody last took note.
    now: i64,
    noted_at: i64,
    line_noted: i64,
    grace_noted: i64,
    people: Vec<Person>,
    gateways: Vec<Gateway>,
    networks: Networks,
    passings: Vec<Passing>,
    given_back: Vec<i64>,
    has_awaited: bool,
    admitted_anybody: bool,
    watermark: i64,
    expired_through: i64,
    horizon: Sequence,
    withheld: u64,
    draw_is_decided: bool,
    dealt: u64,
    allowance: Allowance,
}

#[derive(Clone, Debug)]
struct Person {
    id: VisitorId,
    place: Option<i64>,
    /// Until when in grace time a passed place is kept, where that is known of this place alone.
    away_until: Option<i64>,
    shows: Vec<Show>,
    failed_to_show_up: bool,
    slot: Option<Slot>,
    lost: Option<Lost>,
}

/// A gateway's word that somebody is there.
#[derive(Clone, Copy, Debug)]
struct Show {
    gateway: GatewayId,
    network: Option<ClientNetwork>,
    due: i64,
}

#[derive(Clone, Debug)]
struct Gateway {
    id: GatewayId,
    /// Of its last report.
    number: u64,
    heard_at: i64,
    covers: Sequence,
    newest: Sequence,
    reach: Option<Sequence>,
}

#[derive(Clone, Copy, Debug)]
struct Passing {
    began: i64,
    ended: i64,
    through: i64,
}

impl Model {
    pub(crate) fn begin(stats: &Stats) -> Self {
        let now = stats.now.as_microsecond();
        Self {
            epoch: stats.epoch,
            last_seq: 0,
            invited: Invited::default(),
            control: stats.control.clone(),
            now,
            noted_at: now,
            line_noted: now,
            grace_noted: now,
            people: Vec::new(),
            gateways: Vec::new(),
            networks: Networks::default(),
            passings: Vec::new(),
            given_back: Vec::new(),
            has_awaited: false,
            admitted_anybody: false,
            watermark: Sequence::FIRST.0,
            expired_through: Sequence::FIRST.0,
            horizon: Sequence::LAST,
            withheld: 0,
            draw_is_decided: false,
            dealt: 0,
            allowance: Allowance::opening(now),
        }
    }

    /// What the clock shows from now on.
    pub(crate) fn at(&mut self, now: Timestamp) {
        self.now = now.as_microsecond();
        self.allowance.time_passes(self.now, &self.control);
    }

    /// Somebody configures the queue or changes its control, to `control`.
    pub(crate) fn governed_by(&mut self, control: &Control) {
        self.note_time();
        self.close_numbers();
        self.allowance.settle(self.now, &self.control);
        let draw = Draw { beacon: control.draw.beacon.clone(), ..self.control.draw.clone() };
        if draw.beacon != self.control.draw.beacon {
            let awaited = draw.numbers.is_some() && draw.source.is_some();
            assert!(awaited && self.control.draw.beacon.is_none(), "somebody has chosen the beacon");
        }
        let returning_until = self.control.returning_until;
        self.control = Control { draw, returning_until, ..control.clone() };
        self.allowance.settle(self.now, &self.control);
    }

    /// Predicts a join, where `admitted` says whether the engine admitted the visitor at once.
    pub(crate) fn join(&mut self, request: JoinRequest, admitted: bool) -> JoinReply {
        let JoinRequest { visitor, held, candidate, contact, invitation } = request;
        self.close_numbers();
        self.meet(visitor);
        let before = self.standing(visitor);
        let reply = |standing, fresh| Ok(Joined { epoch: self.epoch, standing, fresh });
        let (is_absent, lane) = (matches!(before, Standing::Absent { .. }), lanes::asked(invitation));
        let has_better = matches!(before, Standing::Admitted { .. }) || before.seq().is_some_and(Sequence::is_invited);
        if has_better || !is_absent && lane == Lane::General {
            return reply(before, false);
        }
        let held = held.filter(|place| is_absent && (lane == Lane::General || Lane::of(place.seq) == lane));
        if let Some(seq) = held.and_then(|place| self.restorable(place)) {
            self.invited.used.extend(invitation);
            let passed = (seq <= self.watermark).then(|| self.grace_time() + micros(self.lifetimes().grace));
            self.given_back.push(seq);
            *self.person(visitor) = Person { place: Some(seq), away_until: passed, ..Person::new(visitor) };
            self.await_the_others();
            return Ok(Joined { epoch: self.epoch, standing: self.standing(visitor), fresh: false });
        }
        let refused = life::no_joins(&self.control, lane, self.now).map(JoinRefused::from);
        if refused.is_some() && !is_absent {
            return reply(before, false);
        }
        let refused = refused.or_else(|| self.invited.refuse(invitation, self.now));
        if let Some(reason) = refused {
            assert!(!admitted, "{visitor:?} goes straight in");
            return Err(reason);
        }
        self.invited.used.extend(invitation);
        let network = contact.and_then(|contact| contact.network);
        let general = |place: &i64| Lane::of(Sequence(*place)) == Lane::General;
        let newest_place = self.people.iter().filter_map(|person| person.place).filter(general).max();
        let nobody_present_waits = self.people.iter().all(|person| person.shows.is_empty())
            && self.live_gateways().all(|gateway| {
                gateway.covers == Sequence::LAST && newest_place.is_none_or(|place| place <= gateway.newest.0)
            });
        let may = contact.is_some()
            && life::admits(&self.control, lane, self.now)
            && nobody_present_waits
            && !self.withholds(network)
            && !self.is_given_out(candidate)
            && self.room() > 0;
        assert!(!admitted || may, "{visitor:?} goes straight in");
        let places =
            self.people.iter().filter_map(|person| person.place.as_ref()).filter(|place| general(place)).count() as u64;
        assert!(
            admitted || !(may && self.allowance.at_least_one(self.now, &self.control)),
            "{visitor:?} has to wait for nobody"
        );
        if lane == Lane::General
            && !admitted
            && (places >= self.control.baseline.max_places || self.all_numbers_are_given())
        {
            return Err(JoinRefused::Full);
        }
        let seq = if lane == Lane::Invited { self.invited.next_place() } else { self.next_sequence() };
        *self.person(visitor) = Person { place: Some(seq.0), ..Person::new(visitor) };
        if admitted {
            self.admit(visitor, candidate, network, i64::MIN);
        }
        Ok(Joined { epoch: self.epoch, standing: self.standing(visitor), fresh: true })
    }

    /// Every window that ends now keeps to the rate.
    pub(crate) fn check_windows(&self) {
        self.allowance.check();
    }

    pub(crate) fn leave(&mut self, visitor: VisitorId) -> Standing {
        self.meet(visitor);
        let before = self.standing(visitor);
        let leaves = match before {
            Standing::Waiting { .. } => true,
            Standing::Admitted { admission, .. } => admission.progress < queue_gateway::line::Progress::Claimed,
            Standing::Absent { .. } => false,
        };
        if leaves {
            self.vacate(visitor, Lost::Left);
        }
        before
    }

    /// Where somebody stands at this moment, whatever was swept.
    pub(crate) fn standing(&self, visitor: VisitorId) -> Standing {
        let Some(person) = self.people.iter().find(|person| person.id == visitor) else { return Standing::UNKNOWN };
        match (person.place, &person.slot) {
            (Some(seq), _) if !self.is_over(person) => Standing::Waiting { seq: Sequence(seq) },
            (Some(_), _) if person.away_until.is_some() => Standing::Absent { lost: Some(Lost::Passed) },
            (Some(_), _) | (None, None) => Standing::Absent { lost: person.lost },
            (None, Some(slot)) if self.is_live(slot) => {
                Standing::Admitted { seq: Sequence(slot.seq), admission: self.admission(slot) }
            }
            (None, Some(slot)) => match self.end_of(person, slot) {
                None => Standing::Waiting { seq: Sequence(slot.seq) },
                lost => Standing::Absent { lost },
            },
        }
    }

    /// The place at which the visitor stands, as far as a gateway may know.
    pub(crate) fn place_of(&self, visitor: VisitorId) -> Option<Sequence> {
        self.people.iter().find(|person| person.id == visitor)?.place.map(Sequence)
    }

    /// Whether a passed place has been kept for as long as it is. None is over while a gateway may have its visitor
    /// there.
    fn is_over(&self, person: &Person) -> bool {
        let Some(seq) = person.place.filter(|_| self.all_passed_are_covered()) else { return false };
        match person.away_until {
            Some(until) => until <= self.grace_time(),
            None => person.shows.is_empty() && seq <= self.over_through(),
        }
    }

    fn all_passed_are_covered(&self) -> bool {
        self.live_gateways().all(|gateway| gateway.covers.0 >= self.watermark)
    }

    fn over_through(&self) -> i64 {
        if !self.all_passed_are_covered() {
            return self.expired_through;
        }
        let kept = micros(self.lifetimes().grace);
        let over = self.passings.iter().filter(|passing| passing.ended + kept <= self.grace_time());
        over.map(|passing| passing.through).max().unwrap_or(self.expired_through).max(self.expired_through)
    }

    fn pass(&mut self, seq: i64) {
        let now = self.grace_time();
        if seq > self.watermark && Lane::of(Sequence(seq)) == Lane::General {
            self.watermark = seq;
            match self.passings.last_mut() {
                Some(last) if now - last.began < micros(PASSED_TOGETHER) => (last.ended, last.through) = (now, seq),
                _ => self.passings.push(Passing { began: now, ended: now, through: seq }),
            }
        }
    }

    /// Whoever comes by is met as they are.
    fn meet(&mut self, visitor: VisitorId) {
        self.end_slot_if_over(visitor);
        let person = self.person(visitor).clone();
        if self.is_over(&person) {
            let lost = if person.away_until.is_some() { Some(Lost::Passed) } else { person.lost };
            *self.person(visitor) = Person { lost, ..Person::new(visitor) };
        }
    }

    fn person(&mut self, visitor: VisitorId) -> &mut Person {
        let known = self.people.iter().position(|person| person.id == visitor).unwrap_or_else(|| {
            self.people.push(Person::new(visitor));
            self.people.len() - 1
        });
        &mut self.people[known]
    }

    fn live_gateways(&self) -> impl Iterator<Item = &Gateway> {
        let least = self.line_time() - micros(GATEWAY_LIVES);
        self.gateways.iter().filter(move |gateway| gateway.heard_at >= least)
    }

    fn lifetimes(&self) -> queue_gateway::line::Lifetimes {
        self.control.baseline.lifetimes
    }

    fn elapsed(&self) -> i64 {
        let elapsed = (self.now - self.noted_at).max(0);
        if self.gateways.is_empty() { elapsed } else { elapsed.min(micros(LONGEST_STEP)) }
    }

    fn line_time(&self) -> i64 {
        let returned = self.now - self.noted_at.max(self.returning_until().unwrap_or(i64::MIN));
        self.line_noted + self.elapsed().min(returned.max(0))
    }

    fn grace_time(&self) -> i64 {
        self.grace_noted + self.elapsed().min(life::admitting(&self.control, Lane::General, self.noted_at, self.now))
    }

    fn note_time(&mut self) {
        (self.line_noted, self.grace_noted) = (self.line_time(), self.grace_time());
        self.noted_at = self.now;
    }
}

impl Person {
    fn new(id: VisitorId) -> Self {
        Self { id, place: None, away_until: None, shows: Vec::new(), failed_to_show_up: false, slot: None, lost: None }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap()
}
