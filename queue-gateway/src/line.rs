//! The rules of a waiting room, free of IO: where everybody stands, how long it will take, how many may come in.

pub mod admission;
mod control;
mod draw;
pub mod estimate;
mod histogram;
mod lane;
mod life;
mod log;
mod memory;
mod network;
mod order;
mod outlook;
mod place;
pub mod presence;
pub mod rank;
mod record;
mod report;
mod sparse;
mod stats;
mod turn;

pub use self::{
    control::Beginning,
    control::{AdmissionLimits, Baseline, Control, ControlChange, Lifetimes, MOST_CHARACTERS},
    draw::{Deal, Draw, DrawSecret, Drawn, Lots, Opening},
    histogram::Histogram,
    lane::{Invitation, InvitationId, Invitations, Lane, Round, Share},
    life::{Closing, NEVER, NoJoins, QueueState, Schedule},
    log::{History, LineChange, LinePage, LogIndex, LogPage, Tail},
    memory::{
        LONGEST_SNAPSHOT, Memory, MemoryPage, REJOINING_AT_MOST, REJOINING_LASTS, REJOINING_PATIENCE,
        REJOINING_SETTLES, Rejoined, RememberedSlot, SNAPSHOT_EVERY, Snapshot, is_given_after, unknown_at,
    },
    network::{ClientNetwork, Outcomes},
    order::{Extent, Order, Standpoint},
    outlook::{Outlook, latest_pause},
    place::{Epoch, Place, Sequence},
    record::{BY_GATEWAYS, BY_SETTINGS, Change, Lever},
    report::{GATEWAY_LIVES, GatewayId, MOST_HELD_BACK, Phase, ReadyVisitor, Report, Step},
    sparse::Sparse,
    stats::{Stats, Totals},
    turn::{
        Admission, Claim, Contact, JoinRefused, JoinReply, JoinRequest, Joined, LiveSlot, Lost, Progress, Readmission,
        Revocation, Standing,
    },
};
