//! Where PostgreSQL is installed, and whom it may run as.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Account;
use crate::program::{self, is_program};
use crate::start_error::StartError;

/// The folder that has both `initdb` and `postgres`.
///
/// Debian keeps them off PATH, in one folder a version; a lone `postgres` on PATH (a link, a wrapper) is no
/// installation, since `initdb` must be of the same version.
pub(super) fn binaries() -> Result<PathBuf, StartError> {
    reported_by_pg_config()
        .into_iter()
        .chain(versioned("/usr/lib/postgresql", "bin"))
        .chain(versioned("/opt/homebrew/opt", "bin"))
        .chain(versioned("/usr/local/opt", "bin"))
        .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()))
        .find(|folder| is_program(&folder.join("initdb")) && is_program(&folder.join("postgres")))
        .ok_or(StartError::NotInstalled("PostgreSQL"))
}

fn reported_by_pg_config() -> Option<PathBuf> {
    let output = Command::new(program::find(&["pg_config"], &[]).ok()?).arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// `root/<entry>/leaf` for each entry, the highest version first.
fn versioned(root: &str, leaf: &str) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort_by_key(|path| std::cmp::Reverse(version(path)));
    entries.into_iter().map(|path| path.join(leaf)).collect()
}

/// The number in a folder name such as `15` or `postgresql@17`; 0 when there is none.
fn version(path: &Path) -> u32 {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

/// Whom the server runs as: PostgreSQL refuses to run as root, so root lends it another account.
pub(super) fn account() -> Result<Option<Account>, StartError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|user| Some(Account { uid: id("-u", user)?, gid: id("-g", user)? }))
        .map(Some)
        .ok_or(StartError::NotInstalled("a user `postgres` or `nobody`"))
}

fn id(which: &str, user: &str) -> Option<u32> {
    let output = Command::new("id").args([which, user]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version(Path::new("/usr/lib/postgresql/15")) > version(Path::new("/usr/lib/postgresql/9")));
        assert_eq!(version(Path::new("/opt/homebrew/opt/postgresql@17")), 17);
        assert_eq!(version(Path::new("/opt/homebrew/opt/wget")), 0);
    }

    #[test]
    fn the_chosen_folder_has_both_programs() {
        let folder = binaries().unwrap();
        assert!(is_program(&folder.join("initdb")) && is_program(&folder.join("postgres")));
    }
}
