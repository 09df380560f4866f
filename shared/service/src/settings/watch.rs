//! Live reload: a changed settings file becomes new settings without a restart.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use super::{SettingsError, Validate, environment, load_from};

/// Editors write in several steps; a pause this long after the first sees the last.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// The file cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch the settings file {} for changes: {source}", path.display())]
pub struct WatchError {
    /// The file that was named.
    pub path: PathBuf,
    /// What the watcher says.
    pub source: notify::Error,
}

/// What a watched file brings.
#[derive(Clone, Debug)]
pub struct Changes<T> {
    /// The newest settings that passed all checks.
    pub settings: watch::Receiver<Arc<T>>,
    /// How many texts were refused since the start: the old settings stay, and an operator may not look at the log.
    pub refused: watch::Receiver<u64>,
}

/// Where changes come from.
#[derive(Debug)]
pub struct Changing<T> {
    settings: watch::Sender<Arc<T>>,
    refused: watch::Sender<u64>,
}

impl<T> Changes<T> {
    /// The two ends, with the settings that are in force.
    pub fn from(current: T) -> (Changing<T>, Self) {
        let (to_settings, settings) = watch::channel(Arc::new(current));
        let (to_refused, refused) = watch::channel(0);
        (Changing { settings: to_settings, refused: to_refused }, Self { settings, refused })
    }
}

impl<T> Changing<T> {
    /// These are in force from now on.
    pub fn accept(&self, settings: T) {
        self.settings.send_replace(Arc::new(settings));
    }

    /// A text was refused.
    pub fn refuse(&self) {
        self.refused.send_modify(|refused| *refused += 1);
    }
}

/// Hands on new settings whenever the file's text changes and passes all checks. A bad text is logged and counted once
/// and changes nothing. The watching ends when nobody receives settings any more. Must be called within a runtime.
///
/// The folder is watched, not the file: editors and configuration managers replace files, and a watch on the
/// replaced one is deaf.
pub fn watch<T>(
    defaults_toml: &'static str,
    file: &Path,
    env_prefix: &'static str,
    current: T,
) -> Result<Changes<T>, WatchError>
where
    T: DeserializeOwned + Validate + Send + Sync + 'static,
{
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let (news, mut events) = mpsc::channel(1);
    let watcher = watch_folder(&file, news).map_err(|source| WatchError { path: file.clone(), source })?;
    let mut seen = std::fs::read_to_string(&file).ok();
    let (changing, changes) = Changes::from(current);

    tokio::spawn(async move {
        let _watching = watcher;
        loop {
            tokio::select! {
                () = changing.settings.closed() => return,
                told = events.recv() => if told.is_none() { return },
            }
            tokio::time::sleep(DEBOUNCE).await;
            // What came in during the pause is covered by the reading that follows.
            let _covered = events.try_recv();
            let text = tokio::fs::read_to_string(&file).await;
            // Neighbours in the folder, and touches, are no news.
            if text.as_ref().ok() == seen.as_ref() {
                continue;
            }
            match reload(defaults_toml, text.as_deref(), &file, env_prefix) {
                Ok(new) => {
                    tracing::info!(file = %file.display(), "the settings were reloaded");
                    changing.accept(new);
                }
                Err(error) => {
                    tracing::warn!(file = %file.display(), %error, "the changed settings are not usable: the old ones stay");
                    changing.refuse();
                }
            }
            seen = text.ok();
        }
    });
    Ok(changes)
}

fn watch_folder(file: &Path, news: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the file is an event as well; reacting to it would never end.
        if event.is_ok_and(|event| event.kind.is_access()) {
            return;
        }
        // A full channel means that a reading is due anyway.
        let _already_due = news.try_send(());
    })?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

fn reload<T: DeserializeOwned + Validate>(
    defaults: &str,
    text: Result<&str, &io::Error>,
    file: &Path,
    env_prefix: &str,
) -> Result<T, SettingsError> {
    let text = text.map_err(|error| SettingsError::Unreadable {
        path: file.to_owned(),
        source: io::Error::new(error.kind(), error.to_string()),
    })?;
    load_from(defaults, Some(text), env_prefix, environment()).map_err(|error| error.in_file(file))
}
