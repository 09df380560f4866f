//! What is said of settings that were not taken.

use contract::ids::QueueName;
use jiff::{SignedDuration, Timestamp};

use crate::line::{BY_SETTINGS, Baseline, Change, Control, Lever};

/// Says where a gateway's settings differ from those in force, which are newer; nothing where they do not.
pub(super) fn tell_of_refused(queue: &QueueName, own: &Baseline, in_force: &Control) {
    if own.says_the_same(&in_force.baseline) {
        return;
    }
    tracing::warn!(
        %queue,
        differences = differences(own, in_force),
        settings.as_of = %own.as_of,
        in_force.as_of = %in_force.baseline.as_of,
        "the settings of a queue are older than those in force, and were not taken: change the file to put them in force"
    );
}

fn differences(own: &Baseline, in_force: &Control) -> String {
    let here = Control { baseline: own.clone(), ..in_force.clone() };
    let differences = Change::between(&here, in_force, in_force.baseline.as_of, BY_SETTINGS);
    let differences = differences.map(|Change { lever, from, to, .. }| {
        format!("{} is {} and {} here", lever.name(), in_words(lever, to), in_words(lever, from))
    });
    differences.collect::<Vec<_>>().join(", ")
}

/// What the record has of a lever, as people write it.
fn in_words(lever: Lever, text: Option<String>) -> String {
    let Some(text) = text else { return "none".to_owned() };
    let micros = text.parse::<i64>().ok();
    let words = match lever.name() {
        name if name.ends_with("_seconds") => {
            micros.map(|micros| SignedDuration::from_micros(micros).as_secs_f64().to_string())
        }
        name if name.ends_with("_at") => {
            micros.and_then(|at| Timestamp::from_microsecond(at).ok()).map(|at| at.to_string())
        }
        _ => None,
    };
    words.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::line::{AdmissionLimits, DrawSecret, Lifetimes, Schedule};

    #[test]
    fn it_is_said_from_what_to_what() {
        let time = Duration::from_mins(1);
        let lifetimes =
            Lifetimes { arrive: time, claim: time, claim_at_most: time, active: time, grace: time, come_back: time };
        let own = Baseline {
            as_of: Timestamp::UNIX_EPOCH,
            limits: AdmissionLimits { rate_per_second: 2.5, cap: 9 },
            lifetimes,
            max_places: 10,
            schedule: Schedule::default(),
            invitations: None,
            message: None,
        };
        let other = Baseline {
            limits: AdmissionLimits { rate_per_second: 3.0, cap: 9 },
            lifetimes: Lifetimes { grace: 2 * time, ..lifetimes },
            schedule: Schedule { opens_at: Some(Timestamp::UNIX_EPOCH), ..Schedule::default() },
            ..own.clone()
        };
        assert_eq!(
            differences(&own, &Control::begin(other, DrawSecret([7; 32]))),
            "settings.rate_per_second is 3 and 2.5 here, settings.grace_seconds is 120 and 60 here, \
             settings.opens_at is 1970-01-01T00:00:00Z and none here"
        );
    }
}
