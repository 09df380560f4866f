//! The scripts: each is one atomic step of the contract, its text put together from shared parts and its own.

use fred::types::scripts::Script;

/// Joins the named files of `lua/` into one script.
macro_rules! script {
    ($($part:literal)+) => {
        Script::from_lua(concat!($(include_str!(concat!("lua/", $part, ".lua"))),+))
    };
}

/// Every script with its hash.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) configure: Script,
    pub(super) join: Script,
    pub(super) status: Script,
    pub(super) leave: Script,
    pub(super) connect: Script,
    pub(super) disconnect: Script,
    pub(super) promote: Script,
    pub(super) claim: Script,
    pub(super) release: Script,
    pub(super) control: Script,
    pub(super) stats: Script,
    pub(super) departures: Script,
    pub(super) line: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            configure: script!("prelude" "slots" "credit" "control_reply" "stats_reply" "configure"),
            join: script!("prelude" "configured" "slots" "credit" "log" "occupy" "join"),
            status: script!("prelude" "configured" "slots" "status"),
            leave: script!("prelude" "configured" "slots" "log" "leave"),
            connect: script!("prelude" "configured" "slots" "connect"),
            disconnect: script!("prelude" "configured" "slots" "disconnect"),
            promote: script!("prelude" "configured" "slots" "credit" "log" "occupy" "control_reply" "stats_reply" "promote"),
            claim: script!("prelude" "configured" "slots" "log" "occupy" "claim"),
            release: script!("prelude" "configured" "slots" "release"),
            control: script!("prelude" "configured" "credit" "control_reply" "control"),
            stats: script!("prelude" "configured" "slots" "control_reply" "stats_reply" "stats"),
            departures: script!("prelude" "configured" "departures"),
            line: script!("prelude" "configured" "line"),
        }
    }
}
