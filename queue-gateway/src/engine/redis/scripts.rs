//! The scripts: each is one atomic step of the contract, its text the library and a file of its own.

use fred::types::scripts::Script;

/// The library, which defines what the steps share and runs nothing by itself.
macro_rules! library {
    () => {
        concat!(
            include_str!("lua/library/queue.lua"),
            include_str!("lua/library/places.lua"),
            include_str!("lua/library/slots.lua"),
            include_str!("lua/library/rejoining.lua")
        )
    };
}

/// Every step with its hash, each from its parts and the file of its name, under the heading that says what Redis lets
/// it do.
macro_rules! scripts {
    ($($heading:literal { $($step:ident $(($($part:literal)+))?)+ })+) => {
        #[derive(Debug)]
        pub(super) struct Scripts {
            $($(pub(super) $step: Script,)+)+
        }

        impl Scripts {
            pub(super) fn new() -> Self {
                Self {
                    $($($step: Script::from_lua(
                        concat!(
                            $heading,
                            "\n",
                            library!(),
                            $($(include_str!(concat!("lua/", $part)),)+)?
                            include_str!(concat!("lua/", stringify!($step), ".lua"))
                        )
                    ),)+)+
                }
            }
        }
    };
}

// A full Redis takes nobody in, before a script has done anything. Those who are in go on, which is what empties it.
scripts! {
    "#!lua" { configure join publish }
    "#!lua flags=allow-oom" {
        rejoin hand_back name leave step("step/sweeping.lua" "step/admitting.lua") deal arrive claim release revoke control
    }
    "#!lua flags=no-writes" { status stats changes tail line front slots snapshot }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{
        engine::{
            LONGEST_STEP, MOST_CHANGES, MOST_LOST, MOST_NETWORKS, MOST_NUMBERS_PER_PLACE, MOST_SWEPT, OUTCOMES_LAST,
            PASSED_TOGETHER, USED_OUTLIVES,
        },
        line::{
            GATEWAY_LIVES, LONGEST_SNAPSHOT, MOST_HELD_BACK, REJOINING_AT_MOST, REJOINING_LASTS, REJOINING_PATIENCE,
            REJOINING_SETTLES, SNAPSHOT_EVERY, Sequence,
        },
    };

    #[test]
    fn the_library_has_the_constants_of_the_contract() {
        let times = [
            ("LONGEST_STEP", LONGEST_STEP),
            ("PASSED_TOGETHER", PASSED_TOGETHER),
            ("GATEWAY_LIVES", GATEWAY_LIVES),
            ("OUTCOMES_LAST", OUTCOMES_LAST),
            ("USED_OUTLIVES", USED_OUTLIVES),
            ("REJOINING_LASTS", REJOINING_LASTS),
            ("REJOINING_AT_MOST", REJOINING_AT_MOST),
            ("REJOINING_SETTLES", REJOINING_SETTLES),
            ("REJOINING_PATIENCE", REJOINING_PATIENCE),
        ]
        .map(|(name, time): (_, Duration)| (name, time.as_micros()));
        let counts = [
            ("MOST_NETWORKS", MOST_NETWORKS),
            ("MOST_HELD_BACK", MOST_HELD_BACK),
            ("MOST_LOST", MOST_LOST),
            ("MOST_SWEPT", MOST_SWEPT),
            ("MOST_CHANGES", MOST_CHANGES),
            ("LONGEST_SNAPSHOT", LONGEST_SNAPSHOT),
            ("SNAPSHOT_EVERY", usize::try_from(SNAPSHOT_EVERY).unwrap_or(usize::MAX)),
            ("MOST_NUMBERS_PER_PLACE", usize::try_from(MOST_NUMBERS_PER_PLACE).unwrap_or(usize::MAX)),
        ]
        .map(|(name, count)| (name, count as u128));
        for (name, value) in times.into_iter().chain(counts) {
            let line = format!("\nlocal {name} = {value}\n");
            assert!(library!().contains(&line), "expected {line:?}");
        }
        let numbers = format!("\nlocal NUMBERS_FROM, MOST_NUMBERS = {}, {}\n", Sequence::of_number(0).0, 1_i64 << 32);
        assert!(library!().contains(&numbers), "expected {numbers:?}");
        let invited =
            format!("\nlocal INVITED, INVITED_ORIGIN = {}, {}\n", Sequence::INVITED.0, Sequence::of_invited(0).0);
        assert!(library!().contains(&invited), "expected {invited:?}");
        let bounds = format!("\nlocal FIRST, LAST = {}, {}\n", Sequence::FIRST.0, Sequence::LAST.0);
        assert!(library!().contains(&bounds), "expected {bounds:?}");
    }

    #[test]
    fn the_library_runs_no_command_by_itself() {
        for line in library!().lines().filter(|line| !line.starts_with([' ', '-'])) {
            assert!(!line.contains("redis."), "{line:?} stands outside of the functions");
        }
    }
}
