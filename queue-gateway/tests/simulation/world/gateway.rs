//! A gateway of the world, and the visitors who come to it.

use std::{sync::Arc, time::Duration};

use contract::{
    ids::{VisitorId, uuid_at},
    tokens::ActiveClaims,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use queue_gateway::{
    documents::Holder,
    draw::PublishedDraw,
    line::{Admission, ClientNetwork, Invitation, InvitationId, Place, Sequence, Standing, presence::Presence},
    mirror::Mirror,
    streams::{Streams, StreamsFull},
    waiting_room::{Answer, Client, Held, Joiner, Queue, Refusal, View, WaitingRoom},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::World;
use crate::listener::Listener;

/// One gateway without its HTTP surface. Dropped, it is killed: its loops end without a word to anybody.
pub(crate) struct Gateway {
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) presence: Arc<Mutex<Presence>>,
    pub(super) queue: Queue,
    pub(super) room: WaitingRoom,
    pub(super) shutdown: CancellationToken,
    pub(super) loops: JoinSet<()>,
}

/// Somebody who has joined, with what their waiting token says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor {
    pub(crate) id: VisitorId,
    pub(crate) place: Place,
    pub(crate) network: Option<ClientNetwork>,
    pub(super) issued_at: Timestamp,
}

impl Gateway {
    /// Somebody whom we know joins, as from the page: a sign of presence.
    pub(crate) async fn join(&self, world: &World) -> Visitor {
        self.join_from(world, None).await
    }

    /// As [`Gateway::join`], from this network.
    pub(crate) async fn join_from(&self, world: &World, network: Option<ClientNetwork>) -> Visitor {
        self.ask_to_join(world, network).await.unwrap()
    }

    pub(crate) async fn try_join(&self, world: &World) -> Result<Visitor, Refusal> {
        self.ask_to_join(world, None).await
    }

    async fn ask_to_join(&self, world: &World, network: Option<ClientNetwork>) -> Result<Visitor, Refusal> {
        self.join_as(VisitorId::generate(&*world.clock), None, world, network).await
    }

    /// Somebody joins with an invitation, who may wait already.
    pub(crate) async fn join_invited(&self, id: VisitorId, world: &World) -> Visitor {
        let expires_at = world.clock.now() + Duration::from_hours(1);
        let invitation = Invitation { id: InvitationId(uuid_at(world.clock.now())), expires_at };
        self.join_as(id, Some(invitation), world, None).await.unwrap()
    }

    async fn join_as(
        &self,
        id: VisitorId,
        invitation: Option<Invitation>,
        world: &World,
        network: Option<ClientNetwork>,
    ) -> Result<Visitor, Refusal> {
        let joiner = Joiner::Known(Holder { visitor: id, member: None });
        self.queue.follower.interest.ask().await;
        let answer = self.room.join(&self.queue, joiner, invitation, Client { network }).await?;
        let place = answer.place.expect("who joins has a place");
        Ok(Visitor { id, place, network, issued_at: world.clock.now() })
    }

    /// Somebody asks where they stand.
    pub(crate) async fn poll(&self, visitor: Visitor) -> Answer {
        self.try_poll(visitor).await.unwrap()
    }

    pub(crate) async fn try_poll(&self, visitor: Visitor) -> Result<Answer, Refusal> {
        self.queue.follower.interest.ask().await;
        self.room.poll(&self.queue, visitor.held(), Client { network: visitor.network }).await
    }

    /// Somebody gives their place up.
    /// Whether a site that asks lets them in who were admitted so.
    pub(crate) async fn verifies(&self, visitor: Visitor, Admission { token, expires_at, .. }: Admission) -> bool {
        let claims = ActiveClaims {
            id: token,
            queue: self.queue.name.clone(),
            visitor: visitor.id,
            member: None,
            epoch: visitor.place.epoch.0,
            issued_at: visitor.issued_at,
            expires_at,
        };
        self.room.verify(&self.queue, &claims).await.unwrap()
    }

    pub(crate) async fn leave(&self, visitor: Visitor) {
        self.room.leave(&self.queue, visitor.held()).await.unwrap();
    }

    /// Opens a stream for a visitor, as the handler does: a reading of the log takes a moment.
    pub(crate) async fn stream(&self, visitor: Visitor) -> Listener {
        let (standing, _) = self.room.listen(&self.queue, visitor.held()).await.unwrap();
        self.listen(visitor, standing).unwrap()
    }

    /// Opens a stream for a visitor of whom the store has said this.
    pub(crate) fn listen(&self, visitor: Visitor, standing: Standing) -> Result<Listener, StreamsFull> {
        let holder = visitor.held().holder;
        self.streams.open(&self.queue.name, holder, visitor.network, standing).map(Listener::new)
    }

    /// Opens a stream for a visitor who is known to wait.
    pub(crate) fn listener(&self, visitor: Visitor) -> Listener {
        self.listen(visitor, Standing::Waiting { seq: visitor.place.seq }).unwrap()
    }

    /// So many join one after the other, and listen.
    pub(crate) async fn listeners(&self, world: &World, number: usize) -> Vec<(Visitor, Listener)> {
        let ghosts = world.ghosts(number).await;
        ghosts.into_iter().map(|visitor| (visitor, self.listener(visitor))).collect()
    }

    /// What this gateway publishes of the draw.
    pub(crate) fn publish_draw(&self) -> PublishedDraw {
        self.queue.publish_draw(&self.queue.stats().unwrap(), "gateway").expect("a queue that opens by draw")
    }

    /// The position that this gateway knows of a place.
    pub(crate) fn position(&self, seq: Sequence) -> Option<u64> {
        self.mirror.look_up(seq).map(|(point, _)| point.position)
    }

    /// The middle estimate that this gateway knows of a place, in seconds.
    pub(crate) fn wait(&self, seq: Sequence) -> Option<u64> {
        self.mirror.look_up(seq).and_then(|(_, outlook)| outlook.wait).map(|wait| wait.p50)
    }

    /// Shuts down: streams end spread over time, and at last the store is told.
    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
    }

    /// The process dies: its loops end at once and its sockets break, without a word to anybody.
    pub(crate) fn kill(mut self) {
        self.loops.abort_all();
    }
}

impl Visitor {
    /// What their waiting token says.
    pub(crate) fn held(self) -> Held {
        let holder = Holder { visitor: self.id, member: None };
        Held { holder, place: self.place, issued_at: self.issued_at }
    }
}

/// The position that an answer tells.
pub(crate) fn told(answer: &Answer) -> Option<u64> {
    match answer.view {
        View::Waiting { outlook, .. } => Some(outlook.position),
        View::Closed | View::Admitted { .. } | View::Gone { .. } => None,
    }
}
