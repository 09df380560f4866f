//! The active users against the cap, and whether their slots come free.

use std::time::Duration;

use super::{Evidence, Finding, loss};

/// The slots as the queue's public state showed them.
#[derive(Debug)]
pub(super) struct Active {
    most: u64,
    cap: u64,
    /// After a loss of the store.
    since_loss: Option<SinceLoss>,
    looks: u64,
    still: u64,
    settled_after: Option<Duration>,
    most_waiting: u64,
    most_present: u64,
    most_parked: u64,
}

/// The slots after a loss of the store: those that are given back may exceed the cap by as many as were admitted when
/// the gateways may not have heard of it.
#[derive(Clone, Copy, Debug)]
struct SinceLoss {
    most: u64,
    bound: u64,
}

impl Active {
    pub(super) fn of(evidence: Evidence<'_>) -> Self {
        let observed = evidence.observed;
        let since_loss = observed.loss.map(|loss| {
            let lost = loss::in_lost_stretch(loss, evidence.reports, evidence.arguments.promised);
            SinceLoss { most: loss.most_active, bound: observed.active_cap + lost as u64 }
        });
        Self {
            most: observed.most_active,
            cap: observed.active_cap,
            since_loss,
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
        let since = self.since_loss.map_or_else(String::new, |since| {
            format!("; since the loss at most {}, bound {}", since.most, since.bound)
        });
        vec![
            ("active users", format!("at most {}, cap {}, seen {} times{since}", self.most, self.cap, self.looks)),
            ("all slots free after the last", settled),
            ("the line", format!("at most {most_waiting} waiting, {most_present} present, {most_parked} parked")),
        ]
    }

    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.most > self.cap {
            broken.push(format!("{} active users under a cap of {}", self.most, self.cap));
        }
        if let Some(SinceLoss { most, bound }) = self.since_loss.filter(|since| since.most > since.bound) {
            broken.push(format!("{most} active users after the loss of the store, at most {bound} may be"));
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
    use crate::rush::{
        crowd::Role,
        observer::{Loss, Observed},
        verdict::samples,
        visit::Outcome,
    };

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

    #[test]
    fn a_lost_store_may_exceed_the_cap_by_the_lost_stretch_alone() {
        let arguments = samples::arguments("");
        let mut buyer = samples::report(Role::Buys, Outcome::SoldOut);
        buyer.diary.turns.push(samples::turn(950, true));
        let reports = [buyer];
        let broken = |most_active| {
            let loss = Some(Loss { whole_at: samples::at(900), seen_at: samples::at(1_000), most_active });
            let observed = Observed { active_cap: 5, loss, settled_after: Some(Duration::ZERO), ..Observed::default() };
            Active::of(samples::evidence(&arguments, &reports, &observed)).broken()
        };
        assert_eq!(broken(6), Vec::<String>::new());
        assert_eq!(broken(7), ["7 active users after the loss of the store, at most 6 may be"]);
    }
}
