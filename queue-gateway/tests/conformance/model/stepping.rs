//! A gateway's step in the model.

use contract::ids::{ActiveTokenId, VisitorId};
use queue_gateway::line::{
    ClientNetwork, GATEWAY_LIVES, GatewayId, Lane, LineChange, Lost, Phase, ReadyVisitor, Report, Sequence, Standing,
    Step,
};

use super::{Gateway, Model, Person, Show, micros};

impl Model {
    /// Predicts a step, given whom the engine admitted in it, and holds the reply against that.
    pub(crate) fn step(&mut self, report: &Report, step: &Step, entries: &[LineChange]) {
        let previous = self.gateways.iter().find(|gateway| gateway.id == report.gateway).map(|gateway| gateway.number);
        self.note_time();
        self.allowance.settle(self.now, &self.control);
        self.await_nobody_for_ever();
        self.close_numbers();
        let decided = entries.iter().any(|entry| matches!(entry, LineChange::Drawn(_)));
        assert_eq!(decided, self.decide_draw(), "the draw is decided");
        self.sweep();
        let (known, refused) = self.take_in(report);
        self.admit_those(&report.candidates, step, entries);
        self.move_horizon(report.wanted);
        let mut named = self.named();
        named.extend(refused);
        named.sort_unstable();
        named.dedup();
        assert_eq!((step.known, step.previous, step.horizon), (known, previous, self.horizon));
        assert_eq!((step.withheld, &step.held_back), (self.withheld, &named));
        assert_eq!(step.present.len(), self.gateways.len());
        self.allowance.check();
    }

    /// What the store has of the ready set.
    pub(crate) fn ready(&self) -> u64 {
        self.people.iter().map(|person| person.shows.len() as u64).sum()
    }

    fn sweep(&mut self) {
        let least = self.line_time() - micros(GATEWAY_LIVES);
        self.gateways.retain(|gateway| gateway.heard_at >= least);
        self.renew_networks();
        self.invited.sweep(self.now);
        for visitor in self.people.iter().map(|person| person.id).collect::<Vec<_>>() {
            self.end_slot_if_over(visitor);
        }
        let through = self.over_through();
        for person in self.people.clone() {
            if self.is_over(&person) {
                let lost = if person.away_until.is_some() { Some(Lost::Passed) } else { person.lost };
                *self.person(person.id) = Person { lost, ..Person::new(person.id) };
            }
        }
        self.expired_through = through;
        self.passings.retain(|passing| passing.through > through);
        self.drop_shows_of_gone_gateways();
    }

    fn drop_shows_of_gone_gateways(&mut self) {
        let live: Vec<GatewayId> = self.gateways.iter().map(|gateway| gateway.id).collect();
        self.drop_shows(|_, show| !live.contains(&show.gateway));
    }

    /// Ends the word of a gateway; who was passed and is nowhere any more is away from now on.
    fn drop_shows(&mut self, ends: impl Fn(&Person, &Show) -> bool) {
        let (watermark, kept_until) = (self.watermark, self.grace_time() + micros(self.lifetimes().grace));
        for person in &mut self.people {
            let before = person.clone();
            person.shows.retain(|show| !ends(&before, show));
            let goes_away = person.shows.is_empty() && !before.shows.is_empty();
            if goes_away && person.place.is_some_and(|seq| seq <= watermark) {
                person.away_until = Some(kept_until);
            }
        }
    }

    /// Whether the gateway is known, and of which networks somebody was refused.
    fn take_in(&mut self, report: &Report) -> (bool, Vec<ClientNetwork>) {
        let mut refused = Vec::new();
        let known = self.gateways.iter().any(|gateway| gateway.id == report.gateway);
        if report.epoch != self.epoch || (report.phase == Phase::GoesOn && !known) {
            return (false, refused);
        }
        if self.gateways.iter().any(|gateway| gateway.id == report.gateway && report.number <= gateway.number) {
            return (true, refused);
        }
        if report.phase == Phase::Ends {
            self.gateways.retain(|gateway| gateway.id != report.gateway);
            self.drop_shows_of_gone_gateways();
            return (true, refused);
        }
        self.drop_shows(|person, show| {
            let told = report.gone.iter().any(|(id, seq)| *id == person.id && Some(seq.0) == person.place);
            show.gateway == report.gateway && told
        });
        let line = self.line_time();
        let stands = |model: &Self, ready: &ReadyVisitor| {
            let waits =
                ready.seq.number().is_none() && model.standing(ready.visitor) == Standing::Waiting { seq: ready.seq };
            waits && model.place_of(ready.visitor).is_some()
        };
        let standing: Vec<ReadyVisitor> = report.ready.iter().filter(|ready| stands(self, ready)).copied().collect();
        let mut told_anew = Vec::new();
        for ready in &standing {
            let same = standing.iter().filter(|other| other.network == ready.network);
            let is_lowest = same.map(|other| other.seq).min_by_key(|seq| (!seq.is_invited(), *seq)) == Some(ready.seq);
            if let Some(network) = ready.network.filter(|network| self.is_held_back(*network))
                && (self.withholds(Some(network)) || !is_lowest)
            {
                refused.push(network);
                continue;
            }
            told_anew.push(ready.visitor);
            let show = Show { gateway: report.gateway, network: ready.network, due: line + micros(ready.due_in) };
            let person = self.person(ready.visitor);
            person.shows.retain(|old| old.gateway != report.gateway);
            person.shows.push(show);
            person.shows.sort_by_key(|show| show.gateway);
            person.away_until = None;
        }
        if report.phase == Phase::Begins {
            self.drop_shows(|person, show| show.gateway == report.gateway && !told_anew.contains(&person.id));
        }
        self.gateways.retain(|gateway| gateway.id != report.gateway);
        let Report { gateway: id, number, covers, newest, reach, .. } = *report;
        self.gateways.push(Gateway { id, number, heard_at: line, covers, newest, reach });
        (true, refused)
    }

    /// Goes through the log's admissions, each of which must be of the lowest who may be.
    fn admit_those(&mut self, candidates: &[ActiveTokenId], step: &Step, entries: &[LineChange]) {
        let known = self.gateways.iter().map(|gateway| gateway.covers.min(gateway.newest));
        let known = known.min().unwrap_or(Sequence::LAST);
        let admissions: Vec<_> = entries
            .iter()
            .filter_map(|entry| match entry {
                LineChange::Admitted { seq, visitor, admission } => Some((*seq, *visitor, *admission)),
                _ => None,
            })
            .collect();
        assert_eq!(step.admitted, admissions.len() as u64);
        let mut candidates = candidates.iter();
        for (seq, visitor, admission) in admissions {
            assert!(self.room() > 0, "{visitor:?} is admitted above the cap, or in a pause");
            let candidate = candidates.by_ref().find(|token| !self.is_given_out(**token)).copied();
            assert_eq!(Some(admission.token), candidate, "each candidate is given out once, in order");
            let (lowest, show) = self.next_up(known).expect("nobody may be admitted");
            assert_eq!((visitor, Some(seq)), (lowest, self.place_of(lowest)), "somebody ready is overtaken");
            let due = self.person(visitor).shows.iter().map(|show| show.due).max();
            self.admit(visitor, admission.token, show.network, due.unwrap_or(show.due));
        }
        let one_more = candidates.any(|token| !self.is_given_out(*token));
        // What the engine looked at and withheld when it had no more room for anybody, it alone knows.
        while self.withheld < step.withheld {
            assert!(Lane::ALL.iter().any(|lane| self.drop_lowest_withheld(*lane, known)), "nobody is withheld");
        }
        if one_more && self.room() > 0 && self.allowance.at_least_one(self.now, &self.control) {
            for lane in Lane::ALL {
                assert_eq!(self.lowest_ready(lane, known).map(|(visitor, _)| visitor), None, "somebody is held up");
            }
        }
    }

    /// The lowest of a lane who is ready and not withheld; those before are dropped.
    pub(super) fn lowest_ready(&mut self, lane: Lane, known: Sequence) -> Option<(VisitorId, Show)> {
        loop {
            let (visitor, show) = self.lowest(lane, known)?;
            if !self.withholds(show.network) {
                return Some((visitor, show));
            }
            self.drop_lowest_withheld(lane, known);
        }
    }

    fn drop_lowest_withheld(&mut self, lane: Lane, known: Sequence) -> bool {
        let Some((visitor, withheld)) = self.lowest(lane, known).filter(|(_, show)| self.withholds(show.network))
        else {
            return false;
        };
        self.withheld += 1;
        self.drop_shows(|person, show| person.id == visitor && show.gateway == withheld.gateway);
        true
    }

    fn move_horizon(&mut self, wanted: u64) {
        let mut entries: Vec<Sequence> = Vec::new();
        for person in &self.people {
            let place = person.place.map(Sequence).filter(|seq| !seq.is_invited());
            entries.extend(person.shows.iter().filter_map(|_| place));
        }
        entries.sort_unstable();
        let reach = self.gateways.iter().filter_map(|gateway| gateway.reach).min().unwrap_or(Sequence::LAST);
        let wanted = usize::try_from(wanted).unwrap();
        let twice = entries.get((2 * wanted).saturating_sub(1)).copied().unwrap_or(Sequence::LAST);
        let enough = entries.get(wanted.saturating_sub(1)).copied().unwrap_or(Sequence::FIRST);
        let near = if entries.len() < wanted { reach } else { self.horizon.min(reach).max(enough).min(twice) };
        self.horizon = near.max(Sequence(self.watermark));
    }
}
