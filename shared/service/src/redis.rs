//! The one way to Redis: a few connections that mend themselves, and scripts that run on them.
//!
//! No call waits for longer than the command timeout, whatever the server does: one that is down, one that hangs for
//! good, and one that accepts connections and says nothing.

mod cluster;
mod connection;
mod connections;
mod pool;
mod redirection;
mod settings;

pub use self::{
    connections::{ConnectError, Connections},
    settings::{InvalidUrl, RedisSettings},
};
