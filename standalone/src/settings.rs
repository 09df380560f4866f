//! The settings of the standalone system: its data folder, and whatever of the two services differs from their
//! defaults.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use serde::Deserialize;
use service::settings::{self, Faults, SettingsError, Validate};
use toml::{Table, Value};

use crate::secrets::Secrets;

/// The documented file: the defaults are its text.
pub(crate) const DEFAULTS: &str = include_str!("../../config/standalone.toml");

/// What the names of environment variables begin with, as in `STANDALONE__DATA`.
pub(crate) const ENVIRONMENT_PREFIX: &str = "STANDALONE";

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Settings {
    /// Where the database and the secrets are.
    pub(crate) data: PathBuf,
    /// Keys of the gateway's settings; it refuses unknown ones itself.
    pub(crate) queue_gateway: Table,
    /// Keys of the API's settings; it refuses unknown ones itself.
    pub(crate) ticketing_api: Table,
}

impl Validate for Settings {
    fn validate(&self, at: &mut Faults) {
        at.require("data", !self.data.as_os_str().is_empty(), "must name a folder");
    }
}

impl Settings {
    /// The defaults, over them the file, over that the environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        settings::load(DEFAULTS, file, ENVIRONMENT_PREFIX)
    }

    /// The gateway's own settings, with the secrets in them.
    pub(crate) fn gateway(&self, secrets: &Secrets) -> Result<queue_gateway::settings::Settings, SettingsError> {
        let mut table = self.queue_gateway.clone();
        let keys = [
            ("waiting_secret", &secrets.waiting_secret),
            ("active_key", &secrets.active_key),
            ("service_key", &secrets.service_key),
            ("operator_key", &secrets.operator_key),
        ];
        for (key, secret) in keys {
            set_default(&mut table, "secrets", key, secret.expose_secret());
        }
        let (defaults, prefix) = (queue_gateway::settings::DEFAULTS, queue_gateway::settings::ENVIRONMENT_PREFIX);
        settings::load_from(defaults, Some(&table.to_string()), prefix, settings::environment())
    }

    /// The API's own settings, with the secrets and the database's place in them.
    pub(crate) fn ticketing(&self, secrets: &Secrets) -> Result<ticketing_api::settings::Settings, SettingsError> {
        let mut table = self.ticketing_api.clone();
        set_default(&mut table, "secrets", "session_secret", secrets.session_secret.expose_secret());
        set_default(&mut table, "secrets", "service_key", secrets.service_key.expose_secret());
        set_default(&mut table, "secrets", "join_key", secrets.join_key.expose_secret());
        set_default(&mut table, "admin", "email", "admin@example.com");
        set_default(&mut table, "admin", "password", secrets.admin_password.expose_secret());
        set_default(&mut table, "store", "url", &format!("sqlite:{}", self.data.join("ticketing.db").display()));
        let (defaults, prefix) = (ticketing_api::settings::DEFAULTS, ticketing_api::settings::ENVIRONMENT_PREFIX);
        settings::load_from(defaults, Some(&table.to_string()), prefix, settings::environment())
    }
}

/// Sets a key of a section unless the user has. A section that is no table is left for the service to refuse.
fn set_default(table: &mut Table, section: &str, key: &str, value: &str) {
    if let Value::Table(section) = table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
        section.entry(key).or_insert_with(|| Value::String(value.to_owned()));
    }
}
