//! What every backend promises, as one list of cases.
//!
//! Outside semver. A backend of your own runs the list by a
//! [`Fixture`](entourage_engine::conformance::Fixture) whose subject is a [`Subject`]:
//!
//! ```
//! use std::sync::Arc;
//!
//! use entourage_engine::conformance::{Fixture, trials};
//! use entourage_store::conformance::{ManualClock, NEED_HISTORY, NEED_REOPEN, Subject, cases};
//! # type MyStore = entourage_store::MemoryStore;
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
//!         ((), Subject::new(Arc::new(MyStore::with_clock(clock.clone())), clock))
//!     }
//!
//!     fn exempt(&self, case: &str) -> Option<String> {
//!         let needs_more = NEED_REOPEN.contains(&case) || NEED_HISTORY.contains(&case);
//!         needs_more.then(|| "opened once only, and its history is long".to_owned())
//!     }
//! }
//!
//! // tests/conformance.rs, with `harness = false`, ends in `conformance::main([trials])`.
//! let trials = trials(Mine, cases());
//! assert_eq!(trials[0].name(), "mine::an_absent_key_reads_as_none");
//! ```
//!
//! What a case may count on, the fixture says of its subject:
//!
//! | the store | is opened as | so the cases |
//! | --- | --- | --- |
//! | lives on the case's own runtime, by a clock it is given | [`Subject::new`] | see a deadline to the nanosecond, and know without waiting that nothing comes |
//! | has threads, by a clock it is given | [`Subject::with_threads`] | wait for what must come |
//! | is a server with a clock of its own | [`Subject::in_real_time`] | wait for a deadline, and look again for [`expiry_lag`](crate::Capabilities::expiry_lag) and longer |
//! | is shared with others, below a prefix of its own | [`Subject::with_neighbours`] | let versions move on by themselves, and ask for no history from before they began |
//! | can be opened again | [`Subject::with_reopen`] | of [`NEED_REOPEN`] can be run |
//! | forgets old changes | [`Subject::with_history`] or [`Subject::with_compaction`] | of [`NEED_HISTORY`] can be run |
//!
//! A case whose holder was too slow to look before a deadline begins again with twice the time
//! to live, so that a busy machine turns nothing red.
//!
//! [`MUTANTS`] are stores that are wrong on purpose, by which the list itself is tested, and
//! [`model`] compares long random sequences with a store that is too simple to be wrong.

mod cas;
mod concurrent;
mod expiry;
mod limits;
mod listing;
pub mod model;
mod mutants;
mod observer;
mod session;
mod subject;
mod txn;
mod watch;

pub use entourage_engine::conformance::ManualClock;
use entourage_engine::conformance::{Case, cases};

pub use self::{
    mutants::{HARMLESS, MUTANTS},
    observer::Observer,
    subject::{Compact, Reopen, Subject},
};

/// Every case: what the contract of [`Store`](crate::Store) says, as functions that may fail.
#[must_use]
pub fn cases() -> Vec<Case<Subject>> {
    cases![
        cas::an_absent_key_reads_as_none,
        cas::a_written_key_reads_back,
        cas::a_second_create_conflicts,
        cas::stale_version_conflicts,
        cas::a_current_version_swaps,
        cas::a_write_keeps_the_creation_version,
        cas::a_creation_version_passes_however_often_it_was_written,
        cas::a_recreated_key_is_a_new_creation,
        cas::presence_passes_in_any_version,
        cas::versions_increase_over_deletes,
        cas::writing_the_same_value_is_a_commit,
        cas::an_empty_value_is_not_absence,
        cas::any_bytes_are_a_value,
        cas::keys_that_look_alike_are_distinct,
        cas::deleting_an_absent_key_changes_nothing,
        cas::compare_and_swap_has_three_outcomes,
        txn::a_refused_transaction_changes_nothing,
        txn::writes_of_one_transaction_share_a_version,
        txn::a_refusal_names_the_first_failing_condition,
        txn::a_refusal_shows_what_was_found,
        txn::every_condition_on_a_key_counts,
        txn::conditions_are_judged_before_the_writes,
        txn::a_condition_may_name_a_key_that_is_not_written,
        txn::a_transaction_without_writes_makes_no_commit,
        txn::a_key_written_twice_is_refused,
        txn::a_refused_transaction_is_not_seen,
        txn::a_dropped_transaction_is_all_or_nothing,
        listing::a_listing_is_ordered_by_the_bytes_of_its_keys,
        listing::a_listing_is_ordered_by_creation,
        listing::a_prefix_is_every_key_that_begins_with_it,
        listing::a_prefix_is_not_a_pattern,
        listing::a_prefix_may_end_in_any_character,
        listing::one_key_is_listed_alone,
        listing::a_limit_cuts_a_listing_and_says_so,
        listing::pages_follow_each_other_without_a_gap,
        listing::created_below_leaves_out_later_creations,
        listing::a_page_in_another_order_is_refused,
        listing::a_listing_tells_the_version_at_which_it_stood,
        listing::a_listing_is_never_torn,
        listing::what_follows_a_listing_is_watched_without_a_gap,
        session::keys_end_together_with_their_session,
        session::a_resumed_session_has_a_new_fence,
        session::an_earlier_incarnation_holds_nothing,
        session::an_earlier_incarnation_ends_nothing,
        session::an_ended_session_is_lost_for_good,
        session::a_foreign_realm_is_refused,
        session::holding_a_session_is_a_condition,
        session::a_fence_of_no_session_holds_nothing,
        session::a_refusal_comes_before_a_lost_session,
        session::a_plain_write_detaches_a_key,
        session::a_write_may_attach_a_key_to_another_session,
        session::a_recreated_key_forgets_its_session,
        session::sessions_are_told_apart,
        session::a_dropped_handle_leaves_its_session_alive,
        expiry::keys_expire_together_with_their_session,
        expiry::a_session_lives_until_its_deadline,
        expiry::a_session_is_dead_at_its_deadline,
        expiry::a_renewal_runs_from_when_it_was_sent,
        expiry::a_time_to_live_is_rounded_up_to_what_the_store_grants,
        expiry::a_resumed_session_keeps_its_keys_for_a_full_time_to_live,
        expiry::an_earlier_incarnation_cannot_renew,
        expiry::an_expired_session_cannot_be_resumed,
        expiry::a_lost_session_takes_no_keys,
        expiry::sessions_expire_in_the_order_of_their_deadlines,
        expiry::an_expiry_is_seen_without_traffic,
        watch::a_watch_shows_every_change_in_order,
        watch::a_watch_begins_after_its_version,
        watch::a_watch_from_now_on_shows_nothing_of_before,
        watch::a_watch_keeps_to_its_prefix,
        watch::a_waiting_watch_wakes_at_a_commit,
        watch::a_dropped_next_loses_no_change,
        watch::a_position_inside_a_commit_repeats_all_of_it,
        watch::a_position_passes_what_is_elsewhere,
        watch::two_watches_see_the_same,
        watch::a_compacted_watch_says_resync,
        watch::a_slow_watch_misses_nothing_in_silence,
        watch::what_the_history_keeps_is_shown_without_a_resync,
        concurrent::concurrent_increments_lose_none,
        concurrent::concurrent_commits_have_versions_of_their_own,
        concurrent::one_of_many_creators_wins,
        concurrent::handles_see_each_others_commits,
        concurrent::handles_lose_none_of_each_others_increments,
        concurrent::a_watch_sees_what_another_handle_commits,
        concurrent::the_realm_outlives_a_reopen,
        concurrent::a_session_is_resumed_through_another_handle,
        concurrent::sessions_of_two_handles_are_told_apart,
        concurrent::a_reopened_store_goes_on_where_it_was,
        limits::as_many_writes_as_allowed_apply_and_one_more_is_refused,
        limits::conditions_count_as_operations,
        limits::a_value_as_long_as_allowed_fits_and_one_byte_more_is_refused,
        limits::a_key_as_long_as_allowed_fits_and_one_byte_more_is_refused,
        limits::an_empty_key_is_refused,
        limits::a_listing_holds_no_more_than_its_maximum,
    ]
}

/// The cases that need [`Subject::with_reopen`].
pub const NEED_REOPEN: &[&str] = &[
    "handles_see_each_others_commits",
    "handles_lose_none_of_each_others_increments",
    "a_watch_sees_what_another_handle_commits",
    "the_realm_outlives_a_reopen",
    "a_session_is_resumed_through_another_handle",
    "sessions_of_two_handles_are_told_apart",
    "a_reopened_store_goes_on_where_it_was",
];

/// The cases that need [`Subject::with_history`] or [`Subject::with_compaction`].
pub const NEED_HISTORY: &[&str] = &["a_compacted_watch_says_resync"];
