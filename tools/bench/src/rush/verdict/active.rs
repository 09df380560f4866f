//! The active users against the cap, and whether their slots come free.

use std::time::Duration;

use super::{Evidence, Finding};

/// The slots as the queue's public state showed them.
#[derive(Debug)]
pub(super) struct Active {
    most: u64,
    cap: u64,
    looks: u64,
    still: u64,
    settled_after: Option<Duration>,
    most_waiting: u64,
    most_present: u64,
    most_parked: u64,
}

impl Active {
    pub(super) fn of(evidence: Evidence<'_>) -> Self {
        let observed = evidence.observed;
        Self {
            most: observed.most_active,
            cap: observed.active_cap,
            looks: observed.looks,
            still: observed.still_active,
            settled_after: observed.settled_after,
            most_waiting: observed.most_waiting,
            most_present: observed.most_present,
            most_parked: observed.most_parked,
        }
    }
}

impl Finding for Active {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { most_waiting, most_present, most_parked, .. } = self;
        let settled = self
            .settled_after
            .map_or_else(|| format!("{} were not", self.still), |after| format!("{:.1} s later", after.as_secs_f64()));
        vec![
            ("active users", format!("at most {}, cap {}, seen {} times", self.most, self.cap, self.looks)),
            ("all slots free after the last", settled),
            ("the line", format!("at most {most_waiting} waiting, {most_present} present, {most_parked} parked")),
        ]
    }

    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.most > self.cap {
            broken.push(format!("{} active users under a cap of {}", self.most, self.cap));
        }
        if self.settled_after.is_none() {
            broken.push(format!("{} slots were still taken long after everybody had left", self.still));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::{observer::Observed, verdict::samples};

    #[test]
    fn the_cap_holds_and_all_slots_come_free() {
        let arguments = samples::arguments("");
        let broken = |most_active, still_active| {
            let settled_after = (still_active == 0).then_some(Duration::ZERO);
            let observed = Observed { most_active, active_cap: 5, still_active, settled_after, ..Observed::default() };
            Active::of(samples::evidence(&arguments, &[], &observed)).broken()
        };
        assert_eq!(broken(5, 0), Vec::<String>::new());
        assert_eq!(
            broken(6, 2),
            ["6 active users under a cap of 5", "2 slots were still taken long after everybody had left"]
        );
    }
}
