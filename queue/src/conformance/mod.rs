//! What every backend promises, as one list of cases.
//!
//! Outside semver. A backend of your own runs the list by a
//! [`Fixture`](entourage_engine::conformance::Fixture) whose subject is a [`Subject`]:
//!
//! ```no_run
//! use std::{process::ExitCode, sync::Arc};
//!
//! use entourage_engine::conformance::{Fixture, trials};
//! use entourage_queue::conformance::{ManualClock, NEED_REOPEN, Subject, cases};
//! # fn open_my_queue(_: Arc<ManualClock>) -> Arc<dyn entourage_queue::Queue> { unimplemented!() }
//!
//! #[derive(Clone)]
//! struct Mine;
//!
//! impl Fixture for Mine {
//!     type Guard = ();
//!     type Subject = Subject;
//!     const NAME: &'static str = "mine";
//!
//!     async fn open(&self) -> ((), Subject) {
//!         let clock = ManualClock::new();
//!         ((), Subject::new(open_my_queue(clock.clone()), clock))
//!     }
//!
//!     fn exempt(&self, case: &str) -> Option<String> {
//!         NEED_REOPEN.contains(&case).then(|| "opened once only".to_owned())
//!     }
//! }
//!
//! // tests/conformance.rs, with `harness = false`
//! fn main() -> ExitCode {
//!     entourage_engine::conformance::main([trials(Mine, cases())])
//! }
//! ```
//!
//! Time is the suite's own: a [`ManualClock`] stands still until a case moves it, whatever
//! threads the backend has. [`MUTANTS`] are queues that are wrong on purpose, by which the
//! list itself is tested.

mod bundle;
mod capacity;
mod dead;
mod delay;
mod delivery;
mod groups;
mod handles;
mod lease;
mod limits;
mod member;
mod mutants;
mod order;
mod priority;
mod publish;
mod settle;
mod state;
mod stats;
mod step;
mod subject;

pub use entourage_engine::conformance::ManualClock;
use entourage_engine::conformance::{Case, cases, patience};

pub use self::{
    member::Member,
    mutants::{HARMLESS, MUTANTS},
    subject::{Reopen, Subject},
};

/// Every case: what the contracts of [`Queue`](crate::Queue), [`Receiver`](crate::Receiver)
/// and [`Settler`](crate::Settler) say, as functions that may fail.
#[must_use]
pub fn cases() -> Vec<Case<Subject>> {
    cases![
        publish::what_was_published_is_delivered_as_it_was,
        publish::a_batch_is_taken_whole_or_not_at_all,
        publish::a_dropped_publish_is_whole_or_nothing,
        publish::publishing_twice_adds_nothing,
        publish::a_settled_items_id_is_remembered,
        publish::an_id_is_forgotten_after_its_window,
        publish::the_oldest_ids_are_forgotten_beyond_their_count,
        publish::an_id_twice_in_one_batch_counts_once,
        publish::an_id_names_an_item_of_its_topic_alone,
        publish::a_batch_without_items_is_published,
        delivery::every_item_is_delivered_until_it_is_done,
        delivery::an_item_is_with_one_member_at_a_time,
        delivery::items_come_in_the_order_of_publishing,
        delivery::no_more_come_than_were_asked_for,
        delivery::an_ask_for_fewer_at_most_than_at_least_is_invalid,
        delivery::a_receive_that_waits_ends_empty,
        delivery::a_receive_without_patience_answers_at_once,
        delivery::a_waiting_receive_wakes_for_a_new_item,
        delivery::a_waiting_receive_wakes_for_what_a_step_publishes,
        delivery::a_waiting_receive_wakes_for_what_is_given_back,
        delivery::a_waiting_receive_wakes_when_a_delay_is_over,
        delivery::a_waiting_receive_wakes_when_a_lease_lapses,
        delivery::a_dropped_delivery_goes_back_unburnt,
        delivery::a_dropped_receiver_gives_everything_back,
        delivery::a_closed_receiver_gives_everything_back,
        delivery::a_closed_receiver_receives_no_more,
        delivery::settling_after_close_is_stale,
        delivery::a_dropped_receive_loses_and_burns_nothing,
        delivery::no_topic_of_a_subscription_starves,
        delivery::a_subscription_receives_from_all_its_topics,
        lease::a_lease_holds_until_its_deadline,
        lease::a_lease_has_ended_at_its_deadline,
        lease::heartbeats_keep_a_long_job,
        lease::heartbeats_stop_at_the_time_limit,
        lease::renewing_extends_the_time_limit,
        lease::a_stale_attempt_cannot_be_renewed,
        lease::a_silent_members_items_come_back_to_any_peer,
        lease::a_dead_members_items_come_back_to_any_peer,
        lease::a_lapse_counts_apart_from_retries,
        lease::each_attempt_has_a_higher_epoch,
        lease::epochs_grow_along_a_key,
        lease::a_fence_tells_its_realm_and_scope,
        lease::a_foreign_realm_is_refused,
        settle::an_accepted_item_is_done,
        settle::a_released_item_burns_no_attempt,
        settle::a_retried_item_counts_its_retries,
        settle::a_retried_item_waits_for_its_time,
        settle::a_zombies_step_changes_nothing,
        settle::every_way_to_settle_is_stale_for_a_zombie,
        settle::an_attempt_is_settled_once,
        settle::a_partly_stale_step_names_exactly_the_stale,
        settle::a_failed_step_is_given_back_whole,
        step::a_step_settles_publishes_and_writes_as_one,
        step::a_step_whose_answer_was_lost_applies_once,
        step::a_repeated_step_reports_what_the_first_did,
        step::a_step_repeats_after_its_leases_are_gone,
        step::a_step_repeats_after_its_receiver_is_gone,
        step::a_step_repeats_whatever_would_refuse_it_now,
        step::a_stale_step_that_also_conflicts_is_stale,
        step::a_conflicting_step_that_has_no_room_either_conflicts,
        step::a_step_takes_its_id_from_its_first_attempt,
        step::steps_of_one_name_in_two_groups_are_two,
        step::a_step_may_settle_nothing,
        step::a_step_that_could_not_be_recognised_is_invalid,
        step::a_dropped_step_is_whole_or_nothing,
        step::what_a_step_publishes_obeys_delay_and_priority,
        state::state_and_settle_are_one,
        state::a_write_at_another_version_conflicts,
        state::a_version_counts_the_writes_of_its_record,
        state::a_deleted_record_begins_again,
        state::an_empty_value_is_a_record,
        state::records_are_listed_by_prefix_and_key,
        state::state_belongs_to_its_group,
        state::a_record_is_written_once_in_a_step,
        order::items_of_a_key_come_in_order,
        order::one_item_of_a_key_is_in_flight,
        order::keys_are_independent,
        order::a_key_orders_one_topic,
        order::a_released_item_comes_before_the_rest_of_its_key,
        order::a_delayed_retry_holds_its_key,
        order::a_lapsed_item_comes_before_the_rest_of_its_key,
        order::a_dead_letter_frees_its_key,
        order::a_key_is_in_order_with_several_members,
        order::a_bundle_orders_and_excludes_nothing,
        priority::higher_priorities_come_first,
        priority::equal_priorities_keep_the_order_of_publishing,
        priority::order_beats_priority_within_a_key,
        delay::a_delayed_item_waits_for_its_time,
        delay::a_delayed_item_holds_its_key,
        delay::a_delay_runs_while_the_key_is_held,
        bundle::a_bundle_ask_gets_one_bundle,
        bundle::fewer_than_at_least_are_never_leased,
        bundle::at_least_counts_one_bundle,
        bundle::two_workers_with_one_partial_each_do_not_wait_for_ever,
        bundle::bytes_end_a_receive_beyond_the_fewest,
        bundle::one_large_item_is_received_all_the_same,
        bundle::items_without_a_bundle_make_up_one,
        dead::a_rejected_item_is_a_dead_letter,
        dead::a_dead_letter_counts_its_attempts,
        dead::a_lapsing_item_dies_at_the_delivery_limit,
        dead::retries_do_not_count_to_the_delivery_limit,
        dead::dead_letters_are_listed_in_the_order_of_publishing,
        dead::a_redriven_letter_begins_again,
        dead::a_letter_of_two_groups_lives_until_both_have_settled_it_again,
        dead::a_redrive_of_some_leaves_the_others,
        dead::a_waiting_receive_wakes_for_a_redriven_letter,
        dead::a_redrive_needs_room,
        groups::every_group_gets_every_item,
        groups::groups_settle_apart,
        groups::the_first_group_takes_the_backlog,
        groups::a_later_group_begins_with_what_comes,
        groups::a_group_without_members_goes_on_collecting,
        capacity::a_full_topic_refuses_the_whole_batch,
        capacity::capacity_counts_what_is_unsettled,
        capacity::a_duplicate_needs_no_room,
        capacity::capacity_is_judged_after_the_step,
        capacity::a_step_beyond_capacity_changes_nothing,
        capacity::room_wakes_when_items_are_settled,
        capacity::room_for_more_than_the_capacity_waits_for_an_empty_topic,
        capacity::a_capacity_can_be_changed,
        stats::the_counts_are_exact_in_every_state,
        stats::the_oldest_age_is_of_the_oldest_unsettled_item,
        stats::a_topic_nobody_used_counts_nothing,
        limits::a_batch_as_large_as_allowed_is_taken_and_one_more_is_not,
        limits::a_receive_is_cut_to_the_largest_batch,
        limits::a_payload_as_large_as_allowed_is_taken_and_one_byte_more_is_not,
        limits::a_state_value_as_large_as_allowed_is_taken_and_one_byte_more_is_not,
        limits::a_step_writes_as_much_state_as_allowed_and_no_more,
        limits::a_name_as_long_as_allowed_is_taken_and_one_byte_more_is_not,
        limits::an_empty_name_is_invalid,
        limits::a_subscription_that_could_not_work_is_invalid,
        handles::handles_see_each_other,
        handles::a_receive_wakes_for_what_another_handle_publishes,
        handles::room_wakes_for_what_another_handle_settles,
        handles::the_realm_is_the_same_in_every_handle,
        handles::items_and_state_outlive_their_handle,
        handles::what_a_crashed_handle_held_comes_back,
        handles::a_step_is_known_to_every_handle,
    ]
}

/// The cases that need [`Subject::with_reopen`].
pub const NEED_REOPEN: &[&str] = &[
    "handles_see_each_other",
    "a_receive_wakes_for_what_another_handle_publishes",
    "room_wakes_for_what_another_handle_settles",
    "the_realm_is_the_same_in_every_handle",
    "items_and_state_outlive_their_handle",
    "what_a_crashed_handle_held_comes_back",
    "a_step_is_known_to_every_handle",
];
