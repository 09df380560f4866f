//! What visitors can do: join, resume, poll, listen, leave, enter. Handlers decode, call one of these, and encode.

mod admitted;
mod joins;
mod queue;
mod slots;

use std::{sync::Arc, time::Duration};

use contract::{
    clock::SharedClock,
    ids::{ActiveTokenId, VisitorId},
};
use jiff::Timestamp;
use service::address_limit::{KeyedLimiter, TooOften};

pub use self::{
    admitted::{Deadlines, Entrance},
    joins::Joins,
    queue::Queue,
};
use crate::{
    documents::Holder,
    engine::{EngineError, QueueEngine},
    follower::Stale,
    line::{
        Admission, ClientNetwork, Contact, Epoch, Invitation, JoinRefused, JoinRequest, Joined, Lost, Outlook, Place,
        Progress, Sequence, Standing, latest_pause,
    },
};

/// A hidden tab may ask this much later than it was told: browsers let its timers run once a minute.
const HIDDEN_TAB: Duration = Duration::from_mins(1);
/// How much later than due somebody may ask and still count as present.
const LATE: Duration = Duration::from_secs(5);

/// Whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Whom the rule of networks counts; `None` for allowed networks, and where it cannot be told.
    pub network: Option<ClientNetwork>,
}

/// A place that a valid waiting token proves.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Whose place it is.
    pub holder: Holder,
    /// Where it is in the line.
    pub place: Place,
    /// When the token was minted.
    pub issued_at: Timestamp,
}

/// Somebody who asks for a place, by what is known of them.
#[derive(Clone, Copy, Debug)]
pub enum Joiner {
    /// Holds a place, or held one.
    Holder(Held),
    /// Is known from an earlier contact.
    Known(Holder),
    /// Nobody that we have heard of before: a join alone is no sign of presence.
    New(Holder),
}

impl Joiner {
    /// The visitor that they are, or are to be.
    pub fn visitor(&self) -> VisitorId {
        match self {
            Self::Holder(held) => held.holder.visitor,
            Self::Known(holder) | Self::New(holder) => holder.visitor,
        }
    }
}

/// What a visitor can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// In the line.
    Waiting {
        /// The position, and how long it may take.
        outlook: Outlook,
        /// Passed, and kept out by nothing but the network.
        held_back: bool,
    },
    /// In the line of a queue that is closed.
    Closed,
    /// Holds a slot.
    Admitted {
        /// The epoch of the admission.
        epoch: Epoch,
        /// The slot, with its deadlines.
        admission: Admission,
    },
    /// Has no place.
    Gone {
        /// Why, as far as that is known.
        lost: Option<Lost>,
    },
}

/// An answer to a visitor.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Whom it is for.
    pub holder: Holder,
    /// What to say.
    pub view: View,
    /// The place that the visitor has or had, for the waiting token.
    pub place: Option<Place>,
    /// The token that was brought should be replaced by a new one.
    pub renew: bool,
    /// The store could not be asked: this is the last that was known.
    pub refreshing: bool,
    /// The join gave a new place.
    pub fresh: bool,
}

/// Why a visitor is not answered.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Nothing is known of the line yet, or the store cannot be asked.
    #[error("the line cannot be read at present")]
    Unavailable,
    /// The queue gives no new place.
    #[error(transparent)]
    Join(#[from] JoinRefused),
    /// The slot is claimed: the site ends it.
    #[error("the slot is claimed: leave at the site")]
    Claimed,
    /// They have asked too often what only the store can tell.
    #[error(transparent)]
    TooOften(#[from] TooOften),
    /// The store did not do its part.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The waiting room of all queues.
#[derive(Debug)]
pub struct WaitingRoom {
    /// Asked for what this gateway's copy of the line cannot tell.
    pub engine: Arc<dyn QueueEngine>,
    /// For new ids, and the age of tokens.
    pub clock: SharedClock,
    /// How often one visitor whose place has left the line may have the store asked.
    pub departed: Arc<KeyedLimiter<VisitorId>>,
    /// How long waiting tokens live.
    pub waiting_lifetime: Duration,
}

impl WaitingRoom {
    /// Gives a visitor a place, or finds the one they have: in the priority lane for an `invitation`.
    pub async fn join(
        &self,
        queue: &Queue,
        joiner: Joiner,
        invitation: Option<Invitation>,
        client: Client,
    ) -> Result<Answer, Refusal> {
        // Asked first: who cannot be told their position shall not be given a place that they would not learn of.
        queue.stats()?;
        let (holder, held, contact) = match joiner {
            Joiner::Holder(held) => (held.holder, Some(queue.store_place(held.place)), true),
            Joiner::Known(holder) => (holder, None, true),
            Joiner::New(holder) => (holder, None, false),
        };
        let visitor = holder.visitor;
        let candidate = ActiveTokenId::generate(&*self.clock);
        let contact = contact.then_some(Contact { network: client.network });
        // Until it is noted below that they are here.
        let _joining = contact.is_some().then(|| queue.follower.joining());
        let request = JoinRequest { visitor, held, candidate, contact, invitation };
        let reply = queue.joins.join(request).await??;

        let joins = if reply.fresh { &queue.metrics.joins_new } else { &queue.metrics.joins_same };
        joins.inc();
        if matches!(reply.standing, Standing::Admitted { admission, .. } if admission.token == candidate) {
            queue.metrics.admitted.inc();
        }
        let mut answer = self.answer(queue, holder, client, reply).await?;
        (answer.fresh, answer.renew) = (reply.fresh, true);
        if contact.is_some() {
            note_presence(queue, client, &answer, Duration::ZERO);
        }
        Ok(answer)
    }

    /// Tells a visitor where they stand, for clients without a stream.
    pub async fn poll(&self, queue: &Queue, held: Held, client: Client) -> Result<Answer, Refusal> {
        queue.metrics.polls.inc();
        let fresh = queue.readings.fresh().await;
        let epoch = held.place.epoch;
        let here = queue.place_here(&held).and_then(|seq| Some((queue.waiting(seq, client)?, Place { epoch, seq })));
        let mut answer = match here {
            Some((view, place)) => Answer {
                holder: held.holder,
                view,
                place: Some(place),
                renew: self.is_half_way(&held),
                refreshing: fresh.is_err(),
                fresh: false,
            },
            None => self.resume(queue, held, client, fresh).await?,
        };
        let doubtful = queue.follower.mirror.is_doubtful(held.issued_at);
        answer.renew |= answer.place.is_some_and(|place| place != held.place) || doubtful;
        note_presence(queue, client, &answer, HIDDEN_TAB);
        Ok(answer)
    }

    /// Finds where somebody stands who wants a stream, and the place that their token should state from now on.
    pub async fn listen(&self, queue: &Queue, held: Held) -> Result<(Standing, Option<Place>), Refusal> {
        let fresh = queue.readings.fresh().await;
        let waits = |seq: &Sequence| queue.follower.mirror.look_up(*seq).is_some();
        if let Some(seq) = queue.place_here(&held).filter(waits) {
            return Ok((Standing::Waiting { seq }, Some(Place { epoch: held.place.epoch, seq })));
        }
        fresh.map_err(|Stale| Refusal::Unavailable)?;
        let (epoch, standing) = self.standing_of(queue, held).await?;
        Ok((standing, standing.seq().map(|seq| Place { epoch, seq })))
    }

    /// Somebody who waits was asked to open their stream again after `pause`: until then they are there.
    pub fn note_turned_away(&self, queue: &Queue, held: Held, standing: Standing, client: Client, pause: Duration) {
        if let Standing::Waiting { seq } = standing {
            queue.follower.heard(held.holder.visitor, seq, client.network, pause, pause + LATE);
        }
    }

    /// Gives the place up, or the slot unless it is claimed.
    pub async fn leave(&self, queue: &Queue, held: Held) -> Result<(), Refusal> {
        let mut before = self.engine.leave(&queue.name, held.holder.visitor).await?;
        let is_absent = |standing| matches!(standing, Standing::Absent { .. });
        if is_absent(before) && !is_absent(self.standing_by_name(queue, held).await?) {
            before = self.engine.leave(&queue.name, held.holder.visitor).await?;
        }
        if matches!(before, Standing::Admitted { admission, .. } if admission.progress == Progress::Claimed) {
            return Err(Refusal::Claimed);
        }
        if let Some(seq) = before.seq() {
            queue.follower.forget_at(seq);
        }
        Ok(queue.remember().await?)
    }

    /// Where the store says that the visitor stands. One who is not known by name has the place of their token, where
    /// the line was given back to the store: it may remember how they had lost an earlier one.
    async fn standing_by_name(&self, queue: &Queue, held: Held) -> Result<Standing, EngineError> {
        let visitor = held.holder.visitor;
        let standing = self.engine.status(&queue.name, visitor).await?;
        let mirror = &queue.follower.mirror;
        let stands = mirror.epoch() == Some(held.place.epoch) && mirror.look_up(held.place.seq).is_some();
        if matches!(standing, Standing::Absent { .. }) && stands {
            return self.engine.name(&queue.name, visitor, queue.store_place(held.place)).await;
        }
        Ok(standing)
    }

    /// Asks the store about somebody whom this gateway cannot place.
    async fn resume(
        &self,
        queue: &Queue,
        held: Held,
        client: Client,
        fresh: Result<(), Stale>,
    ) -> Result<Answer, Refusal> {
        fresh.map_err(|Stale| Refusal::Unavailable)?;
        let (epoch, standing) = self.standing_of(queue, held).await?;
        self.answer(queue, held.holder, client, Joined { epoch, standing, fresh: false }).await
    }

    /// Where the store says that the visitor stands. One whom it does not know is put back to the place of their token,
    /// if that is of an older epoch than the store's: the store has lost them, they have not left.
    async fn standing_of(&self, queue: &Queue, held: Held) -> Result<(Epoch, Standing), Refusal> {
        self.departed.check(held.holder.visitor).inspect_err(|_| queue.metrics.departed_refused.inc())?;
        let standing = self.standing_by_name(queue, held).await?;
        let epoch = queue.follower.mirror.epoch().ok_or(Refusal::Unavailable)?;
        let Standing::Absent { lost } = standing else { return Ok((epoch, standing)) };
        if held.place.epoch < epoch && lost.is_none() {
            let (visitor, held) = (held.holder.visitor, Some(held.place));
            let candidate = ActiveTokenId::generate(&*self.clock);
            let request = JoinRequest { visitor, held, candidate, contact: None, invitation: None };
            let joined = queue.joins.join(request).await??;
            return Ok((joined.epoch, joined.standing));
        }
        let passed = held.place.epoch == epoch && queue.follower.mirror.has_expired(held.place.seq);
        Ok((epoch, Standing::Absent { lost: lost.or(passed.then_some(Lost::Passed)) }))
    }

    /// Words for whoever the store says stands so in this epoch. The position comes from this gateway's own mirror,
    /// read anew, so that whatever another gateway has told is in it. Of a place that is new nobody has been told
    /// anything: it costs no reading.
    async fn answer(
        &self,
        queue: &Queue,
        holder: Holder,
        client: Client,
        Joined { epoch, mut standing, fresh }: Joined,
    ) -> Result<Answer, Refusal> {
        let mut place = standing.seq().map(|seq| Place { epoch, seq });
        let mut view = None;
        let mut refreshing = false;
        if matches!(standing, Standing::Admitted { .. }) {
            queue.remember().await?;
        }
        if let Standing::Waiting { seq } = standing {
            // The log tells of places in the priority lane.
            if fresh && !seq.is_invited() {
                queue.follower.mirror.note_issued(epoch, seq);
            } else {
                refreshing = queue.readings.fresh().await.is_err();
            }
            if queue.follower.mirror.epoch() == Some(epoch) {
                view = queue.waiting(seq, client);
            }
            if view.is_none() {
                // The place has left the line since the store was asked.
                standing = self.engine.status(&queue.name, holder.visitor).await?;
                // They may have changed lanes meanwhile.
                place = standing.seq().map(|seq| Place { epoch, seq });
            }
        }
        let view = match (view, standing) {
            (Some(view), _) => view,
            (None, Standing::Waiting { seq }) => {
                let outlook = queue.follower.mirror.outlook_of_waiting(seq).ok_or(Refusal::Unavailable)?;
                queue.view(outlook, false)
            }
            (None, Standing::Admitted { admission, .. }) => View::Admitted { epoch, admission },
            (None, Standing::Absent { lost }) => View::Gone { lost },
        };
        Ok(Answer { holder, view, place, renew: false, refreshing, fresh: false })
    }

    /// Whether the token is half-way through its life: presence keeps a place, however long the line.
    fn is_half_way(&self, held: &Held) -> bool {
        held.issued_at.checked_add(self.waiting_lifetime / 2).is_ok_and(|half_way| half_way <= self.clock.now())
    }
}

/// Whoever has just been told to wait is there.
fn note_presence(queue: &Queue, client: Client, answer: &Answer, later: Duration) {
    if let (View::Waiting { outlook, .. }, Some(place)) = (answer.view, answer.place) {
        let due = Duration::from_secs(latest_pause(outlook.ask_again_seconds())) + later;
        queue.follower.heard(answer.holder.visitor, place.seq, client.network, due, due + LATE);
    }
}
