//! What to drive, and how hard.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, ValueEnum};

/// What to drive, and how hard.
#[derive(Clone, Debug, Parser)]
#[command(about = "Drives a sale with many visitors at once and prints what happened")]
pub struct Arguments {
    /// Public address of a gateway; repeat it for several instances.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub gateway: Vec<String>,
    /// Public address of a ticketing API; repeat it for several instances.
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    pub ticketing: Vec<String>,
    /// Internal address of a gateway, such as <http://127.0.0.1:9080>: with it the operator's figures are compared with
    /// what the visitors saw; repeat it for several instances.
    #[arg(long)]
    pub operator: Vec<String>,
    /// The operator's key; left out, it is read from the secrets of a standalone system.
    #[arg(long, env = "RUSH_OPERATOR_KEY", hide_env_values = true)]
    pub operator_key: Option<String>,
    /// How many visitors come, ghosts and leavers included.
    #[arg(long, default_value_t = 1_000)]
    pub visitors: usize,
    /// Seats of the performance that is created for the run.
    #[arg(long, default_value_t = 100)]
    pub seats: u32,
    /// The queue that guards the sale.
    #[arg(long, default_value = "demo")]
    pub queue: String,
    /// Administrator who creates the performance.
    #[arg(long, env = "RUSH_ADMIN_EMAIL", default_value = "admin@example.com")]
    pub admin_email: String,
    /// Their password; left out, it is read from the secrets of a standalone system.
    #[arg(long, env = "RUSH_ADMIN_PASSWORD", hide_env_values = true)]
    pub admin_password: Option<String>,
    /// The secrets file of a standalone system.
    #[arg(long, default_value = "data/secrets.toml")]
    pub secrets: PathBuf,
    /// Seconds a visitor keeps trying one call through 503s and lost connections.
    #[arg(long, default_value_t = 120)]
    pub patience: u64,
    /// Seconds after which a visitor gives up waiting in the line.
    #[arg(long, default_value_t = 900)]
    pub wait: u64,
    /// Write down here what each visitor was told and when, one JSON object a line, for whoever wants to look closer.
    #[arg(long, value_name = "FILE")]
    pub diaries: Option<PathBuf>,
    /// Who comes, and how they behave.
    #[command(flatten)]
    pub crowd: Crowd,
    /// What is promised.
    #[command(flatten)]
    pub promised: Promised,
}

/// Who comes, and how they behave.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The crowd")]
pub struct Crowd {
    /// Share of the visitors who are ghosts, from 0 to 1.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub ghosts: f64,
    /// What the ghosts do, by turns.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["join", "close", "return"])]
    pub ghost_kinds: Vec<GhostKind>,
    /// Ghosts that come before all visitors and stay until the end.
    #[arg(long, default_value_t = 0)]
    pub ghosts_first: usize,
    /// What they do: `join` or `stream`.
    #[arg(long, value_enum, default_value = "join")]
    pub ghosts_first_kind: FirstKind,
    /// From how many addresses they come.
    #[arg(long, default_value_t = 1)]
    pub ghost_addresses: usize,
    /// All visitors come from one address, as behind a carrier's or a company's gateway.
    #[arg(long)]
    pub from_one_address: bool,
    /// Share of the others who leave instead of buying, by turns in line and at the shop with a claimed slot.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub leave: f64,
    /// Share of the visitors who poll instead of listening to a stream.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub poll: f64,
    /// Each request of a visitor goes to the gateway after the last one's, and streams are opened anew every few
    /// seconds.
    #[arg(long)]
    pub alternate: bool,
    /// Nobody shops: whoever is admitted arrives, stays, and gives the slot back. It needs no ticketing API.
    #[arg(long)]
    pub line_only: bool,
    /// Seconds that an admitted visitor stays where nobody shops.
    #[arg(long, default_value_t = 0.0)]
    pub stay: f64,
    /// Seconds that an admitted visitor takes at most to go to the site, and as long again to decide there.
    #[arg(long, default_value_t = 0.0)]
    pub dawdle: f64,
    /// Seconds that those who come back are away; the gateways' grace time must be longer.
    #[arg(long, default_value_t = 20)]
    pub away: u64,
}

/// What is promised.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "The promises")]
pub struct Promised {
    /// Milliseconds between two steps of a gateway: so long after they came the line may not know of a visitor.
    #[arg(long, default_value_t = 250)]
    pub tick: u64,
    /// Least share of the configured rate at which those who are there are admitted while some wait; 0 promises
    /// nothing, which is right where the cap or an outage holds the line up.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub least_rate: f64,
    /// The store loses everything once during the run: seconds within which somebody is admitted again. No stream may
    /// end by it. Left out, no loss is expected.
    #[arg(long, value_name = "SECONDS")]
    pub resumes_within: Option<u64>,
}

/// What a ghost does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GhostKind {
    /// Joins without ever having come by the page, and is not heard of again: never admitted.
    Join,
    /// Opens a stream and stops to read it, with the connection open: a machine that vanished without a word.
    Stream,
    /// Closes the tab after some seconds.
    Close,
    /// Closes the tab after some seconds, comes back later, and buys.
    Return,
    /// Waits like everybody, is admitted, and does not come to the site.
    NoShow,
}

/// What the ghosts do that come before all visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FirstKind {
    /// As [`GhostKind::Join`].
    Join,
    /// As [`GhostKind::Stream`].
    Stream,
}

impl Arguments {
    /// How long a visitor keeps trying one call.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

impl Promised {
    /// Time between two steps of a gateway.
    pub(super) fn tick(self) -> Duration {
        Duration::from_millis(self.tick)
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be a number from 0 to 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_given_in_one_list_and_shares_are_checked() {
        let parse = |arguments: &[&str]| Arguments::try_parse_from([&["rush"], arguments].concat());
        let arguments = parse(&["--ghosts", "0.3", "--ghost-kinds", "join,no-show"]).unwrap();
        assert_eq!(arguments.crowd.ghost_kinds, [GhostKind::Join, GhostKind::NoShow]);
        assert_eq!(parse(&[]).unwrap().crowd.ghost_kinds, [GhostKind::Join, GhostKind::Close, GhostKind::Return]);
        assert!(parse(&["--ghosts", "30"]).unwrap_err().to_string().contains("from 0 to 1"));
    }
}
