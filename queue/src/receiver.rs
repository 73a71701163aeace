//! What leases items.

use std::fmt;

use crate::{ask::Ask, delivery::Delivery, error::Result};

/// Leases items and keeps the leases alive.
///
/// Heartbeats are the receiver's own, from a task that ends with it; they stop for an item
/// whose time limit has passed. Dropping a receiver gives back everything unsettled.
///
/// # Contract
/// * An item is delivered, again and again, until it is done or dead
///   (`every_item_is_delivered_until_it_is_done`).
/// * Items come in the order of publishing, from all topics of the subscription, and none of
///   these starves (`items_come_in_the_order_of_publishing`,
///   `a_subscription_receives_from_all_its_topics`, `no_topic_of_a_subscription_starves`).
/// * No more come than were asked for, and never fewer than `at_least`: until they are there,
///   nothing is leased (`no_more_come_than_were_asked_for`,
///   `fewer_than_at_least_are_never_leased`,
///   `two_workers_with_one_partial_each_do_not_wait_for_ever`,
///   `an_ask_for_fewer_at_most_than_at_least_is_invalid`).
/// * An ask for one bundle gets one bundle, of which items without one make up their own
///   (`a_bundle_ask_gets_one_bundle`, `at_least_counts_one_bundle`,
///   `items_without_a_bundle_make_up_one`).
/// * Bytes end a receive, but never below the fewest
///   (`bytes_end_a_receive_beyond_the_fewest`, `one_large_item_is_received_all_the_same`).
/// * A receive that waits wakes for whatever becomes ready, and ends empty when its time is
///   over (`a_receive_that_waits_ends_empty`, `a_receive_without_patience_answers_at_once`,
///   `a_waiting_receive_wakes_for_a_new_item`,
///   `a_waiting_receive_wakes_for_what_a_step_publishes`,
///   `a_waiting_receive_wakes_for_what_is_given_back`,
///   `a_waiting_receive_wakes_when_a_delay_is_over`,
///   `a_waiting_receive_wakes_when_a_lease_lapses`,
///   `a_waiting_receive_wakes_for_a_redriven_letter`).
/// * A dropped receive loses nothing and burns no attempt
///   (`a_dropped_receive_loses_and_burns_nothing`).
/// * A dropped delivery, a dropped receiver and a closed one give back, and burn no attempt
///   (`a_dropped_delivery_goes_back_unburnt`, `a_dropped_receiver_gives_everything_back`,
///   `a_closed_receiver_gives_everything_back`).
/// * A closed receiver receives no more, and what it held is stale
///   (`a_closed_receiver_receives_no_more`, `settling_after_close_is_stale`).
/// * A lease holds until its deadline, and has ended at it
///   (`a_lease_holds_until_its_deadline`, `a_lease_has_ended_at_its_deadline`).
/// * Heartbeats keep a job of any length, up to its time limit (`heartbeats_keep_a_long_job`,
///   `heartbeats_stop_at_the_time_limit`).
/// * What a silent or dead member held comes back to any peer within its lease and one sweep,
///   a third of a lease (`a_silent_members_items_come_back_to_any_peer`,
///   `a_dead_members_items_come_back_to_any_peer`).
/// * Retries and lapses are counted apart, and only lapses count to the delivery limit,
///   beyond which an item is a dead letter (`a_lapse_counts_apart_from_retries`,
///   `a_lapsing_item_dies_at_the_delivery_limit`,
///   `retries_do_not_count_to_the_delivery_limit`).
/// * Each attempt has a higher epoch than all earlier ones of its item and of its key
///   (`each_attempt_has_a_higher_epoch`, `epochs_grow_along_a_key`,
///   `a_fence_tells_its_realm_and_scope`).
#[async_trait::async_trait]
pub trait Receiver: fmt::Debug + Send {
    /// Leases what is asked for; waits for it, and answers empty when the wait is over.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed) after [`Receiver::close`].
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing and burns no attempt: what was leased by then is
    /// handed out next.
    async fn receive(&mut self, ask: Ask) -> Result<Vec<Delivery>>;

    /// Gives back everything unsettled, no attempt burnt, and leaves the group.
    ///
    /// # Errors
    /// Those of the backend; the leases then end by themselves.
    ///
    /// # Cancel safety
    /// Dropping the future may leave leases to end by themselves; close again.
    async fn close(&mut self) -> Result<()>;
}
