//! The keys and secrets of a standalone system: made at its first start, kept for the later ones.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use contract::tokens::{ActiveSigner, JoinSigner};
use rand::{TryRngCore, rngs::OsRng};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use toml::Table;

/// What a system must keep to recognise its own tokens after a restart.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Secrets {
    /// Signs waiting tokens.
    pub(crate) waiting_secret: SecretString,
    /// Signs active tokens.
    pub(crate) active_key: SecretString,
    /// Signs join tokens.
    pub(crate) join_key: SecretString,
    /// Between the two services.
    pub(crate) service_key: SecretString,
    /// Of the operator.
    pub(crate) operator_key: SecretString,
    /// Signs log-ins.
    pub(crate) session_secret: SecretString,
    /// Of the first administrator.
    pub(crate) admin_password: SecretString,
}

/// The file of the secrets inside the data folder.
pub(crate) fn path_in(data: &Path) -> PathBuf {
    data.join("secrets.toml")
}

impl Secrets {
    /// Reads the secrets of the data folder, and makes them when it has none.
    pub(crate) fn of(data: &Path) -> anyhow::Result<Self> {
        // The owner's alone: the database beside the secrets holds the members' addresses and password hashes.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
        made.with_context(|| format!("cannot create the data folder {}", data.display()))?;
        let path = path_in(data);
        if !path.exists() {
            create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let mut text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if text.parse::<Table>().is_ok_and(|secrets| !secrets.contains_key("join_key")) {
            text.push_str(&join_key());
            write(&path, &text, true).with_context(|| format!("cannot write {}", path.display()))?;
        }
        // The parser's own message would quote the text around the fault.
        match toml::from_str(&text) {
            Ok(secrets) => Ok(secrets),
            Err(_) => bail!("{} is not what we wrote: restore it, or delete it to begin with new keys", path.display()),
        }
    }
}

/// Writes fresh secrets. Of two first starts at once the second finds the first one's.
fn create(path: &Path) -> io::Result<()> {
    let text = format!(
        "# Made at the first start. Whoever reads this can sign tokens and act as the administrator.
waiting_secret = \"{}\"
service_key = \"{}\"
operator_key = \"{}\"
session_secret = \"{}\"
# Log in as admin@example.com.
admin_password = \"a1!{}\"
active_key = '''
{}'''
{}",
        random(32)?,
        random(32)?,
        random(32)?,
        random(32)?,
        random(8)?,
        ActiveSigner::generate_pem().expose_secret(),
        join_key(),
    );
    write(path, &text, false)
}

/// The line of a secret that folders from before it lack.
fn join_key() -> String {
    format!("join_key = '''\n{}'''\n", JoinSigner::generate_pem().expose_secret())
}

/// Writes the text beside the path and links it to it: a crash leaves all of it or none.
fn write(path: &Path, text: &str, over: bool) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new()
        .make_in(folder, |draft| OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft))?;
    draft.as_file().write_all(text.as_bytes())?;
    draft.as_file().sync_all()?;
    match if over { draft.persist(path) } else { draft.persist_noclobber(path) } {
        Ok(_) => fs::File::open(folder)?.sync_all(),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

/// So many bytes from the operating system, in hexadecimal digits.
fn random(bytes: usize) -> io::Result<String> {
    let mut buffer = vec![0; bytes];
    OsRng.try_fill_bytes(&mut buffer).map_err(io::Error::other)?;
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    Ok(buffer.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_only_their_owner_may_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("deeper/data");
        let first = Secrets::of(&data).unwrap();
        let mode = fs::metadata(path_in(&data)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mode = fs::metadata(&data).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "the database is in it too");
        let second = Secrets::of(&data).unwrap();
        assert_eq!(first.active_key.expose_secret(), second.active_key.expose_secret());
        assert_eq!(first.admin_password.expose_secret(), second.admin_password.expose_secret());
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "the draft is gone");
    }

    #[test]
    fn a_folder_from_before_there_were_join_keys_gets_one_and_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::of(folder.path()).unwrap();
        let text = fs::read_to_string(path_in(folder.path())).unwrap();
        fs::write(path_in(folder.path()), text.split("join_key").next().unwrap()).unwrap();

        let second = Secrets::of(folder.path()).unwrap();
        assert_eq!(first.active_key.expose_secret(), second.active_key.expose_secret());
        assert_ne!(first.join_key.expose_secret(), second.join_key.expose_secret());
        let third = Secrets::of(folder.path()).unwrap();
        assert_eq!(second.join_key.expose_secret(), third.join_key.expose_secret());
        let mode = fs::metadata(path_in(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_broken_file_is_told_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(path_in(folder.path()), "waiting_secret = \"hunter2").unwrap();
        let error = format!("{:#}", Secrets::of(folder.path()).unwrap_err());
        assert!(error.contains("secrets.toml") && !error.contains("hunter2"), "{error}");
    }
}
