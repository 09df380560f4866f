//! How many may come in: from what the settings say to a rate and a cap.
//!
//! A database that sustains `C` transactions a second, kept at the share `u` of it, serves `u C / k` new users a second
//! when each causes `k` transactions. They stay for `S` seconds on average, so `u C S / k` of them are active at a time
//! (Little's law); that is the cap.

mod settings;

use serde::Deserialize;

use self::settings::AdmissionSettings;
use crate::line::AdmissionLimits;

/// The largest count that every store holds exactly (Lua numbers are doubles): as good as no cap.
pub const UNCAPPED: u64 = 1 << 53;

/// Where a queue's rate and cap come from.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "AdmissionSettings")]
pub enum AdmissionPolicy {
    /// Given outright.
    Fixed {
        /// Visitors admitted per second; may be fractional, zero admits nobody.
        rate_per_second: f64,
        /// Most active users at one time.
        active_cap: u64,
    },
    /// From a measured capacity of the database, as `ticketing-api calibrate` prints it.
    Measured {
        /// Transactions per second that the database sustains.
        database_tps: f64,
        /// The share of them that admitted users may use.
        utilisation: f64,
        /// Transactions that an admitted user causes on average, no-shows included.
        transactions_per_user: f64,
        /// How long a slot is occupied on average.
        mean_session_seconds: f64,
        /// Most active users at one time, where it shall not follow from rate and session.
        active_cap: Option<u64>,
    },
    /// The policy of an earlier system.
    Preset {
        /// Which.
        preset: Preset,
        /// Most active users at one time, instead of the preset's.
        active_cap: Option<u64>,
    },
}

/// Policies that earlier ticket systems ran with, to compare against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Preset {
    /// 20 visitors every 5 seconds while fewer than 700 are active.
    #[serde(rename = "20-per-5s-under-700")]
    TwentyPerFiveSeconds,
    /// 50 visitors every second, without a cap.
    #[serde(rename = "50-per-1s")]
    FiftyPerSecond,
    /// 1,400 visitors every 10 seconds, for sessions of 300 seconds.
    #[serde(rename = "1400-per-10s")]
    FourteenHundredPerTenSeconds,
}

impl Preset {
    /// Its rate and cap.
    pub fn limits(self) -> AdmissionLimits {
        match self {
            Self::TwentyPerFiveSeconds => AdmissionLimits { rate_per_second: 20.0 / 5.0, cap: 700 },
            Self::FiftyPerSecond => AdmissionLimits { rate_per_second: 50.0, cap: UNCAPPED },
            Self::FourteenHundredPerTenSeconds => AdmissionLimits { rate_per_second: 140.0, cap: little(140.0, 300.0) },
        }
    }
}

impl AdmissionPolicy {
    /// Rate and cap by this policy. A computed cap is rounded down, to the safe side, but never below one.
    pub fn limits(&self) -> AdmissionLimits {
        match *self {
            Self::Fixed { rate_per_second, active_cap } => AdmissionLimits { rate_per_second, cap: active_cap },
            Self::Measured { database_tps, utilisation, transactions_per_user, mean_session_seconds, active_cap } => {
                let rate_per_second = utilisation * database_tps / transactions_per_user;
                let cap = active_cap.unwrap_or_else(|| little(rate_per_second, mean_session_seconds));
                AdmissionLimits { rate_per_second, cap }
            }
            Self::Preset { preset, active_cap } => {
                let limits = preset.limits();
                AdmissionLimits { cap: active_cap.unwrap_or(limits.cap), ..limits }
            }
        }
    }

    /// What is wrong with the figures: the key, relative to this policy, and a sentence. Empty when nothing is.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        let mut check = |key, holds: bool, rule| {
            if !holds {
                faults.push((key, rule));
            }
        };
        let cap = match *self {
            Self::Fixed { rate_per_second, active_cap } => {
                let possible = rate_per_second.is_finite() && rate_per_second >= 0.0;
                check("rate_per_second", possible, "must be a number of visitors, zero or more");
                Some(active_cap)
            }
            Self::Measured { database_tps, utilisation, transactions_per_user, mean_session_seconds, active_cap } => {
                let share = utilisation > 0.0 && utilisation <= 1.0;
                check("database_tps", positive(database_tps), "must be greater than zero");
                check("utilisation", share, "must be greater than 0 and at most 1");
                check("transactions_per_user", positive(transactions_per_user), "must be greater than zero");
                check("mean_session_seconds", positive(mean_session_seconds), "must be greater than zero");
                active_cap
            }
            Self::Preset { active_cap, .. } => active_cap,
        };
        check("active_cap", cap.is_none_or(|cap| (1..=UNCAPPED).contains(&cap)), "must be from 1 to 2^53");
        faults
    }
}

fn positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// Little's law: how many are inside when so many come in per second and stay so long.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what both types hold exactly")]
#[expect(clippy::cast_precision_loss, reason = "the bound is a power of two")]
fn little(rate_per_second: f64, stay_seconds: f64) -> u64 {
    (rate_per_second * stay_seconds).clamp(1.0, UNCAPPED as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(database_tps: f64, utilisation: f64, transactions_per_user: f64) -> AdmissionPolicy {
        AdmissionPolicy::Measured {
            database_tps,
            utilisation,
            transactions_per_user,
            mean_session_seconds: 300.0,
            active_cap: None,
        }
    }

    #[test]
    fn a_measured_capacity_gives_rate_and_cap() {
        assert_eq!(measured(1_000.0, 0.75, 6.0).limits(), AdmissionLimits { rate_per_second: 125.0, cap: 37_500 });
        assert_eq!(measured(0.001, 0.75, 6.0).limits().cap, 1, "never so tight that nobody comes in");
    }

    #[test]
    fn the_fullest_earlier_formula_is_a_special_case() {
        let (tps, period, calls, failures) = (1_000.0, 10.0, 6.0, 0.15);
        let theirs = tps * period / (calls * (1.0 + failures));
        let ours = measured(tps, 1.0, calls * (1.0 + failures)).limits().rate_per_second * period;
        assert!((ours - theirs).abs() < 1e-9, "{ours} against {theirs}");
        let preset = Preset::FourteenHundredPerTenSeconds.limits();
        assert!((preset.rate_per_second * period - (theirs / 100.0).floor() * 100.0).abs() < 1e-9);
        assert_eq!(preset.cap, 42_000);
    }

    #[test]
    fn settings_name_each_mode() {
        let parse = |json: &str| serde_json::from_str::<AdmissionPolicy>(json);
        let fixed = parse(r#"{"mode": "fixed", "rate_per_second": 50, "active_cap": 700}"#).unwrap();
        assert_eq!(fixed.limits(), AdmissionLimits { rate_per_second: 50.0, cap: 700 });
        let measured = r#"{"mode": "measured", "database_tps": 1000.0, "transactions_per_user": 6.0,
            "mean_session_seconds": 300.0}"#;
        assert_eq!(parse(measured).unwrap().limits(), AdmissionLimits { rate_per_second: 125.0, cap: 37_500 });
        let preset = parse(r#"{"mode": "preset", "preset": "20-per-5s-under-700"}"#).unwrap();
        assert_eq!(preset.limits(), AdmissionLimits { rate_per_second: 4.0, cap: 700 });
        let missing = parse(r#"{"mode": "fixed", "rate_per_second": 50}"#).unwrap_err().to_string();
        assert_eq!(missing, "mode \"fixed\" needs active_cap");
    }

    #[test]
    fn impossible_figures_are_all_named() {
        let policy = AdmissionPolicy::Measured {
            database_tps: f64::NAN,
            utilisation: 1.5,
            transactions_per_user: 0.0,
            mean_session_seconds: -1.0,
            active_cap: Some(0),
        };
        let keys: Vec<_> = policy.faults().into_iter().map(|(key, _)| key).collect();
        let all = ["database_tps", "utilisation", "transactions_per_user", "mean_session_seconds", "active_cap"];
        assert_eq!(keys, all);
        assert_eq!(measured(1_000.0, 0.75, 6.0).faults(), []);
    }
}
