//! Open files: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises this process's own limit of open files as far as the system allows.
///
/// Many shells start processes with a soft limit of 1,024, kept for programs that use `select`; a waiting room of a
/// thousand streams would stop accepting. Where the limit cannot be raised the old one stays, and the log says so.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => {
            tracing::debug!(descriptors.before = current, descriptors.now = maximum, "raised the limit of open files");
        }
        Err(error) => tracing::warn!(%error, descriptors.limit = current, "the limit of open files cannot be raised"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_what_the_system_allows() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let lower = maximum.map_or(1_024, |most| most.min(1_024));
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), maximum }).unwrap();
        raise_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    }
}
