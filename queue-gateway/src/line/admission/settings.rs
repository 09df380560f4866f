//! The policy as the settings spell it: one flat table, of which each mode reads its own keys.
//!
//! A tagged enum would read the same, but serde buffers the table of one, and text from the environment that should
//! become a number, and unknown keys that should be refused, get lost in the buffer.

use serde::Deserialize;

use super::{AdmissionPolicy, Preset};

#[derive(Debug, Deserialize)]
pub(super) struct AdmissionSettings {
    mode: Mode,
    rate_per_second: Option<f64>,
    active_cap: Option<u64>,
    database_tps: Option<f64>,
    #[serde(default = "default_utilisation")]
    utilisation: f64,
    transactions_per_user: Option<f64>,
    mean_session_seconds: Option<f64>,
    preset: Option<Preset>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Fixed,
    Measured,
    Preset,
}

/// A key without which its mode says nothing.
#[derive(Debug, thiserror::Error)]
#[error("mode {mode:?} needs {key}")]
pub(super) struct Missing {
    mode: &'static str,
    key: &'static str,
}

impl TryFrom<AdmissionSettings> for AdmissionPolicy {
    type Error = Missing;

    fn try_from(settings: AdmissionSettings) -> Result<Self, Missing> {
        let active_cap = settings.active_cap;
        Ok(match settings.mode {
            Mode::Fixed => Self::Fixed {
                rate_per_second: needed("fixed", "rate_per_second", settings.rate_per_second)?,
                active_cap: needed("fixed", "active_cap", active_cap)?,
            },
            Mode::Measured => Self::Measured {
                database_tps: needed("measured", "database_tps", settings.database_tps)?,
                utilisation: settings.utilisation,
                transactions_per_user: needed("measured", "transactions_per_user", settings.transactions_per_user)?,
                mean_session_seconds: needed("measured", "mean_session_seconds", settings.mean_session_seconds)?,
                active_cap,
            },
            Mode::Preset => Self::Preset { preset: needed("preset", "preset", settings.preset)?, active_cap },
        })
    }
}

fn needed<T>(mode: &'static str, key: &'static str, value: Option<T>) -> Result<T, Missing> {
    value.ok_or(Missing { mode, key })
}

/// Three quarters of what the database sustains: the rest absorbs what admission cannot see coming.
fn default_utilisation() -> f64 {
    0.75
}
