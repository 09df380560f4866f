//! What a gateway and the store tell one another in each step: who is there, and what became of the line.

use std::time::Duration;

use contract::ids::{ActiveTokenId, VisitorId};
use uuid::Uuid;

use super::{
    histogram::Histogram,
    log::{LogIndex, Tail},
    network::ClientNetwork,
    place::{Epoch, Sequence},
    stats::Stats,
};

/// One run of a gateway process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayId(pub Uuid);

/// Where a gateway is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The store knows nothing of this gateway's visitors: what the report says of them is all.
    Begins,
    /// The report says what has changed since the last.
    GoesOn,
    /// The gateway stops or has nobody in this queue: nobody is present there any more.
    Ends,
}

/// A visitor who is present at a gateway, near the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyVisitor {
    /// Who is ready.
    pub visitor: VisitorId,
    /// Where they stand.
    pub seq: Sequence,
    /// Whom the rule of networks counts; `None` for allowed networks, and where it cannot be told.
    pub network: Option<ClientNetwork>,
    /// Until the next poll that the visitor was asked to make; zero for a stream, which is told at once.
    pub due_in: Duration,
}

/// What a gateway tells the store in a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Who reports. The step is its heartbeat.
    pub gateway: GatewayId,
    /// Goes up with every report of a gateway. One that comes after a later one says nothing of presence any more: a
    /// step that was given up may still run after the next, and would bring back who has gone.
    pub number: u64,
    /// Whether the report is all there is, a change, or the end.
    pub phase: Phase,
    /// Visitors who have become ready here, or whose next poll is due at another time.
    pub ready: Vec<ReadyVisitor>,
    /// Visitors who are no longer ready here, with their places.
    pub gone: Vec<(VisitorId, Sequence)>,
    /// Everybody who is present here with a place up to this one is in the ready set. What the report says of places in
    /// order is of the general line: all the invited who are present are reported, wherever they stand.
    pub covers: Sequence,
    /// The newest place that was known here when the report was made, lower while somebody joins: whoever gets a place
    /// above it, now or later, may be present and is not in the report.
    pub newest: Sequence,
    /// The place of the [`wanted`](Self::wanted)th visitor present here above `covers`; `None` where there are fewer.
    pub reach: Option<Sequence>,
    /// How many ready visitors the line should have at hand.
    pub wanted: u64,
    /// Everybody who is present here in the general line, by place.
    pub histogram: Histogram,
    /// Ids for slots that this step may fill.
    pub candidates: Vec<ActiveTokenId>,
    /// The epoch whose log the gateway follows.
    pub epoch: Epoch,
    /// The entry of the log after which the reply shall begin.
    pub after: LogIndex,
    /// Most entries of the log in the reply.
    pub limit: usize,
}

/// Gateways count as gone when they have not reported for so long, in line time.
pub const GATEWAY_LIVES: Duration = Duration::from_secs(3);

/// What the store replies to a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How many visitors this step admitted.
    pub admitted: u64,
    /// False when the store did not know this gateway, so that whoever it had reported is not ready: it must begin
    /// anew.
    pub known: bool,
    /// The number of this gateway's report before this one, as far as the store knows: lower than one that it has
    /// answered before, and it has lost its last writes. `None` when it does not know the gateway.
    pub previous: Option<u64>,
    /// Visitors up to this place shall be reported ready.
    pub horizon: Sequence,
    /// How often the store has dropped a ready visitor because of their network, or refused one whose network
    /// [`held_back`](Self::held_back) has no room to name. When it moves, whoever is reported ready may not be: all
    /// must be reported again.
    pub withheld: u64,
    /// Networks whose visitors do not arrive and who have an unclaimed slot, and those of whom this step refused
    /// somebody: their visitors shall not be ready until a later reply does not name them. Ascending, at most
    /// [`MOST_HELD_BACK`].
    pub held_back: Vec<ClientNetwork>,
    /// Who is present at each of the live gateways, ascending.
    pub present: Vec<(GatewayId, Histogram)>,
    /// The log after the asked entry.
    pub tail: Tail,
    /// The queue after the step.
    pub stats: Stats,
}

/// Most networks that a reply names; the store withholds the visitors of the others by itself.
pub const MOST_HELD_BACK: usize = 256;
