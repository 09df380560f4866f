//! Where the programs that tests need are found.

use std::path::{Path, PathBuf};

use crate::start_error::StartError;

/// The first of `names` found in the folders of PATH, or in one of `folders`.
///
/// # Errors
/// [`StartError::NotInstalled`] with the first name.
pub(crate) fn find(names: &[&'static str], folders: &[&str]) -> Result<PathBuf, StartError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).chain(folders.iter().map(PathBuf::from)).collect();
    names
        .iter()
        .find_map(|name| places.iter().map(|place| place.join(name)).find(|file| is_program(file)))
        .ok_or(StartError::NotInstalled(names.first().copied().unwrap_or_default()))
}

/// Whether `file` (links followed) can be run.
pub(crate) fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_remedy() {
        let error = find(&["no-such-server"], &["/nowhere"]).unwrap_err();
        assert_eq!(error.to_string(), "no-such-server is not installed: run `make deps`");
    }

    #[test]
    fn a_program_on_the_path_is_found() {
        assert!(find(&["no-such-shell", "sh"], &[]).is_ok());
    }
}
