//! A queue, before anybody has subscribed.
//!
//! Each sentence of its contract, as of those of [`Receiver`] and [`Settler`], names, in
//! brackets, the cases of the conformance suite (feature `conformance`) that check it.

use std::{fmt, sync::Arc};

use entourage_blueprint::Describe;
use entourage_core::{Clock, Realm};

use crate::{
    capabilities::Capabilities,
    error::Result,
    item::{Group, Publication, Published, Topic},
    options::{SubscribeOptions, TopicOptions},
    receiver::Receiver,
    settler::Settler,
    state::Record,
    stats::{Dead, Redrive, Stats},
};

/// Topics whose items are delivered at least once to each group.
///
/// A topic is created by its first use. Its first group takes over what was published before
/// it; a later group sees what is published from then on. This is what the book's work queues
/// and batch workflows (chapters 10 to 12) stand on.
///
/// # Contract
/// * An item is delivered as it was published, with its key, bundle and headers
///   (`what_was_published_is_delivered_as_it_was`).
/// * A batch is taken whole or not at all, also when the call is dropped
///   (`a_batch_is_taken_whole_or_not_at_all`, `a_dropped_publish_is_whole_or_nothing`,
///   `a_batch_without_items_is_published`).
/// * An id that its topic took before adds nothing, be the item unsettled, done or dead
///   (`publishing_twice_adds_nothing`, `a_settled_items_id_is_remembered`,
///   `an_id_twice_in_one_batch_counts_once`, `an_id_names_an_item_of_its_topic_alone`).
/// * Ids are forgotten after the topic's window, and the oldest of them beyond its count
///   (`an_id_is_forgotten_after_its_window`,
///   `the_oldest_ids_are_forgotten_beyond_their_count`).
/// * Of one key and topic one item is in flight, in the order of publishing, whatever happens
///   to it and however many members there are (`items_of_a_key_come_in_order`,
///   `one_item_of_a_key_is_in_flight`, `a_released_item_comes_before_the_rest_of_its_key`,
///   `a_lapsed_item_comes_before_the_rest_of_its_key`,
///   `a_key_is_in_order_with_several_members`).
/// * A delayed retry or a delayed item holds its key, and only its key
///   (`a_delayed_retry_holds_its_key`, `a_delayed_item_holds_its_key`,
///   `a_delay_runs_while_the_key_is_held`, `keys_are_independent`, `a_key_orders_one_topic`).
/// * A dead letter frees its key (`a_dead_letter_frees_its_key`).
/// * A bundle collects; it orders and excludes nothing
///   (`a_bundle_orders_and_excludes_nothing`).
/// * Higher priorities come first, equal ones in the order of publishing, and never before an
///   earlier item of the same key (`higher_priorities_come_first`,
///   `equal_priorities_keep_the_order_of_publishing`, `order_beats_priority_within_a_key`).
/// * A delayed item can be received from its time on, and not a nanosecond before
///   (`a_delayed_item_waits_for_its_time`).
/// * Every group gets every item, and its members share them (`every_group_gets_every_item`,
///   `groups_settle_apart`, `a_group_without_members_goes_on_collecting`,
///   `an_item_is_with_one_member_at_a_time`).
/// * A topic's first group takes over what is there, and a later one begins with what is
///   published from then on (`the_first_group_takes_the_backlog`,
///   `a_later_group_begins_with_what_comes`).
/// * Capacity counts unsettled items, and a batch beyond it is refused whole
///   (`a_full_topic_refuses_the_whole_batch`, `capacity_counts_what_is_unsettled`,
///   `a_duplicate_needs_no_room`, `a_capacity_can_be_changed`).
/// * `room` ends when enough has been settled (`room_wakes_when_items_are_settled`,
///   `room_for_more_than_the_capacity_waits_for_an_empty_topic`).
/// * The four counts and the oldest age are exact in every state
///   (`the_counts_are_exact_in_every_state`,
///   `the_oldest_age_is_of_the_oldest_unsettled_item`, `a_topic_nobody_used_counts_nothing`).
/// * Dead letters are kept with their reason and attempts, and listed in the order of
///   publishing (`a_rejected_item_is_a_dead_letter`, `a_dead_letter_counts_its_attempts`,
///   `dead_letters_are_listed_in_the_order_of_publishing`).
/// * A redriven letter begins again, all that are named or none
///   (`a_redriven_letter_begins_again`, `a_redrive_of_some_leaves_the_others`,
///   `a_redrive_needs_room`, `a_letter_of_two_groups_lives_until_both_have_settled_it_again`).
/// * Records are listed by the bytes of their keys, and belong to their group
///   (`records_are_listed_by_prefix_and_key`, `state_belongs_to_its_group`).
/// * Each limit is kept to the unit, and a call beyond it changes nothing
///   (`a_batch_as_large_as_allowed_is_taken_and_one_more_is_not`,
///   `a_receive_is_cut_to_the_largest_batch`,
///   `a_payload_as_large_as_allowed_is_taken_and_one_byte_more_is_not`,
///   `a_state_value_as_large_as_allowed_is_taken_and_one_byte_more_is_not`,
///   `a_step_writes_as_much_state_as_allowed_and_no_more`,
///   `a_name_as_long_as_allowed_is_taken_and_one_byte_more_is_not`).
/// * What could never work is invalid (`an_empty_name_is_invalid`,
///   `a_subscription_that_could_not_work_is_invalid`).
/// * Handles of one queue see, wake and outlive each other, and agree on the realm
///   (`handles_see_each_other`, `a_receive_wakes_for_what_another_handle_publishes`,
///   `room_wakes_for_what_another_handle_settles`, `the_realm_is_the_same_in_every_handle`,
///   `items_and_state_outlive_their_handle`, `what_a_crashed_handle_held_comes_back`,
///   `a_step_is_known_to_every_handle`).
#[async_trait::async_trait]
pub trait Queue: Describe + fmt::Debug + Send + Sync + 'static {
    /// What this backend can do, and up to which limits.
    fn capabilities(&self) -> Capabilities;

    /// This queue's incarnation, which every fence it issues carries.
    fn realm(&self) -> Realm;

    /// The clock by which its leases and delays are judged.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Sets how a topic is kept; creates it if need be.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the queue cannot answer.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the options set or not.
    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()>;

    /// Adds every item of the batch, or none.
    ///
    /// An item whose id the topic took before, within its window, is reported as a duplicate
    /// and not added; so a batch may be published again after a lost answer.
    ///
    /// # Errors
    /// [`Error::Full`](crate::Error::Full) when a topic would exceed its capacity;
    /// [`Error::Unknown`](crate::Error::Unknown) when it may have happened: publish it again.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the whole batch published, or nothing of it.
    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>>;

    /// Joins `group` on these topics.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the queue cannot answer.
    ///
    /// # Cancel safety
    /// Dropping the future may leave a consumer behind, which holds nothing and expires.
    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)>;

    /// Four exact counts and the oldest age, as they stand together.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the queue cannot answer.
    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats>;

    /// Up to `limit` dead letters, in the order of publishing.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the queue cannot answer.
    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>>;

    /// Makes dead letters ready again, with their attempts forgotten; returns how many.
    ///
    /// # Errors
    /// [`Error::Full`](crate::Error::Full) when the topic has no room for them.
    ///
    /// # Cancel safety
    /// Dropping the future leaves all of them redriven, or none.
    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64>;

    /// The state records of `group` whose keys begin with `prefix`, by key.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the queue cannot answer.
    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>>;

    /// Waits until `topic` has room for `items` more, or is empty.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the queue cannot answer.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    async fn room(&self, topic: &Topic, items: u64) -> Result<()>;
}

/// Forwards every method, so that a pointer to a queue is a queue.
macro_rules! forward {
    ($pointer:ty) => {
        #[async_trait::async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<Q: Queue + ?Sized> Queue for $pointer {
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            fn realm(&self) -> Realm {
                (**self).realm()
            }

            fn clock(&self) -> Arc<dyn Clock> {
                (**self).clock()
            }

            async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
                (**self).configure(topic, options).await
            }

            async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
                (**self).publish(batch).await
            }

            async fn subscribe(
                &self,
                topics: &[Topic],
                group: &Group,
                options: SubscribeOptions,
            ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
                (**self).subscribe(topics, group, options).await
            }

            async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
                (**self).stats(topic, group).await
            }

            async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
                (**self).dead(topic, group, limit).await
            }

            async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
                (**self).redrive(topic, group, which).await
            }

            async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
                (**self).records(group, prefix).await
            }

            async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
                (**self).room(topic, items).await
            }
        }
    };
}

forward!(Arc<Q>);
forward!(Box<Q>);
