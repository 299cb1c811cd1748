//! What every store keeps, as examples and as whole days held against the store in memory.
//!
//! [`store_contract!`](crate::store_contract) makes a named test of each example for one store.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an answer of any other kind fails the example"
)]

mod stage;

pub mod bulk;
pub mod calls;
pub mod clock;
pub mod counting;
pub mod creation;
pub mod days;
pub mod deliveries;
pub mod erasing;
pub mod explaining;
pub mod keys;
pub mod moving;
pub mod queueing;
pub mod remembering;
pub mod retention;
pub mod searching;
pub mod side_by_side;
pub mod staff;
pub mod webhooks;

pub use stage::Stage;

/// A test for each example of the contract, over stores that an expression opens.
///
/// The expression is a function from an `Arc<dyn Clock>` to a future of an empty
/// `Arc<dyn Store>` that takes its time from that clock.
/// The crate that uses it has tokio with macros among its dependencies for tests.
#[macro_export]
macro_rules! store_contract {
    ($open:expr) => {
        $crate::store_contract!(@each $open;
            creation::a_create_is_read_back,
            creation::doing_it_again_makes_another,
            creation::a_dry_run_writes_nothing,
            creation::the_newest_of_an_external_task_id_is_found,
            creation::a_key_answers_the_same_again,
            creation::a_key_with_another_body_is_refused,
            creation::one_key_at_a_time_makes_one_callback,
            remembering::whatever_is_made_under_a_key_is_made_once,
            remembering::an_existing_callback_is_remembered,
            remembering::a_secret_is_not_shown_again,
            remembering::one_key_at_a_time_makes_one_user,
            remembering::old_answers_are_forgotten_in_batches,
            bulk::a_batch_makes_what_can_be_made,
            bulk::a_whole_batch_is_all_or_nothing,
            bulk::a_batch_under_a_key_is_made_once,
            bulk::what_was_found_is_cancelled_unless_it_moved_on,
            retention::what_ended_long_ago_is_removed_with_its_story,
            retention::the_ledger_is_read_over_its_gaps,
            erasing::a_persons_callbacks_go_and_others_stay,
            erasing::a_call_is_hung_up_before_its_callback_goes,
            erasing::what_is_kept_about_the_line_goes,
            creation::a_full_queue_refuses,
            creation::duplicates_are_rejected_or_returned_as_the_service_wants,
            creation::a_terminated_callback_is_no_duplicate,
            creation::a_service_that_changed_meanwhile_is_told,
            calls::a_task_goes_from_offer_to_hang_up,
            calls::a_repeated_move_changes_nothing,
            calls::a_wrong_token_is_refused_and_changes_nothing,
            calls::a_stale_version_is_refused,
            calls::a_decline_brings_it_back_to_its_place,
            calls::an_outcome_that_counts_makes_a_retry,
            calls::the_last_retry_exhausts,
            calls::an_opt_out_suppresses_the_line,
            calls::cancel_stops_the_attempt_and_holds_the_line_until_its_end,
            calls::reports_are_taken_once_and_in_order,
            calls::a_driver_that_lives_keeps_the_lease,
            calls::a_failed_attempt_pauses_without_a_retry,
            calls::a_new_node_takes_over_what_the_old_one_left,
            calls::a_fulfilled_callback_is_over,
            clock::a_callback_comes_due,
            clock::the_allowed_wait_ends,
            clock::a_closed_service_postpones,
            clock::work_after_a_call_ends,
            clock::a_stop_that_nobody_answers_ends_by_the_clock,
            clock::a_tick_says_when_more_is_due,
            clock::a_survey_tells_the_earliest_deadline,
            clock::the_next_deadline_is_the_earliest,
            clock::an_edit_of_the_hours_moves_deadlines_in_batches,
            queueing::what_becomes_ready_goes_to_the_longest_idle,
            queueing::what_is_held_does_not_bring_its_agent_forward,
            queueing::levels_share_by_weight,
            queueing::within_a_level_the_earlier_goes_first,
            queueing::one_line_is_called_once_at_a_time,
            queueing::a_suppressed_line_waits_until_it_is_free,
            queueing::a_suppression_ends_by_the_clock,
            queueing::a_service_caps_its_sessions,
            queueing::a_line_is_called_so_often_in_a_day,
            queueing::a_held_callback_waits_for_its_agent,
            queueing::an_edit_of_the_priority_keeps_the_place,
            queueing::an_edit_of_the_target_moves_to_the_other_line,
            queueing::a_new_due_date_leaves_the_queue,
            queueing::positions_and_figures_agree,
            explaining::the_last_suppression_says_when_the_gate_opens,
            explaining::a_hold_for_this_agent_changes_nothing_for_them,
            explaining::only_work_after_a_call_ends_by_the_clock,
            explaining::the_queue_opens_when_the_service_does,
            explaining::who_is_pushed_to_is_asked_before_who_pulls,
            searching::every_filter_finds_what_it_names,
            searching::every_order_sorts_as_defined,
            searching::pages_join_to_the_whole,
            searching::an_offset_skips,
            searching::a_set_of_services_narrows,
            searching::history_is_read_in_pieces,
            counting::each_hour_has_what_happened_in_it,
            counting::nothing_outside_the_hours_is_counted,
            staff::services_are_made_replaced_and_removed,
            staff::users_are_made_replaced_and_removed,
            staff::what_is_in_use_is_not_removed,
            staff::what_is_over_outlives_its_service,
            staff::an_address_is_one_ones,
            staff::lists_are_by_name,
            keys::a_key_is_read_back_whole,
            keys::a_revoked_key_stays_revoked_whatever_is_noted,
            keys::a_use_is_written_once_a_minute,
            keys::the_first_admin_is_first,
            keys::a_key_names_what_there_is,
            keys::what_happens_to_keys_is_in_the_ledger,
            keys::a_session_lives_with_its_key,
            side_by_side::thirty_two_tasks_share_a_queue,
            side_by_side::thirty_two_creates_all_arrive,
            deliveries::what_happens_is_sent_once_and_in_order,
            webhooks::a_subscription_gets_what_it_asks_for,
            deliveries::a_failure_is_repeated_and_holds_back_its_own_callback,
            deliveries::what_fails_for_days_is_given_up,
            deliveries::a_lease_that_lapses_is_another_ones,
            deliveries::so_many_are_sent_at_a_time,
            webhooks::who_fails_for_long_or_is_gone_is_disabled,
            webhooks::both_secrets_sign_until_the_overlap_is_over,
            deliveries::what_is_sent_again_has_its_old_id,
            deliveries::a_trial_is_sent_once,
            webhooks::a_webhook_goes_with_its_deliveries,
            deliveries::deliveries_are_listed_and_counted,
            days::a_day_goes_as_in_memory,
            days::a_day_of_dialling_agents_goes_as_in_memory,
        );
    };
    (@each $open:expr; $($place:ident::$name:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            $crate::contract::$place::$name(&$open).await;
        }
    )+};
}
