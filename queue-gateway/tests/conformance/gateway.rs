//! A gateway as the store hears it: who is present there, reported as far as the store wants to know.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use contract::ids::{ActiveTokenId, VisitorId};
use queue_gateway::engine::QueueEngine;
use queue_gateway::line::{
    ClientNetwork, Drawn, Epoch, GatewayId, Histogram, LineChange, LogIndex, LogPage, Phase, ReadyVisitor, Report,
    Sequence, Standing, Step,
};

use uuid::Uuid;

use crate::fixture::Fixture;

/// Shorter than the longest step, so that all the time that passes counts.
const TICK: Duration = Duration::from_secs(1);

pub(crate) struct Gateway<'f> {
    f: &'f Fixture,
    pub(crate) engine: Arc<dyn QueueEngine>,
    pub(crate) id: GatewayId,
    pub(crate) wanted: u64,
    /// What the store last said.
    pub(crate) horizon: Option<Sequence>,
    present: BTreeMap<Sequence, ReadyVisitor>,
    told: BTreeMap<Sequence, ReadyVisitor>,
    begun: bool,
    pub(crate) reports: u64,
    withheld: u64,
    held_back: Vec<ClientNetwork>,
    epoch: Epoch,
    after: LogIndex,
    /// Decided, and not dealt yet.
    drawn: Option<Drawn>,
}

impl Fixture {
    /// A gateway of which the store has not heard yet.
    pub(crate) async fn gateway(&self) -> Gateway<'_> {
        self.gateway_on(self.engine.clone()).await
    }

    pub(crate) async fn gateway_on(&self, engine: Arc<dyn QueueEngine>) -> Gateway<'_> {
        let stats = self.stats().await;
        Gateway {
            f: self,
            engine,
            id: GatewayId(self.id()),
            wanted: stats.control.limits().ready_wanted(),
            horizon: None,
            present: BTreeMap::new(),
            told: BTreeMap::new(),
            begun: false,
            reports: 0,
            withheld: 0,
            held_back: Vec::new(),
            epoch: stats.epoch,
            after: stats.log_head,
            drawn: None,
        }
    }

    /// A gateway where all of these are present, as streams show.
    pub(crate) async fn gateway_with(&self, visitors: &[VisitorId]) -> Gateway<'_> {
        let mut gateway = self.gateway().await;
        gateway.present(visitors).await;
        gateway
    }

    /// A step of nobody: it sweeps, and leaves no gateway behind.
    pub(crate) async fn sweep(&self) -> Step {
        let mut nobody = self.gateway().await;
        nobody.end().await
    }

    /// Time passes in which these gateways go on stepping, without a slot to give out.
    pub(crate) async fn pass(&self, time: Duration, gateways: &mut [&mut Gateway<'_>]) {
        let mut left = time;
        while !left.is_zero() {
            let tick = left.min(TICK);
            self.advance(tick);
            for gateway in &mut *gateways {
                gateway.step(0).await;
            }
            left -= tick;
        }
    }
}

impl Gateway<'_> {
    /// These have streams here now. They must stand in the line.
    pub(crate) async fn present(&mut self, visitors: &[VisitorId]) {
        self.present_from(None, visitors).await;
    }

    pub(crate) async fn present_from(&mut self, network: impl Into<Option<ClientNetwork>>, visitors: &[VisitorId]) {
        let network = network.into();
        for visitor in visitors {
            self.show(*visitor, network, Duration::ZERO).await;
        }
    }

    /// These poll here, and the next time so much later.
    pub(crate) async fn polled(&mut self, visitors: &[VisitorId], due_in: Duration) {
        for visitor in visitors {
            self.show(*visitor, None, due_in).await;
        }
    }

    async fn show(&mut self, visitor: VisitorId, network: Option<ClientNetwork>, due_in: Duration) {
        let standing = self.f.status(visitor).await;
        let Standing::Waiting { seq } = standing else { panic!("{visitor:?} is to wait, is {standing:?}") };
        self.present.insert(seq, ReadyVisitor { visitor, seq, network, due_in });
    }

    /// These are no longer here.
    pub(crate) fn absent(&mut self, visitors: &[VisitorId]) {
        self.present.retain(|_, ready| !visitors.contains(&ready.visitor));
    }

    pub(crate) fn nobody_present(&mut self) {
        self.present.clear();
    }

    /// Newcomers who wait with a stream here, in order.
    pub(crate) async fn line_of(&mut self, count: usize) -> Vec<VisitorId> {
        let line = self.f.line_of(count).await;
        self.present(&line).await;
        line
    }

    /// A step with so many slots to give out.
    pub(crate) async fn step(&mut self, slots: usize) -> Step {
        self.step_with(self.f.tokens(slots)).await
    }

    /// Like [`Self::step`], and how many were admitted.
    pub(crate) async fn admits(&mut self, slots: usize) -> u64 {
        self.step(slots).await.admitted
    }

    pub(crate) async fn step_with(&mut self, candidates: Vec<ActiveTokenId>) -> Step {
        let report = self.report(candidates);
        self.send(report).await
    }

    /// The gateway stops.
    pub(crate) async fn end(&mut self) -> Step {
        let report = Report { phase: Phase::Ends, ready: Vec::new(), gone: Vec::new(), ..self.report(Vec::new()) };
        let step = self.send(report).await;
        self.begun = false;
        self.told.clear();
        step
    }

    /// Time passes in which this gateway goes on stepping, without a slot to give out.
    pub(crate) async fn pass(&mut self, time: Duration) {
        self.f.pass(time, &mut [self]).await;
    }

    /// The honest report: what has changed since the last, or all.
    pub(crate) fn report(&mut self, candidates: Vec<ActiveTokenId>) -> Report {
        let covers = self.horizon.unwrap_or_else(|| self.place_of_wanted(Sequence::FIRST).unwrap_or(Sequence::LAST));
        // Numbers of a draw come first, and are not told.
        let number = self.present.keys().next().filter(|seq| seq.number().is_some());
        let covers = number.map_or(covers, |seq| covers.min(Sequence(seq.0 - 1)));
        let is_told = |ready: &ReadyVisitor| {
            (ready.seq <= covers || ready.seq.is_invited())
                && ready.network.is_none_or(|network| !self.held_back.contains(&network))
        };
        let tell: BTreeMap<Sequence, ReadyVisitor> =
            self.present.iter().filter(|(_, ready)| is_told(ready)).map(|(seq, ready)| (*seq, *ready)).collect();
        let told = mem::replace(&mut self.told, tell);
        self.reports += 1;
        Report {
            gateway: self.id,
            number: self.reports,
            phase: if mem::replace(&mut self.begun, true) { Phase::GoesOn } else { Phase::Begins },
            ready: self.told.values().filter(|ready| told.get(&ready.seq) != Some(ready)).copied().collect(),
            gone: told
                .values()
                .filter(|was| !self.told.contains_key(&was.seq))
                .map(|was| (was.visitor, was.seq))
                .collect(),
            covers,
            newest: Sequence::LAST,
            reach: self.place_of_wanted(covers),
            wanted: self.wanted,
            histogram: Histogram::of(self.present.range(..Sequence::INVITED).map(|(seq, _)| *seq)),
            candidates,
            epoch: self.epoch,
            after: self.after,
            limit: 100_000,
        }
    }

    fn place_of_wanted(&self, above: Sequence) -> Option<Sequence> {
        let nth = usize::try_from(self.wanted).unwrap().checked_sub(1)?;
        self.present.keys().filter(|seq| **seq > above && seq.number().is_none() && !seq.is_invited()).nth(nth).copied()
    }

    /// Sends any report, and takes in what the store replies.
    pub(crate) async fn send(&mut self, report: Report) -> Step {
        let step = self.engine.step(&self.f.queue, &report).await.unwrap();
        self.horizon = Some(step.horizon);
        self.held_back.clone_from(&step.held_back);
        if !step.known || step.withheld != self.withheld {
            self.told.clear();
        }
        self.begun = step.known;
        self.withheld = step.withheld;
        self.after = step.tail.log_head;
        if let LogPage::Entries(entries) = &step.tail.page {
            for entry in entries {
                self.follow(entry);
            }
        }
        if let Some(drawn) = self.drawn.take_if(|_| step.stats.control.draw.drawn_at.is_some()) {
            let present = mem::take(&mut self.present).into_values();
            let placed = present.map(|ready| ReadyVisitor { seq: drawn.place_in_line(ready.seq), ..ready });
            self.present = placed.map(|ready| (ready.seq, ready)).collect();
        }
        step
    }

    /// Whoever has lost the place is present elsewhere, or nowhere.
    fn follow(&mut self, entry: &LineChange) {
        match entry {
            LineChange::Admitted { seq, .. } | LineChange::Departed { seq } => {
                self.present.remove(seq);
                self.told.remove(seq);
            }
            LineChange::Expired { through, kept } => {
                self.present.retain(|seq, _| seq > through || kept.contains(seq) || self.told.contains_key(seq));
            }
            LineChange::Drawn(lots) => self.drawn = Some(lots.draw()),
            LineChange::Invited { .. }
            | LineChange::Restored { .. }
            | LineChange::Returned { .. }
            | LineChange::Claimed { .. }
            | LineChange::Ended { .. }
            | LineChange::Ready { .. }
            | LineChange::Away { .. } => {}
        }
    }
}

/// The first report of a gateway where nobody is present.
pub(crate) fn empty_report(f: &Fixture, epoch: Epoch) -> Report {
    Report { gateway: GatewayId(f.id()), ..first_report(epoch) }
}

pub(crate) fn first_report(epoch: Epoch) -> Report {
    Report {
        gateway: GatewayId(Uuid::nil()),
        number: 1,
        phase: Phase::Begins,
        ready: Vec::new(),
        gone: Vec::new(),
        covers: Sequence::LAST,
        newest: Sequence::LAST,
        reach: None,
        wanted: 64,
        histogram: Histogram::default(),
        candidates: Vec::new(),
        epoch,
        after: LogIndex(0),
        limit: 100_000,
    }
}
