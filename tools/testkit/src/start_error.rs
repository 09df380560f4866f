//! Why a server for a test did not start.

use std::io;
use std::path::Path;

/// Why a server did not start; its text is the whole message that a developer sees.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The program is nowhere on this machine.
    #[error("{0} is not installed: run `make deps`")]
    NotInstalled(&'static str),
    /// The program ended, or never answered; the end of its log says why.
    #[error("{program} {what}; the end of its log:\n{log}")]
    NotReady {
        /// The program's name.
        program: &'static str,
        /// What was seen of it.
        what: &'static str,
        /// The last lines that it wrote.
        log: String,
    },
    /// The operating system refused a folder, a process or a port.
    #[error("a server for a test cannot be started: {0}")]
    System(#[from] io::Error),
    /// A helper program that prepares the server failed.
    #[error("{program} failed: {output}")]
    Preparation {
        /// The helper's name.
        program: &'static str,
        /// What it wrote.
        output: String,
    },
}

impl StartError {
    /// The program was started but `what` was seen of it.
    pub(crate) fn not_ready(program: &'static str, what: &'static str, log: &Path) -> Self {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        Self::NotReady { program, what, log: lines[lines.len().saturating_sub(15)..].join("\n") }
    }
}

/// The value, or a panic whose whole message is the error's sentence.
///
/// A server that cannot run must fail the test that needs it: skipping would let the suite pass without it.
pub(crate) fn or_panic<T>(result: Result<T, StartError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
