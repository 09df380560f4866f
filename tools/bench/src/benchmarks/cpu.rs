//! CPU time of another process, from the kernel's own account.

use std::time::Duration;

use anyhow::Context;

/// User and system time that a process has used since it began.
pub(super) fn time_of(pid: u32) -> anyhow::Result<Duration> {
    // Clock ticks in /proc are 1/100 s on every Linux that we know of (USER_HZ is part of the kernel's ABI).
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("cannot read the process's CPU time")?;
    let ticks = ticks(&stat).context("the process's CPU time is unreadable")?;
    Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

/// Fields 14 and 15; the second field may contain spaces, so counting begins after its closing parenthesis.
fn ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u32>().ok().map(f64::from);
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added_up() {
        let stat = "42 (a (strange) name) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 3 0 1 1 1";
        assert_eq!(ticks(stat), Some(300.0));
    }
}
