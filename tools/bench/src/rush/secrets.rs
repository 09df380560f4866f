//! The secrets of a standalone system, for whoever gives none.

use std::path::Path;

use anyhow::Context;

/// The secret of this name; `option` is what could have been given instead.
pub(super) fn read(file: &Path, name: &str, option: &str) -> anyhow::Result<String> {
    let path = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("give {option}, or --secrets with the file of a standalone system: {path}"))?;
    let secrets: toml::Table = text.parse().with_context(|| format!("{path} is no TOML"))?;
    let secret = secrets.get(name).and_then(toml::Value::as_str);
    Ok(secret.with_context(|| format!("{path} has no {name}"))?.to_owned())
}
