//! The contract of the line, held against every engine: in process, on a Redis, on a Redis Cluster and behind Sentinels.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The times of these tests are constants.
#![allow(clippy::unchecked_time_subtraction)]

mod active;
mod admission;
mod comparison;
mod control;
mod failover;
mod fixture;
mod joining;
mod leaving;
mod log;
mod outage;
mod races;
mod returning;

use fixture::Fixture;

/// One test of each engine for each case.
macro_rules! on_every_engine {
    ($($module:ident { $($case:ident)+ })+) => {
        mod embedded {
            use super::*;
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $module::$case(Fixture::embedded(stringify!($case))).await;
            })+)+
        }
        mod redis {
            use super::*;
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $module::$case(Fixture::redis(stringify!($case)).await).await;
            })+)+
        }
        mod redis_cluster {
            use super::*;
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $module::$case(Fixture::redis_cluster(stringify!($case)).await).await;
            })+)+
        }
    };
}

on_every_engine! {
    joining {
        joining_twice_gives_the_same_place
        places_are_given_in_the_order_of_joining_without_gaps
        a_queue_that_nobody_configured_is_an_error_in_every_step
        the_line_is_read_in_pages
    }
    admission {
        whoever_finds_the_line_empty_is_admitted_at_once
        whoever_finds_somebody_waiting_waits
        an_idle_queue_banks_no_burst
        promotion_takes_the_front_of_the_line
        a_second_of_waiting_is_worth_a_second_of_admissions
        a_rate_of_nothing_admits_nobody
        half_an_admission_a_second_is_one_every_two_seconds
        a_candidate_is_given_out_once
        admissions_in_any_window_stay_within_the_rate_and_one_burst
        the_cap_is_never_exceeded
        thousands_are_promoted_in_one_step
    }
    active {
        an_unclaimed_slot_is_free_after_its_claim_time
        a_claimed_slot_lives_until_the_token_expires
        claiming_again_is_harmless_and_others_are_refused
        a_token_that_nobody_gave_out_is_gone
        releasing_frees_the_slot_at_once
        a_slot_never_outlives_its_token
        more_slots_than_one_sweep_takes_run_out_at_once
    }
    leaving {
        who_leaves_the_line_lets_the_others_up
        who_leaves_while_active_frees_his_slot
        who_is_absent_leaves_nothing_behind
        a_late_disconnect_does_not_undo_a_newer_connect
        only_those_present_are_recorded_as_connected
    }
    returning {
        places_of_an_older_epoch_keep_their_order_before_all_new_ones
        whoever_comes_back_waits_even_when_there_is_room
        a_place_of_this_epoch_is_not_given_back
        a_place_that_is_taken_is_not_given_twice
        an_active_token_of_an_older_epoch_is_taken_in_again
        a_readmitted_visitor_leaves_the_line
        whoever_has_a_live_slot_is_not_readmitted_to_another
        an_active_token_of_this_epoch_is_not_readmitted
    }
    log {
        the_log_tells_every_change_to_the_line
        the_log_is_read_in_stretches
        replaying_the_log_on_a_snapshot_gives_the_line
        trimmed_entries_are_a_gap
        another_epoch_and_the_future_are_a_gap
    }
    control {
        the_baseline_governs_until_an_operator_overrides_it
        an_override_is_returned_to_the_baseline
        the_revision_moves_only_when_something_changes
        nobody_is_admitted_while_paused_and_no_credit_is_banked
        a_new_rate_counts_from_the_moment_of_the_change
        a_reloaded_rate_counts_from_the_moment_of_the_reload
        a_lowered_cap_ends_no_slot
        the_message_is_kept_as_it_is
    }
    races {
        one_visitor_who_joins_many_times_at_once_has_one_place
        many_promoters_admit_no_more_than_one
        whoever_leaves_while_being_promoted_is_counted_once
        joins_and_promotions_at_once_keep_to_the_cap
        a_slot_claimed_by_many_at_once_has_one_holder
    }
}
