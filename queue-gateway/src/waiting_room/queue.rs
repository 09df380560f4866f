//! One queue of this gateway.

use std::sync::Arc;

use contract::ids::QueueName;
use http::HeaderValue;

use super::{Client, Held, Joins, Refusal, View};
use crate::{
    draw::{Collected, DrawView, PublishedDraw},
    engine::EngineError,
    follower::{Follower, Readings, Stale},
    line::{Outlook, Place, QueueState, Sequence, Stats},
    members::JoinTokens,
    metrics::QueueMetrics,
    proof_of_work::ProofOfWork,
};

/// One queue, with all that answers for it.
#[derive(Debug)]
pub struct Queue {
    /// As settings and addresses name it.
    pub name: QueueName,
    /// What people call it.
    pub title: String,
    /// Where one waits for it: the page's full address.
    pub waiting_room: HeaderValue,
    /// The line as this gateway follows it.
    pub follower: Arc<Follower>,
    /// Readings of the log that requests wait for.
    pub readings: Readings,
    /// The latest that was published of its draw.
    pub published_draw: Collected,
    /// Joins, which go to the store together.
    pub joins: Joins,
    /// What is counted.
    pub metrics: Arc<QueueMetrics>,
    /// Knows members by their join tokens, where the queue is theirs alone.
    pub members: Option<JoinTokens>,
    /// Asks newcomers for proof of work, where the queue does.
    pub proof_of_work: Option<ProofOfWork>,
}

impl Queue {
    /// The queue in numbers as of the last step.
    pub fn stats(&self) -> Result<Arc<Stats>, Refusal> {
        self.follower.mirror.stats().ok_or(Refusal::Unavailable)
    }

    /// Returns once this gateway remembers all that the store has done by now. Nothing is confirmed before: the store may
    /// lose it in the next moment, and is given back what those gateways remember that step the queue.
    pub async fn remember(&self) -> Result<(), EngineError> {
        self.follower.interest.ask().await;
        let remembered = self.readings.fresh().await;
        remembered.map_err(|Stale| EngineError::Unavailable("what it has done cannot be read back".to_owned()))
    }

    /// What everybody sees of its draw; `None` where it opens in the order of joining.
    pub fn draw<'a>(&self, stats: &'a Stats) -> Option<DrawView<'a>> {
        DrawView::of(stats, self.follower.mirror.drawn().is_some())
    }

    /// All that is published of its draw, for anybody to check; a walk over all numbers.
    pub fn publish_draw(&self, stats: &Stats, issuer: &str) -> Option<PublishedDraw> {
        PublishedDraw::of(&self.name, issuer, stats, self.follower.mirror.departed_numbers().as_deref())
    }

    /// Whether a token may still stand for a place: where newcomers have to bring something, a later place is given on
    /// the same conditions.
    pub async fn may_still_hold(&self, held: &Held) -> bool {
        if self.members.is_none() && self.proof_of_work.is_none() {
            return true;
        }
        // While the store is away the last known has to do.
        let _ = self.readings.fresh().await;
        let mirror = &self.follower.mirror;
        let is_members = self.members.is_none() || held.holder.member.is_some();
        is_members && (mirror.epoch() != Some(held.place.epoch) || mirror.look_up(held.place.seq).is_some())
    }

    /// The place that a token states, if it counts in this gateway's copy of the line; `None` when only the store can
    /// tell.
    pub(super) fn place_here(&self, held: &Held) -> Option<Sequence> {
        let mirror = &self.follower.mirror;
        let counts = mirror.epoch() == Some(held.place.epoch) && !mirror.is_doubtful(held.issued_at);
        counts.then(|| mirror.place(held.place.seq))
    }

    /// The place as the store has it, where a token still names the number that it was drawn for.
    pub(super) fn store_place(&self, place: Place) -> Place {
        let mirror = &self.follower.mirror;
        let is_ours = mirror.epoch() == Some(place.epoch);
        if is_ours { Place { seq: mirror.place(place.seq), ..place } } else { place }
    }

    pub(super) fn waiting(&self, seq: Sequence, client: Client) -> Option<View> {
        let (point, outlook) = self.follower.mirror.look_up(seq)?;
        let held_back = self.follower.presence.lock().keeps_out(point, client.network);
        Some(self.view(outlook, held_back))
    }

    pub(super) fn view(&self, outlook: Outlook, held_back: bool) -> View {
        let is_closed = self.stats().is_ok_and(|stats| stats.state() == QueueState::Closed);
        if is_closed { View::Closed } else { View::Waiting { outlook, held_back } }
    }
}
