//! What somebody in the line can be told about his place.

use super::estimate::WaitRange;

/// A place in the line as this gateway sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// In the line.
    Waiting {
        /// 1-based and exact: one more than the waiting visitors ahead.
        position: u64,
        /// Waiting visitors with later places.
        behind: u64,
        /// How long it will take; `None` while nobody is admitted.
        wait: Option<WaitRange>,
    },
    /// No longer in the line: admitted, left or expired. The engine knows which.
    Departed,
}
