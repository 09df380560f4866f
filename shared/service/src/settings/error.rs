//! What is wrong with the settings, in sentences for the person who wrote them.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// How errors call the layer between defaults and environment.
pub(super) const FILE: &str = "the settings file";

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {}: {source}", path.display())]
    Unreadable {
        /// The file that was named.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A text is not TOML.
    #[error("{layer} is not valid TOML: {message} (line {line})")]
    Syntax {
        /// Which of the layers.
        layer: String,
        /// What the parser says; without the line itself, which may hold a secret.
        message: String,
        /// Counted from 1.
        line: usize,
    },
    /// Keys or values are wrong: all that were found.
    #[error("{}", Listed(.0))]
    Invalid(Vec<Fault>),
}

impl SettingsError {
    /// Names the file in an error about its text.
    pub(super) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Syntax { layer, message, line } if layer == FILE => {
                Self::Syntax { layer: format!("{FILE} {}", path.display()), message, line }
            }
            other => other,
        }
    }
}

/// One wrong key or value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The full key, such as `queues.demo.admission.rate_per_second`.
    pub key: String,
    /// What is wrong with it, such as `must be more than 0, is -3`.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

struct Listed<'a>(&'a [Fault]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(f, "one setting is wrong: {one}"),
            many => {
                write!(f, "{} settings are wrong:", many.len())?;
                many.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}
