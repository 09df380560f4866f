//! Checks that types cannot make, collected instead of stopping at the first.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use super::Fault;

/// A settings struct that checks its own values.
pub trait Validate {
    /// Adds what is wrong. Keys are named as in the file, relative to this struct.
    fn validate(&self, at: &mut Faults);
}

/// Collects faults under the key of the section at hand.
#[derive(Debug, Default)]
pub struct Faults {
    path: Vec<String>,
    found: Vec<Fault>,
}

impl Faults {
    /// Everything that the settings find wrong with themselves.
    pub fn of(settings: &impl Validate) -> Vec<Fault> {
        let mut faults = Self::default();
        settings.validate(&mut faults);
        faults.found
    }

    /// Checks a section, or an entry of a table.
    pub fn section(&mut self, key: impl Display, section: &impl Validate) {
        self.within(key, |at| section.validate(at));
    }

    /// Runs checks under a longer key.
    pub fn within(&mut self, key: impl Display, checks: impl FnOnce(&mut Self)) {
        self.path.push(key.to_string());
        checks(self);
        self.path.pop();
    }

    /// Adds a fault.
    pub fn add(&mut self, key: impl Display, message: impl Into<String>) {
        let mut full: String = self.path.iter().flat_map(|part| [part.as_str(), "."]).collect();
        full.push_str(&key.to_string());
        self.found.push(Fault { key: full, message: message.into() });
    }

    /// Adds a fault unless the condition holds.
    pub fn require(&mut self, key: impl Display, holds: bool, message: impl Into<String>) {
        if !holds {
            self.add(key, message);
        }
    }

    /// A finite number above 0. (TOML knows `nan` and `inf`.)
    pub fn positive(&mut self, key: impl Display, value: f64) {
        self.require(key, value.is_finite() && value > 0.0, format!("must be more than 0, is {value}"));
    }

    /// A number within bounds that both belong to it.
    pub fn within_range<N: Copy + PartialOrd + Display>(
        &mut self,
        key: impl Display,
        value: N,
        range: RangeInclusive<N>,
    ) {
        let message = format!("must be from {} to {}, is {value}", range.start(), range.end());
        self.require(key, range.contains(&value), message);
    }

    /// A time above 0.
    pub fn positive_duration(&mut self, key: impl Display, value: Duration) {
        self.require(key, value > Duration::ZERO, "must be more than 0s");
    }

    /// Text that is not blank.
    pub fn not_blank(&mut self, key: impl Display, value: &str) {
        self.require(key, !value.trim().is_empty(), "must not be empty");
    }
}
