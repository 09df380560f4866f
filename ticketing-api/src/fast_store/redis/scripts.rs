//! The Lua scripts: one a trait method, each an atomic step.

use fred::types::scripts::Script;

/// The scripts with their hashes.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) mark: Script,
    pub(super) unmark: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            mark: Script::from_lua(include_str!("lua/mark.lua")),
            unmark: Script::from_lua(include_str!("lua/unmark.lua")),
        }
    }
}
