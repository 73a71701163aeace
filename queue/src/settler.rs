//! What settles items.

use std::{fmt, time::Duration};

use crate::{
    delivery::Delivery,
    error::Result,
    state::Record,
    step::{Applied, Step, Unapplied},
};

/// Settles what its receiver leased.
///
/// # Contract
/// * An accepted item is done, a released one burns no attempt, a retried one counts its
///   retry and waits for its time (`an_accepted_item_is_done`,
///   `a_released_item_burns_no_attempt`, `a_retried_item_counts_its_retries`,
///   `a_retried_item_waits_for_its_time`).
/// * A step of an attempt that has ended is stale and changes nothing, and an attempt is
///   settled once (`a_zombies_step_changes_nothing`,
///   `every_way_to_settle_is_stale_for_a_zombie`, `an_attempt_is_settled_once`).
/// * A step is judged in one order: by its id, which reports it again; then by its attempts,
///   whose end makes it stale; then by the versions of records; then by capacity
///   (`a_stale_step_that_also_conflicts_is_stale`,
///   `a_conflicting_step_that_has_no_room_either_conflicts`,
///   `a_step_repeats_whatever_would_refuse_it_now`).
/// * A stale step names exactly what is stale, and applies without it
///   (`a_partly_stale_step_names_exactly_the_stale`).
/// * A delivery of a foreign realm is refused (`a_foreign_realm_is_refused`).
/// * A step that is not applied is given back whole, its deliveries still held
///   (`a_failed_step_is_given_back_whole`).
/// * A step settles, publishes and writes as one, also when the call is dropped
///   (`a_step_settles_publishes_and_writes_as_one`, `state_and_settle_are_one`,
///   `a_dropped_step_is_whole_or_nothing`, `what_a_step_publishes_obeys_delay_and_priority`,
///   `a_step_may_settle_nothing`).
/// * A step is applied once per id of its group, and a repeated one reports what the first
///   did, whatever has become of its leases and its receiver
///   (`a_step_whose_answer_was_lost_applies_once`,
///   `a_repeated_step_reports_what_the_first_did`,
///   `a_step_repeats_after_its_leases_are_gone`, `a_step_repeats_after_its_receiver_is_gone`,
///   `a_step_takes_its_id_from_its_first_attempt`, `steps_of_one_name_in_two_groups_are_two`,
///   `a_step_that_could_not_be_recognised_is_invalid`).
/// * Capacity is judged by what a step adds in all, and a step beyond it changes nothing
///   (`capacity_is_judged_after_the_step`, `a_step_beyond_capacity_changes_nothing`).
/// * A state write at another version than it expects is a conflict, and versions count the
///   writes since a record's creation (`a_write_at_another_version_conflicts`,
///   `a_version_counts_the_writes_of_its_record`, `a_deleted_record_begins_again`,
///   `an_empty_value_is_a_record`, `a_record_is_written_once_in_a_step`).
/// * Renewing extends an attempt's time limit, and is stale for one that has ended
///   (`renewing_extends_the_time_limit`, `a_stale_attempt_cannot_be_renewed`).
#[async_trait::async_trait]
pub trait Settler: fmt::Debug + Send + Sync + 'static {
    /// Settles, publishes and writes state in one transaction, applied once per step id.
    ///
    /// Capacity is judged by the step's net effect, so a stage that accepts at least as much
    /// as it publishes is never refused for its own topic.
    ///
    /// # Errors
    /// [`Unapplied`] gives the step back, with the first of these that is in its way:
    /// [`Error::Stale`](crate::Error::Stale) for attempts that have ended,
    /// [`Error::StateConflict`](crate::Error::StateConflict) for a record at another version,
    /// [`Error::Full`](crate::Error::Full) for a topic without room. Once its receiver is closed
    /// a step that settles nothing is [`Error::Closed`](crate::Error::Closed). After
    /// [`Error::Unknown`](crate::Error::Unknown) it may have been applied: apply it again.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the whole step applied, or nothing of it; its deliveries
    /// are given back unless it was applied.
    async fn step(&self, step: Step) -> Result<Applied, Unapplied>;

    /// Gives one attempt another `time` from now, beyond its time limit if need be.
    ///
    /// # Errors
    /// [`Error::Stale`](crate::Error::Stale) when the attempt no longer holds the item.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the limit moved or not.
    async fn renew(&self, delivery: &Delivery, time: Duration) -> Result<()>;

    /// A state record of the group.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the queue cannot answer.
    async fn state(&self, key: &str) -> Result<Option<Record>>;
}
