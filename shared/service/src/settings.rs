//! Settings: the documented defaults, over them a file, over that the environment.
//!
//! The defaults are the text of the documented file itself, so that documentation and behaviour cannot differ.
//! The environment's names are `PREFIX__SECTION__KEY` in any case; its values are text that becomes what the key
//! wants, and one that starts with `[` is read as a TOML array.
//!
//! Everything that is wrong is reported together: unknown keys (so none is silently ignored), values of a wrong type,
//! and whatever [`Validate`] finds. serde itself stops at the first wrong type; the loader goes on past it with the
//! default in its place. Only where no default exists (inside a table whose names are the user's own) are further
//! wrong types reported on the next attempt. Settings structs therefore do not `deny_unknown_fields` (that would end
//! the search) and do not `flatten` (that would hide unknown keys).
//!
//! No value of type text is ever repeated in an error: it may be a secret.

mod error;
mod faults;
mod layers;
mod watch;

use std::path::Path;

use serde::de::DeserializeOwned;

use self::layers::Layers;
pub use self::{
    error::{Fault, SettingsError},
    faults::{Faults, Validate},
    watch::{Changes, Changing, WatchError, watch},
};

/// Reads, merges and checks the settings. Nothing is returned that did not pass [`Validate`].
pub fn load<T: DeserializeOwned + Validate>(
    defaults_toml: &str,
    file: Option<&Path>,
    env_prefix: &str,
) -> Result<T, SettingsError> {
    let Some(path) = file else { return load_from(defaults_toml, None, env_prefix, environment()) };
    let text =
        std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
    load_from(defaults_toml, Some(&text), env_prefix, environment()).map_err(|error| error.in_file(path))
}

/// As [`load`], from texts and variables that are at hand.
pub fn load_from<T: DeserializeOwned + Validate>(
    defaults_toml: &str,
    file: Option<&str>,
    env_prefix: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, SettingsError> {
    let (settings, mut faults) = Layers::parse(defaults_toml, file, env_prefix, environment)?.read::<T>();
    if let Some(settings) = &settings {
        faults.extend(Faults::of(settings));
    }
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(SettingsError::Invalid(faults)),
    }
}

/// The process's variables; those that are not Unicode cannot be settings of ours.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
