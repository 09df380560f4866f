//! Memory of another process, from the kernel's own account.

use anyhow::Context;

/// What a process holds in memory, in megabytes (10^6 bytes).
pub(super) fn resident(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("cannot read the process's memory")?;
    kibibytes(&status).map(|size| size * 1024.0 / 1e6).context("the process's memory is unreadable")
}

fn kibibytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_read() {
        assert_eq!(kibibytes("Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n"), Some(1024.0));
    }
}
