//! What this service knows of the waiting room: the gateway's narrow HTTP contract, and nothing of its store.
//!
//! Keys verify active tokens offline; a sign of life keeps a turn; a claim binds a token to the member who uses it
//! first; a release frees its slot.

mod client;
mod settings;
mod verifier;

pub use self::{
    client::{Arrival, Claim, GatewayClient, GatewayUnavailable},
    settings::{GatewaySettings, WaitingRoom},
    verifier::{ActiveTokenError, ActiveTokenVerifier},
};
