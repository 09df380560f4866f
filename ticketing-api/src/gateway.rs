//! What this service knows of the waiting room: the gateway's narrow HTTP contract, and nothing of its store.
//!
//! Keys verify active tokens offline; a claim binds a token to the member who uses it first; a release frees its slot.

mod client;
mod settings;
mod verifier;

pub use self::{
    client::{Claim, GatewayClient, GatewayUnavailable},
    settings::GatewaySettings,
    verifier::{ActiveTokenError, ActiveTokenVerifier},
};
