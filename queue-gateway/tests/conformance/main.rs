//! The contract of the line, held against every engine: in process, on a Redis, on a Redis Cluster and behind
//! Sentinels.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The times of these tests are constants.
#![allow(clippy::unchecked_time_subtraction)]

mod active;
mod admission;
mod arriving;
mod awaiting;
mod clock;
mod comparison;
mod control;
mod draw;
mod failover;
mod fixture;
mod gateway;
mod gateways;
mod hearing;
mod horizon;
mod inviting;
mod joining;
mod late;
mod leaving;
mod life;
mod log;
mod mirror;
mod model;
mod networks;
mod one_dead_node;
mod operations;
mod outage;
mod over;
mod parking;
mod presence;
mod races;
mod rejoining;
mod remembering;
mod returning;
mod sales;
mod setting_back;
mod time;

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
        a_join_without_contact_waits_whatever_the_room
        a_full_line_refuses_fresh_places_alone
        joins_in_one_step_come_one_after_another
        one_of_those_who_come_in_one_step_goes_straight_in_and_the_others_wait
        a_line_full_of_ghosts_is_passed_by_whoever_is_there
        a_queue_that_nobody_configured_is_an_error_in_every_step
        the_line_is_read_in_pages
        the_front_is_read_in_pages
    }
    admission {
        whoever_finds_nobody_waiting_is_admitted_at_once
        whoever_finds_somebody_present_waiting_waits
        whoever_joins_waits_while_a_gateway_does_not_tell_of_all_who_are_present
        an_idle_queue_banks_no_burst
        time_in_which_nobody_present_waits_banks_no_burst
        a_second_of_waiting_is_worth_a_second_of_admissions
        a_rate_of_nothing_admits_nobody
        half_an_admission_a_second_is_one_every_two_seconds
        a_candidate_is_given_out_once
        admissions_in_any_window_stay_within_the_rate_and_one_burst
        the_cap_is_never_exceeded
        thousands_are_admitted_in_one_step
    }
    active {
        an_unused_slot_is_free_after_the_time_to_arrive
        a_claimed_slot_lives_until_the_token_expires
        claiming_again_is_harmless_and_others_are_refused
        a_token_that_nobody_gave_out_is_gone
        releasing_frees_the_slot_at_once
        revoking_frees_a_slot_that_the_site_has_not_claimed
        a_slot_never_outlives_its_token
        more_slots_than_one_sweep_takes_run_out_at_once
    }
    leaving {
        who_leaves_the_line_lets_the_others_up
        who_leaves_is_no_longer_ready
        who_leaves_while_active_frees_the_slot
        a_claimed_slot_is_not_ended_by_leaving
        who_is_absent_leaves_nothing_behind
    }
    returning {
        places_of_an_older_epoch_keep_their_order_before_all_new_ones
        whoever_comes_back_waits_even_when_there_is_room
        a_place_of_this_epoch_is_not_given_back
        a_place_that_is_taken_is_not_given_twice
        a_place_of_an_older_epoch_is_given_back_once
        a_place_of_an_older_epoch_that_has_expired_here_is_not_given_back
        an_active_token_of_an_older_epoch_is_taken_in_again
        a_turn_that_was_released_here_is_not_taken_in_again
        a_readmitted_visitor_leaves_the_line
        whoever_has_a_live_slot_is_not_readmitted_to_another
        an_active_token_of_this_epoch_is_not_readmitted
    }
    awaiting {
        whoever_comes_back_in_time_goes_in_by_the_old_order
        a_queue_to_which_nobody_comes_back_waits_for_nobody
        nobody_is_awaited_twice
        nobody_is_awaited_once_somebody_has_been_admitted_for_a_while
        whoever_was_admitted_before_the_first_came_back_loses_no_time
        a_token_that_gives_no_place_back_opens_nothing
        a_paused_queue_is_shown_as_paused_and_waits_meanwhile
        the_time_is_over_before_an_opening_that_is_far_enough
        numbers_of_a_lost_draw_await_nobody
        both_lanes_wait_for_whoever_comes_back_to_one
        less_time_in_the_settings_ends_it_and_a_clock_that_steps_back_does_not_prolong_it
        a_line_that_gateways_gave_back_awaits_nobody
    }
    log {
        the_newest_snapshot_is_kept_for_late_gateways
        the_log_tells_every_change_to_the_line
        the_log_is_read_in_stretches
        replaying_the_log_on_a_snapshot_gives_the_line
        trimmed_entries_are_a_gap
        another_epoch_and_the_future_are_a_gap
    }
    draw {
        whoever_joins_before_an_opening_by_draw_gets_a_number
        the_first_who_joins_settles_how_a_queue_opens
        a_draw_is_decided_by_the_first_step_after_the_opening
        a_draw_with_a_named_source_waits_for_its_beacon
        a_queue_without_a_source_takes_no_beacon
        places_are_dealt_in_order_whoever_deals
        the_drawn_go_in_by_their_places_and_later_ones_behind_them
        whoever_leaves_leaves_by_number_or_by_place
        a_crowd_is_dealt_in_many_steps
        what_was_given_before_a_draw_gives_a_number
        nothing_is_dealt_of_another_draw
        whoever_was_handed_back_at_a_number_has_the_drawn_place
        leaving_and_joining_again_gives_numbers_only_so_often
        the_secret_of_a_queue_is_that_of_its_beginning
    }
    life {
        joins_are_taken_from_the_pre_queue_until_the_closing
        whoever_has_a_place_keeps_it_whatever_the_queue_does
        nobody_is_admitted_before_the_opening_and_credit_counts_from_it
        nobody_is_admitted_from_the_closing_on
        a_draining_queue_lets_in_those_in_the_line_and_nobody_new
        the_grace_time_runs_only_while_the_queue_admits
        an_operators_times_go_over_those_of_the_settings
        changed_times_are_on_record
    }
    control {
        the_baseline_governs_until_an_operator_overrides_it
        of_two_baselines_the_newer_governs
        an_override_is_returned_to_the_baseline
        the_revision_moves_only_when_something_changes
        nobody_is_admitted_while_paused_and_no_credit_is_banked
        a_new_rate_counts_from_the_moment_of_the_change
        a_reloaded_rate_counts_from_the_moment_of_the_reload
        a_lowered_cap_ends_no_slot
        the_message_is_kept_as_it_is
        every_change_is_on_record_with_who_and_when_and_what_was_before
        the_oldest_changes_make_room
    }
    races {
        one_visitor_who_joins_many_times_at_once_has_one_place
        many_gateways_admit_no_more_than_one
        whoever_leaves_while_being_admitted_is_counted_once
        joins_and_admissions_at_once_keep_to_the_cap
        one_of_many_gateways_that_forget_a_visitor_leaves_them_ready
        a_gateway_that_begins_many_times_at_once_is_one
        a_slot_claimed_by_many_at_once_has_one_holder
    }
    presence {
        absent_visitors_are_never_admitted_and_hold_nobody_up
        ten_thousand_ghosts_at_the_front_are_crossed_in_a_few_steps
        the_lowest_of_all_who_are_present_are_admitted
        a_gateway_that_covers_less_holds_admission_at_its_cover
        nobody_is_admitted_at_a_place_that_a_gateway_did_not_know_of
        nobody_goes_straight_in_before_somebody_who_has_just_joined
        whoever_is_reported_within_the_cover_goes_before_whoever_stands_beyond_it
        a_visitor_at_two_gateways_is_present_as_long_as_one_has_them
        whoever_is_gone_from_every_gateway_is_not_admitted
        whoever_has_no_place_does_not_become_ready
    }
    horizon {
        the_ready_set_stays_near_what_is_wanted
        too_long_a_ready_set_draws_the_horizon_in
        whoever_is_ready_beyond_the_horizon_is_within_it_in_time
        the_horizon_widens_to_the_lowest_reach_of_the_gateways
    }
    parking {
        passed_visitors_who_come_back_in_time_are_next_and_in_order
        passed_places_expire_in_one_entry_with_the_survivors_named
        whoever_is_seen_again_has_the_whole_grace_time_anew
        a_first_no_show_is_parked_and_next_when_back
        a_second_no_show_is_out
        an_arrival_wipes_out_an_earlier_no_show
        a_first_no_show_who_stays_away_departs_after_the_grace_time
        places_passed_within_a_second_expire_together_with_the_last
        more_survivors_than_one_entry_names_go_into_the_next
        whoever_joins_again_before_an_expired_place_is_cleared_keeps_the_new_one
        whoever_is_present_below_the_watermark_keeps_the_place_however_many_they_are
        no_place_expires_while_a_gateway_does_not_tell_of_all_who_were_passed
    }
    arriving {
        an_arrival_begins_the_time_for_a_claim
        signs_of_life_prolong_the_time_for_a_claim_up_to_a_limit
        a_sign_of_life_never_shortens_what_was_promised
        whoever_polls_has_until_the_next_poll_and_the_time_to_arrive
        whoever_polls_at_several_gateways_has_until_the_latest_poll
        a_later_poll_moves_the_time_to_arrive
        a_claim_counts_as_an_arrival
        an_arrived_visitor_may_leave
    }
    inviting {
        the_invited_stand_in_a_lane_of_their_own
        an_invitation_gives_one_place_once
        an_invitation_that_gives_no_place_is_not_used
        one_invitation_brought_by_many_at_once_gives_one_place
        whoever_stands_in_the_line_changes_lanes_with_an_invitation
        while_both_lanes_wait_each_has_its_share
        one_lane_alone_has_all_admissions
        a_presale_lets_in_the_invited_alone
        the_invited_wait_for_no_draw_and_take_no_part_in_it
        nobody_in_the_lane_is_passed
        an_invited_first_no_show_has_the_place_again
        a_place_in_the_lane_of_an_older_epoch_is_given_back_once
        a_full_line_takes_whoever_is_invited
        of_a_held_back_network_the_invited_go_first
        whoever_stands_in_the_lane_of_a_queue_that_invites_nobody_any_more_goes_first
        an_invited_visitor_with_nobody_before_them_goes_straight_in
    }
    rejoining {
        a_line_that_is_handed_back_is_as_it_was
        nobody_joins_or_is_admitted_until_the_line_is_back
        a_store_that_nobody_remembers_waits_for_some_seconds
        whoever_is_reported_at_a_place_that_was_handed_back_has_it
        a_place_that_was_handed_back_is_given_to_one_who_comes_with_its_token
        a_line_that_goes_on_is_not_given_back
        those_who_were_passed_have_the_whole_grace_time_anew
        the_slots_that_are_handed_back_count_and_do_not_come_to_life_again
        a_claimed_slot_is_handed_back_as_its_holders
        a_draw_that_is_handed_back_goes_on
        a_join_with_an_old_token_does_not_keep_a_line_from_being_given_back
        nobody_goes_straight_in_past_a_line_that_has_just_come_back
    }
    remembering {
        whoever_remembers_more_is_believed
        whoever_remembers_less_adds_the_places_that_they_alone_know
        as_many_gateways_are_heard_as_there_were
        what_others_alone_know_of_is_not_taken_away
        when_who_remembers_most_falls_silent_the_next_best_is_believed
        the_orders_of_whoever_remembers_most_count
        orders_that_are_handed_back_are_on_record
        what_is_ordered_while_the_line_comes_back_stands
        an_older_memory_brings_nobody_back_to_the_priority_lane
        a_line_of_which_a_part_is_missing_goes_on_after_a_minute
    }
    hearing {
        a_store_that_nobody_remembers_anything_of_goes_on_within_seconds
        gateways_that_were_there_are_waited_for_a_minute
        of_two_histories_the_later_one_counts_however_long_the_log_of_the_other
        no_clock_that_is_set_back_makes_a_wait_longer
        a_gateway_that_is_stopped_for_seconds_is_waited_for
        a_slot_that_is_claimed_is_not_given_up_for_one_that_was_told_before
        one_gateway_at_a_time_tells_of_all_places
        whoever_tells_of_a_line_is_not_cut_short
        nobody_is_waited_for_for_ever
        when_the_only_one_who_knows_more_falls_silent_the_store_goes_by_itself
        no_snapshot_of_an_earlier_history_is_kept
    }
    setting_back {
        a_store_that_was_set_back_has_everything_again
        a_memory_of_less_changes_nothing
        joins_alone_are_given_back
        nothing_happens_in_a_line_that_waits_for_its_gateways
        nobody_goes_straight_in_before_a_gateway_has_reported
        whoever_hands_back_half_of_a_line_takes_nobodys_turn
        whoever_went_straight_in_from_another_place_has_the_slot
        whoever_was_ready_and_is_not_reported_anew_is_away
        a_lost_pause_stays_a_pause
        whoever_had_arrived_in_the_lost_stretch_is_no_no_show
        a_claim_of_the_lost_stretch_is_its_holders
        whoever_has_claimed_here_stays_the_holder
        a_place_that_came_back_in_the_lost_stretch_comes_back_once
        the_numbers_of_a_draw_stay_closed
    }
    sales {
        any_line_is_given_back
    }
    networks {
        two_hundred_who_never_arrive_hold_one_slot_at_a_time_after_the_first_eight
        a_held_back_network_holds_up_nobody_else
        a_network_is_held_back_whatever_the_gateway_reports
        a_free_slot_goes_to_the_lowest_of_its_network_without_a_word_about_the_others
        a_network_of_which_seventy_percent_arrive_is_not_held_back
        an_unknown_network_is_never_held_back
        whoever_comes_from_a_held_back_network_does_not_go_straight_in
        arrivals_lift_what_holds_a_network_back
        whoever_leaves_before_arriving_has_not_arrived
        the_window_of_ten_minutes_ends
        whoever_has_arrived_is_not_on_the_way_when_the_window_ends
        whoever_is_on_the_way_when_the_window_ends_does_not_cost_a_network_its_trust
        the_oldest_networks_are_forgotten_when_there_are_too_many
    }
    time {
        the_time_to_arrive_stands_still_while_no_gateway_steps
        the_time_for_a_claim_stands_still_while_no_gateway_steps
        the_grace_time_stands_still_while_no_gateway_steps
        line_time_runs_when_no_gateway_is_registered
        a_gateway_is_not_gone_because_the_store_was_away
        a_token_expires_by_the_stores_clock_whatever_the_gateways_do
        the_grace_time_stands_still_while_paused_and_the_time_to_arrive_does_not
        a_clock_that_steps_back_gives_no_credit_and_does_not_halt_it
        a_clock_that_steps_back_costs_and_gives_nobody_line_time
        a_clock_that_jumps_ahead_and_back_costs_nobody_a_turn
    }
    gateways {
        the_visitors_of_a_gateway_that_falls_silent_are_not_ready
        a_silent_gateway_holds_admission_at_its_cover_only_while_it_lives
        the_visitors_of_a_gateway_that_ends_are_not_ready
        passed_visitors_of_a_gateway_that_ends_are_away_again
        a_gateway_that_the_store_has_forgotten_begins_anew
        a_gateway_that_begins_anew_has_whom_it_reports_now
        a_report_that_comes_after_a_later_one_says_nothing_of_presence
        a_late_report_does_not_keep_its_gateway_alive
        whoever_has_another_place_than_the_reported_one_does_not_become_ready
        a_gateway_that_ends_and_begins_again_does_not_bring_its_former_visitors_back
        a_gateway_of_another_epoch_is_not_believed
        every_gateway_hears_who_is_present_where
        a_gateway_whose_log_was_trimmed_meanwhile_finds_a_gap_and_its_report_is_taken_in
        a_stranger_who_ends_or_goes_on_leaves_nothing_behind
    }
    over {
        where_somebody_stands_is_what_the_next_sweep_makes_of_them
        leaving_with_what_is_over_is_leaving_as_one_stands
        joining_with_what_is_over_gives_the_place_that_one_has_or_a_fresh_one
        a_token_that_is_over_is_refused_by_every_step
        a_visitor_whose_place_is_over_does_not_become_ready
        whoever_only_asks_changes_nothing
    }
}
