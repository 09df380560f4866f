//! Random operations that have a fair chance to meet one another.

use std::time::Duration;

use contract::ids::{ActiveTokenId, MemberId, QueueName, VisitorId};
use jiff::{SignedDuration, Timestamp};
use queue_gateway::engine::QueueEngine;
use queue_gateway::line::{
    AdmissionLimits, Baseline, ClientNetwork, Closing, Contact, ControlChange, Deal, Drawn, Epoch, GatewayId,
    Histogram, Invitation, InvitationId, Invitations, JoinReply, JoinRequest, Lifetimes, LogIndex, Opening, Phase,
    Place, Readmission, ReadyVisitor, Report, Schedule, Sequence, Share, Stats, Step,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use uuid::Uuid;

use crate::{fixture::BEGINNING, model::Model};

pub(crate) const VISITORS: u128 = 24;

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Configure(Baseline),
    Join(Vec<JoinRequest>),
    Leave(VisitorId),
    Step(Report),
    Deal(Deal),
    Arrive(ActiveTokenId),
    Claim(ActiveTokenId, MemberId, Option<Readmission>),
    Release(ActiveTokenId),
    Revoke(ActiveTokenId),
    Control(ControlChange),
    Changes(usize),
    Tail(Epoch, LogIndex, usize),
    Line(Option<Sequence>, usize),
    Front(Option<Sequence>, usize),
}

/// A reply as text, since replies are of many types and all of them print in full; those of a step and of joins also as
/// they are.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) step: Option<Step>,
    pub(crate) joins: Vec<JoinReply>,
}

impl Operation {
    pub(crate) async fn run(self, engine: &dyn QueueEngine, queue: &QueueName) -> Reply {
        let (mut step, mut joins) = (None, Vec::new());
        let text = match self {
            Self::Configure(baseline) => format!("{:?}", engine.configure(queue, baseline, BEGINNING).await),
            Self::Join(requests) => {
                let replies = engine.join_many(queue, &requests).await;
                let text = format!("{replies:?}");
                joins = replies.unwrap_or_default();
                text
            }
            Self::Leave(visitor) => format!("{:?}", engine.leave(queue, visitor).await),
            Self::Step(report) => {
                let reply = engine.step(queue, &report).await;
                let text = format!("{reply:?}");
                step = reply.ok();
                text
            }
            Self::Deal(deal) => format!("{:?}", engine.deal(queue, &deal).await),
            Self::Arrive(token) => format!("{:?}", engine.arrive(queue, token).await),
            Self::Claim(token, holder, old) => format!("{:?}", engine.claim(queue, token, holder, old).await),
            Self::Release(token) => format!("{:?}", engine.release(queue, token).await),
            Self::Revoke(token) => format!("{:?}", engine.revoke(queue, token).await),
            Self::Control(change) => format!("{:?}", engine.control(queue, change, "Ada").await),
            Self::Changes(limit) => format!("{:?}", engine.changes(queue, limit).await),
            Self::Tail(epoch, after, limit) => format!("{:?}", engine.tail(queue, epoch, after, limit).await),
            Self::Line(above, limit) => format!("{:?}", engine.line(queue, above, limit).await),
            Self::Front(above, limit) => format!("{:?}", engine.front(queue, above, limit).await),
        };
        Reply { text, step, joins }
    }
}

/// How the clock moves before an operation.
pub(crate) enum Passage {
    Forward(Duration),
    Back(Duration),
}

pub(crate) struct Draw {
    rng: StdRng,
    pub(crate) tokens: Vec<ActiveTokenId>,
    gateways: Vec<GatewayId>,
    last_id: u128,
    reports: u64,
    began: Timestamp,
    now: Timestamp,
}

pub(crate) fn visitors() -> impl Iterator<Item = VisitorId> {
    (1..=VISITORS).map(|number| VisitorId(Uuid::from_u128(number)))
}

impl Draw {
    pub(crate) fn from_seed(seed: u64, now: Timestamp) -> Self {
        let mut draw = Self {
            rng: StdRng::seed_from_u64(seed),
            tokens: Vec::new(),
            gateways: Vec::new(),
            last_id: 0,
            reports: 0,
            began: whole(now),
            now: whole(now),
        };
        draw.gateways = (0..3).map(|_| GatewayId(draw.id())).collect();
        draw
    }

    pub(crate) fn passage(&mut self) -> Passage {
        let rng = &mut self.rng;
        Passage::Forward(Duration::from_micros(match rng.random_range(0..1_000) {
            0..5 => rng.random_range(500_000_000..1_500_000_000),
            5..30 => rng.random_range(0..100_000_000),
            30..50 => return Passage::Back(Duration::from_micros(rng.random_range(0..5_000_000))),
            50..55 => return Passage::Back(Duration::from_micros(rng.random_range(0..900_000_000))),
            55..200 => rng.random_range(0..5_000_000),
            200..450 => 0,
            450..500 => 1_000_000,
            _ => rng.random_range(0..600_000),
        }))
    }

    pub(crate) fn operation(&mut self, before: &Stats, model: &Model) -> Operation {
        self.now = whole(before.now);
        if let Some(drawn) = model.drawn().filter(|_| self.rng.random_bool(0.2)) {
            return self.deal(&drawn, before.epoch, model);
        }
        match self.rng.random_range(0..100) {
            0..22 => {
                let crowd = if self.rng.random_bool(0.5) { 1 } else { self.rng.random_range(2..12) };
                Operation::Join((0..crowd).map(|_| self.join(before)).collect())
            }
            22..58 => Operation::Step(self.report(before, model)),
            58..64 => Operation::Leave(self.visitor()),
            64..71 => Operation::Arrive(self.token()),
            71..79 => {
                let old = self.rng.random_bool(0.2).then(|| Readmission {
                    epoch: self.epoch(before.epoch),
                    visitor: self.visitor(),
                    expires_at: before.now + Duration::from_secs(self.one(&[0, 3, 60])),
                });
                Operation::Claim(self.token(), MemberId(Uuid::from_u128(self.rng.random_range(1..4))), old)
            }
            79..82 => Operation::Release(self.token()),
            82..84 => Operation::Revoke(self.token()),
            84..89 => Operation::Control(self.control(before)),
            89..90 => Operation::Configure(self.baseline()),
            90..91 => Operation::Changes(self.rng.random_range(1..30)),
            91..94 => {
                let after = self.rng.random_range(0..before.log_head.0 + 2);
                let epoch = if self.rng.random_bool(0.9) { before.epoch } else { self.epoch(before.epoch) };
                Operation::Tail(epoch, LogIndex(after), self.rng.random_range(0..9))
            }
            94..97 => Operation::Line(self.above(), self.rng.random_range(0..9)),
            _ => Operation::Front(self.above(), self.rng.random_range(0..9)),
        }
    }

    fn deal(&mut self, drawn: &Drawn, epoch: Epoch, model: &Model) -> Operation {
        let off = self.one(&[0, 0, 0, 0, 1, 2]);
        let first = (model.dealt() + 1).saturating_sub(off).max(1);
        let last = first + self.rng.random_range(0..6);
        let places = (first..last).map(|number| drawn.place_in_line(Sequence::of_number(number)));
        let mut lots = model.draw().lots().unwrap();
        lots.numbers += u64::from(self.rng.random_bool(0.05));
        if self.rng.random_bool(0.05) {
            lots.beacon += "?";
        }
        let epoch = if self.rng.random_bool(0.95) { epoch } else { self.epoch(epoch) };
        Operation::Deal(Deal { epoch, lots, first, places: places.collect() })
    }

    fn join(&mut self, before: &Stats) -> JoinRequest {
        let held = self.rng.random_bool(0.2).then(|| {
            let origin = if self.rng.random_bool(0.2) { Sequence::of_invited(0).0 } else { 0 };
            Place { epoch: self.epoch(before.epoch), seq: Sequence(origin + self.rng.random_range(-3..15)) }
        });
        let candidate = if self.rng.random_bool(0.05) { self.token() } else { self.new_token() };
        let contact = self.rng.random_bool(0.5).then(|| Contact { network: self.network() });
        let invitation = self.rng.random_bool(0.25).then(|| self.invitation());
        JoinRequest { visitor: self.visitor(), held, candidate, contact, invitation }
    }

    /// One of some, each with an expiry of its own.
    fn invitation(&mut self) -> Invitation {
        let number = self.rng.random_range(1..=40);
        let lasts = SignedDuration::from_secs(number * 41 % 7 * 60);
        let id = InvitationId(Uuid::from_u128(u128::from(number.unsigned_abs())));
        Invitation { id, expires_at: self.began + lasts }
    }

    fn report(&mut self, before: &Stats, model: &Model) -> Report {
        if self.rng.random_bool(0.03) {
            let restarts = self.rng.random_range(0..3);
            self.gateways[restarts] = GatewayId(self.id());
        }
        let phase = match self.rng.random_range(0..20) {
            0..4 => Phase::Begins,
            4 => Phase::Ends,
            _ => Phase::GoesOn,
        };
        let ready: Vec<ReadyVisitor> = (0..self.rng.random_range(0..7)).map(|_| self.ready(model)).collect();
        let covers = match self.rng.random_range(0..10) {
            0..7 => Sequence::LAST,
            7 => self.one(&[Sequence::FIRST, Sequence::of_invited(3)]),
            _ => Sequence(self.rng.random_range(-5..=before.last_seq.0)),
        };
        self.reports += 1;
        let given_up = if self.rng.random_bool(0.1) { self.rng.random_range(0..12) } else { 0 };
        Report {
            gateway: self.one(&self.gateways.clone()),
            number: self.reports.saturating_sub(given_up),
            phase,
            gone: (0..self.rng.random_range(0..3)).map(|_| self.gone(model)).collect(),
            covers,
            newest: self.one(&[Sequence::LAST, Sequence::LAST, Sequence::FIRST, before.last_seq]),
            reach: self.rng.random_bool(0.3).then(|| Sequence(self.rng.random_range(-5..=before.last_seq.0 + 3))),
            wanted: self.rng.random_range(0..6),
            histogram: Histogram::of(std::iter::once(Sequence(self.rng.random_range(1..50)))),
            candidates: self.candidates(),
            epoch: if self.rng.random_bool(0.98) { before.epoch } else { self.epoch(before.epoch) },
            after: LogIndex(before.log_head.0.saturating_sub(self.rng.random_range(0..4))),
            limit: self.rng.random_range(0..9),
            ready,
        }
    }

    fn ready(&mut self, model: &Model) -> ReadyVisitor {
        let visitor = self.visitor();
        let seq = model.place_of(visitor).filter(|_| self.rng.random_bool(0.97));
        let seq = seq.unwrap_or(Sequence(self.rng.random_range(-5..20)));
        ReadyVisitor { visitor, seq, network: self.network(), due_in: Duration::from_secs(self.one(&[0, 0, 0, 2, 40])) }
    }

    fn gone(&mut self, model: &Model) -> (VisitorId, Sequence) {
        let visitor = self.visitor();
        let off = i64::from(self.rng.random_bool(0.1));
        (visitor, model.place_of(visitor).map_or(Sequence(off), |seq| Sequence(seq.0 + off)))
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.rng).unwrap()
    }

    fn id(&mut self) -> Uuid {
        self.last_id += 1;
        // Spread, so that the order of ids is not the order in which they came to be.
        let spread = u64::try_from(self.last_id).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Uuid::from_u128((1 << 96) + (u128::from(spread) << 16))
    }

    fn visitor(&mut self) -> VisitorId {
        VisitorId(Uuid::from_u128(self.rng.random_range(1..=VISITORS)))
    }

    fn network(&mut self) -> Option<ClientNetwork> {
        self.one(&[None, Some("203.0.113.7"), Some("203.0.113.7"), Some("2001:db8:5::")])
            .map(|address| address.parse().unwrap())
    }

    fn new_token(&mut self) -> ActiveTokenId {
        ActiveTokenId(self.id())
    }

    /// Mostly one that has been given out.
    fn token(&mut self) -> ActiveTokenId {
        if self.tokens.is_empty() || self.rng.random_bool(0.05) {
            return self.new_token();
        }
        let recent = self.tokens.len().saturating_sub(10);
        self.tokens[self.rng.random_range(recent..self.tokens.len())]
    }

    fn candidates(&mut self) -> Vec<ActiveTokenId> {
        let mut candidates: Vec<ActiveTokenId> = Vec::new();
        for _ in 0..self.rng.random_range(0..6) {
            let candidate = match self.rng.random_range(0..20) {
                0 => self.token(),
                1 if !candidates.is_empty() => self.one(&candidates),
                _ => self.new_token(),
            };
            candidates.push(candidate);
        }
        candidates
    }

    fn epoch(&mut self, current: Epoch) -> Epoch {
        Epoch(current.0 - self.one(&[0, -5, 4, 12, 1_000_000]))
    }

    fn above(&mut self) -> Option<Sequence> {
        self.rng.random_bool(0.7).then(|| Sequence(self.rng.random_range(-9..60)))
    }

    pub(crate) fn baseline(&mut self) -> Baseline {
        let mut seconds = |of: &[u64]| Duration::from_secs(*of.choose(&mut self.rng).unwrap());
        let lifetimes = Lifetimes {
            arrive: seconds(&[1, 3, 10]),
            claim: seconds(&[2, 10, 30]),
            claim_at_most: seconds(&[10, 40]),
            active: seconds(&[5, 60, 300]),
            grace: seconds(&[3, 20, 60]),
            come_back: seconds(&[0, 2, 10, 30]),
        };
        Baseline {
            // Mostly newer than all before.
            as_of: self.now - SignedDuration::from_secs(self.one(&[0, 0, 0, 1, 60])),
            limits: AdmissionLimits { rate_per_second: self.rate(), cap: self.cap() },
            lifetimes,
            max_places: self.one(&[4, 1_000, 1_000]),
            schedule: self.schedule(),
            message: self.one(&[None, None, Some("-"), Some("")]).map(str::to_owned),
            invitations: self.invitations(),
        }
    }

    fn invitations(&mut self) -> Option<Invitations> {
        let share = Share::of_thousandths(self.one(&[1, 200, 500, 1_000])).unwrap();
        let presale = Duration::from_secs(self.one(&[0, 5, 60]));
        self.rng.random_bool(0.6).then_some(Invitations { share, presale })
    }

    fn rate(&mut self) -> f64 {
        self.one(&[0.0, 0.3, 1.0, 2.5, 10.0, 1_000.0 / 7.0])
    }

    fn cap(&mut self) -> u64 {
        self.one(&[0, 1, 3, 8, 20, u64::MAX])
    }

    /// Often with a draw.
    pub(crate) fn first_baseline(&mut self) -> Baseline {
        let baseline = self.baseline();
        if self.rng.random_bool(0.5) {
            return baseline;
        }
        let opens_at = Some(self.now + SignedDuration::from_secs(self.one(&[3, 20, 60])));
        let schedule =
            Schedule { opens_at, opening: Opening::Draw, pre_queue: Duration::from_mins(2), ..baseline.schedule };
        Baseline { schedule: Schedule { closes_at: None, ..schedule }, ..baseline }
    }

    /// Mostly none: a queue that is closed shows little.
    fn schedule(&mut self) -> Schedule {
        if self.rng.random_bool(0.7) {
            return Schedule::default();
        }
        let pre_queue = Duration::from_secs(self.one(&[0, 5, 60]));
        let opening = self.one(&[Opening::Fifo, Opening::Draw]);
        let beacon_source = self.rng.random_bool(0.3).then(|| "drand - 4242".to_owned());
        Schedule { opens_at: self.soon(), pre_queue, opening, beacon_source, closes_at: self.soon() }
    }

    /// A moment near the present one, or none.
    fn soon(&mut self) -> Option<Timestamp> {
        let seconds = self.one(&[-20, -1, 0, 0, 1, 2, 5, 20]);
        self.rng.random_bool(0.8).then(|| self.now + SignedDuration::from_secs(seconds))
    }

    fn control(&mut self, before: &Stats) -> ControlChange {
        let mut change = ControlChange::default();
        match self.rng.random_range(0..18) {
            16 => change.opening = Some(self.one(&[None, Some(Opening::Fifo), Some(Opening::Draw)])),
            17 => change.beacon = Some(self.one(&["", "-", "=4242 "]).to_owned()),
            6 => change.opens_at = Some(self.soon()),
            7 => {
                let closing = self.soon().map(Closing::At);
                change.closes_at = Some(if self.rng.random_bool(0.2) { Some(Closing::Never) } else { closing });
            }
            8 => change.drains_at = Some(self.soon()),
            9..14 => change = before.control.to_open(self.now),
            14 => change = before.control.to_drain(self.now),
            15 => change = before.control.to_close(self.now),
            0 => change.rate_per_second = Some(Some(self.rate())),
            1 => change.rate_per_second = Some(None),
            2 => change.cap = Some(Some(self.cap())),
            3 => change.cap = Some(None),
            4 => change.message = self.one(&[Some(None), Some(Some("soon"))]).map(|text| text.map(str::to_owned)),
            _ => change.paused = Some(self.rng.random_bool(0.3)),
        }
        change
    }
}

/// Stores keep microseconds.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap()
}
