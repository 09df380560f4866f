//! The layers of settings, merged and read with an account of everything that does not fit.

use std::collections::BTreeMap;

use config::{Config, ConfigError, File, FileFormat, Value, ValueKind, builder::DefaultState};
use serde::de::DeserializeOwned;

use super::{Fault, SettingsError, error::FILE};

type Builder = config::ConfigBuilder<DefaultState>;

pub(super) struct Layers {
    merged: Builder,
    defaults: Config,
    /// Keys that the environment set, with the names of the variables.
    variables: BTreeMap<String, String>,
}

impl Layers {
    pub(super) fn parse(
        defaults: &str,
        file: Option<&str>,
        prefix: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let defaults = layer("the text of defaults", defaults)?;
        let mut merged = Config::builder().add_source(defaults.clone());
        if let Some(file) = file {
            merged = merged.add_source(layer(FILE, file)?);
        }
        let prefix = format!("{}__", prefix.to_lowercase());
        let mut variables = BTreeMap::new();
        for (name, text) in environment {
            let lower = name.to_lowercase();
            let Some(key) = lower.strip_prefix(&prefix).map(|key| key.replace("__", ".")) else { continue };
            merged = merged.set_override(&key, environment_value(&text)).map_err(|_| {
                SettingsError::Invalid(vec![Fault {
                    key: name.clone(),
                    message: "is not the name of a setting".into(),
                }])
            })?;
            variables.insert(key, name);
        }
        Ok(Self { merged, defaults, variables })
    }

    /// The settings, if they can be read at all, and every key that is unknown or of a wrong type.
    pub(super) fn read<T: DeserializeOwned>(self) -> (Option<T>, Vec<Fault>) {
        let Self { mut merged, defaults, variables } = self;
        let mut faults: Vec<Fault> = Vec::new();
        loop {
            let mut unknown = Vec::new();
            let read = merged.build_cloned().and_then(|config| {
                serde_ignored::deserialize::<_, _, T>(config, |path| unknown.push(path.to_string().replace(".?", "")))
            });
            let mut add = |key: String, message: String| {
                let message = match variables.get(&key) {
                    Some(name) => format!("{message} (environment variable {name})"),
                    None => message,
                };
                let fault = Fault { key, message };
                let new = !faults.contains(&fault);
                if new {
                    faults.push(fault);
                }
                new
            };
            for key in unknown {
                add(key, "is not a known setting".into());
            }
            let error = match read {
                Ok(settings) => return (Some(settings), faults),
                Err(error) => error,
            };
            let (key, message) = explain(&error);
            // Go on past the fault with the default in its place. A fault that comes back ends the search.
            let default = defaults.get::<Value>(&key).ok();
            if !add(key.clone(), message) {
                return (None, faults);
            }
            match default.and_then(|default| merged.clone().set_override(&key, default).ok()) {
                Some(repaired) => merged = repaired,
                None => return (None, faults),
            }
        }
    }
}

fn layer(name: &'static str, text: &str) -> Result<Config, SettingsError> {
    // Parsed here first because this error can be told without the line, in which a secret may stand.
    if let Err(error) = text.parse::<toml::Table>() {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        return Err(SettingsError::Syntax { layer: name.to_owned(), message: error.message().to_owned(), line });
    }
    Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build().map_err(|error| {
        let (key, message) = explain(&error);
        SettingsError::Invalid(vec![Fault { key, message }])
    })
}

/// Text stays text until its key asks for a number: a secret of digits must keep its leading zeros.
fn environment_value(text: &str) -> Value {
    if text.trim_start().starts_with('[')
        && let Ok(config) =
            Config::builder().add_source(File::from_str(&format!("value = {text}"), FileFormat::Toml)).build()
        && let Ok(array) = config.get::<Value>("value")
    {
        return array;
    }
    Value::new(None, ValueKind::String(text.to_owned()))
}

/// The key and what is wrong with it, without the value.
fn explain(error: &ConfigError) -> (String, String) {
    match error {
        ConfigError::NotFound(key) => (key.clone(), "is missing".into()),
        ConfigError::Type { unexpected, expected, key, .. } => {
            (key.clone().unwrap_or_default(), format!("expected {expected}, is {}", describe(&unexpected.to_string())))
        }
        ConfigError::At { error, key, .. } => {
            let (inner, message) = explain(error);
            match (key, inner.is_empty()) {
                (Some(outer), true) => (outer.clone(), message),
                (Some(outer), false) => (format!("{outer}.{inner}"), message),
                (None, _) => (inner, message),
            }
        }
        other => {
            let text = other.to_string();
            // serde's own sentence, which repeats the value.
            let message = match text.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected ")) {
                Some((found, expected)) => format!("expected {expected}, is {}", describe(found)),
                None => text,
            };
            (String::new(), message)
        }
    }
}

/// What stands where something else was expected. Numbers are repeated, text is not: it may be a secret.
fn describe(unexpected: &str) -> &str {
    if unexpected.starts_with("string ") { "a text" } else { unexpected }
}
