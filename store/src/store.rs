//! The trait that every backend implements.

use std::{fmt, sync::Arc, time::Duration};

use entourage_blueprint::Describe;
use entourage_core::{Clock, Realm};

use crate::{
    capabilities::Capabilities,
    entry::{Entry, Version},
    error::Result,
    listing::{Listing, What},
    session::{Session, SessionId},
    txn::{Outcome, Txn},
    watch::Watch,
};

/// A versioned key-value store with transactions, sessions and watches.
///
/// This is the contract between backends and the patterns above; what users call most is in
/// [`StoreExt`](crate::StoreExt). The book's ownership election (chapter 9) stands on it.
///
/// # Contract
/// Keys and versions:
///
/// * A key that was not written, or was deleted, reads as absent: `an_absent_key_reads_as_none`.
/// * What was written is read back with its version and its creation version:
///   `a_written_key_reads_back`.
/// * Of two creations of one key, the second is refused: `a_second_create_conflicts`.
/// * A version passes while it is the key's latest: `a_current_version_swaps`.
/// * An earlier version never passes: `stale_version_conflicts`.
/// * Writing a key again leaves its creation version: `a_write_keeps_the_creation_version`.
/// * A creation version passes until the key is deleted:
///   `a_creation_version_passes_however_often_it_was_written`.
/// * A key that is deleted and written again has a new one: `a_recreated_key_is_a_new_creation`.
/// * [`Test::Present`](crate::Test::Present) passes in any version: `presence_passes_in_any_version`.
/// * Versions strictly increase store-wide, also over deletes: `versions_increase_over_deletes`.
/// * Writing the value that stands there is a commit like any other:
///   `writing_the_same_value_is_a_commit`.
/// * An empty value is a value: `an_empty_value_is_not_absence`.
/// * Values are bytes, returned as they were given: `any_bytes_are_a_value`.
/// * Keys are compared byte by byte, neither folded nor normalised:
///   `keys_that_look_alike_are_distinct`.
/// * Deleting an absent key changes nothing: `deleting_an_absent_key_changes_nothing`.
/// * So compare-and-swap by value has its three outcomes: `compare_and_swap_has_three_outcomes`.
///
/// Transactions:
///
/// * A transaction that is refused changes nothing: `a_refused_transaction_changes_nothing`.
/// * All writes of one that applies are of one version: `writes_of_one_transaction_share_a_version`.
/// * A refusal names the first condition that fails: `a_refusal_names_the_first_failing_condition`.
/// * It shows what stands under that condition's key: `a_refusal_shows_what_was_found`.
/// * Several conditions may name one key: `every_condition_on_a_key_counts`.
/// * All conditions are judged before any write: `conditions_are_judged_before_the_writes`.
/// * A condition's key need not be written: `a_condition_may_name_a_key_that_is_not_written`.
/// * Without writes there is no commit: `a_transaction_without_writes_makes_no_commit`.
/// * One that writes a key twice is invalid: `a_key_written_twice_is_refused`.
/// * No watch shows what was refused: `a_refused_transaction_is_not_seen`.
/// * A transaction whose future is dropped happens whole or not at all:
///   `a_dropped_transaction_is_all_or_nothing`.
///
/// Listings:
///
/// * Keys are in the order of their bytes: `a_listing_is_ordered_by_the_bytes_of_its_keys`.
/// * The orders by creation break ties by key: `a_listing_is_ordered_by_creation`.
/// * A prefix is every key that begins with it: `a_prefix_is_every_key_that_begins_with_it`.
/// * A prefix is plain text: `a_prefix_is_not_a_pattern`.
/// * A prefix ends in any character, also the last: `a_prefix_may_end_in_any_character`.
/// * [`What::key`] is that key alone: `one_key_is_listed_alone`.
/// * A limit is kept, and [`Listing::more`] says whether it cut anything:
///   `a_limit_cuts_a_listing_and_says_so`.
/// * Pages lose and repeat nothing: `pages_follow_each_other_without_a_gap`.
/// * [`What::created_below`] leaves out that version and later ones:
///   `created_below_leaves_out_later_creations`.
/// * A page in the order of creation is invalid: `a_page_in_another_order_is_refused`.
/// * [`Listing::as_of`] is the latest commit, also of an empty listing:
///   `a_listing_tells_the_version_at_which_it_stood`.
/// * The entries stood together: `a_listing_is_never_torn`.
/// * A watch after [`Listing::as_of`] misses nothing:
///   `what_follows_a_listing_is_watched_without_a_gap`.
///
/// Sessions:
///
/// * Ending a session deletes its keys in one commit: `keys_end_together_with_their_session`.
/// * So does its expiry: `keys_expire_together_with_their_session`.
/// * A session lives until the last nanosecond before its deadline:
///   `a_session_lives_until_its_deadline`.
/// * At its deadline, or up to [`Capabilities::expiry_lag`] later where there is one, no call finds
///   it or its keys any more: `a_session_is_dead_at_its_deadline`.
/// * The deadline is the granted time after the last renewal was sent:
///   `a_renewal_runs_from_when_it_was_sent`.
/// * The time asked for is rounded up as [`Capabilities::granted_ttl`] says, or further:
///   `a_time_to_live_is_rounded_up_to_what_the_store_grants`.
/// * Each incarnation's fence supersedes all earlier ones: `a_resumed_session_has_a_new_fence`.
/// * Resuming keeps the keys and begins the time to live anew:
///   `a_resumed_session_keeps_its_keys_for_a_full_time_to_live`.
/// * The incarnation before can neither renew, nor hold, nor end the session:
///   `an_earlier_incarnation_cannot_renew`, `an_earlier_incarnation_holds_nothing`,
///   `an_earlier_incarnation_ends_nothing`.
/// * An expired session is not resumed, and its id names no other:
///   `an_expired_session_cannot_be_resumed`.
/// * An ended session is lost, and ending it once more is no error:
///   `an_ended_session_is_lost_for_good`.
/// * Ids and fences of another realm are errors, not refusals: `a_foreign_realm_is_refused`.
/// * [`Condition::Holds`](crate::Condition::Holds) passes while that incarnation has the session:
///   `holding_a_session_is_a_condition`.
/// * A fence that was not granted to a session holds nothing: `a_fence_of_no_session_holds_nothing`.
/// * A write under a lost session fails whole: `a_lost_session_takes_no_keys`.
/// * Conditions are judged before the sessions of writes: `a_refusal_comes_before_a_lost_session`.
/// * A write without a session detaches the key: `a_plain_write_detaches_a_key`.
/// * A write under another session takes the key there: `a_write_may_attach_a_key_to_another_session`.
/// * A deleted key leaves its session: `a_recreated_key_forgets_its_session`.
/// * No id is used twice, and no session's fence stands for another: `sessions_are_told_apart`.
/// * Dropping a [`Session`] ends nothing, and its printed id resumes it:
///   `a_dropped_handle_leaves_its_session_alive`.
/// * Earlier deadlines end first: `sessions_expire_in_the_order_of_their_deadlines`.
///
/// Watches:
///
/// * A watch shows every change once, in the order of commits: `a_watch_shows_every_change_in_order`.
/// * It begins after the version that it is given: `a_watch_begins_after_its_version`.
/// * Without one it begins now: `a_watch_from_now_on_shows_nothing_of_before`.
/// * It shows its prefix alone: `a_watch_keeps_to_its_prefix`.
/// * A commit wakes it: `a_waiting_watch_wakes_at_a_commit`.
/// * Dropping `next` loses no change: `a_dropped_next_loses_no_change`.
/// * Its position repeats a commit of which a part was handed out, and no other:
///   `a_position_inside_a_commit_repeats_all_of_it`.
/// * Its position never passes a change that was not handed out: `a_position_passes_what_is_elsewhere`.
/// * Watches take nothing from each other: `two_watches_see_the_same`.
/// * A session's expiry wakes it though nobody calls the store: `an_expiry_is_seen_without_traffic`.
/// * Changes that were dropped from the history are answered by a resync, after which nothing is missing:
///   `a_compacted_watch_says_resync`.
/// * A watch that lags is told so too: `a_slow_watch_misses_nothing_in_silence`.
/// * What the history keeps needs none: `what_the_history_keeps_is_shown_without_a_resync`.
///
/// Many callers:
///
/// * No compare-and-swap is lost among tasks: `concurrent_increments_lose_none`.
/// * Each commit has a version of its own: `concurrent_commits_have_versions_of_their_own`.
/// * One of many creators wins: `one_of_many_creators_wins`.
/// * Each handle to the same data sees the others' commits: `handles_see_each_others_commits`.
/// * No compare-and-swap is lost among handles: `handles_lose_none_of_each_others_increments`.
/// * A commit wakes the watches of every handle: `a_watch_sees_what_another_handle_commits`.
/// * The realm is the data's, not the handle's: `the_realm_outlives_a_reopen`.
/// * Any handle can resume a session: `a_session_is_resumed_through_another_handle`.
/// * Handles share no session id: `sessions_of_two_handles_are_told_apart`.
/// * A new handle continues the versions and the history: `a_reopened_store_goes_on_where_it_was`.
///
/// Limits, each refused whole at one more than is allowed:
///
/// * Operations count up to [`Capabilities::max_operations`]:
///   `as_many_writes_as_allowed_apply_and_one_more_is_refused`.
/// * So do conditions: `conditions_count_as_operations`.
/// * Values are of up to [`Capabilities::max_value_bytes`]:
///   `a_value_as_long_as_allowed_fits_and_one_byte_more_is_refused`.
/// * Keys are of up to [`Capabilities::MAX_KEY_BYTES`], counted in bytes:
///   `a_key_as_long_as_allowed_fits_and_one_byte_more_is_refused`.
/// * No key is empty: `an_empty_key_is_refused`.
/// * Listings are of up to [`Capabilities::MAX_LISTING`]: `a_listing_holds_no_more_than_its_maximum`.
#[async_trait::async_trait]
pub trait Store: Describe + fmt::Debug + Send + Sync + 'static {
    /// What this backend can do, and up to which limits.
    fn capabilities(&self) -> Capabilities;

    /// This store's incarnation, which every fence it issues carries.
    fn realm(&self) -> Realm;

    /// The clock by which its sessions are judged.
    fn clock(&self) -> Arc<dyn Clock>;

    /// What stands under `key`.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the store cannot answer.
    async fn get(&self, key: &str) -> Result<Option<Entry>>;

    /// The entries asked for, as they stood together at one version.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for `after` in another order than by key.
    async fn list(&self, what: &What) -> Result<Listing>;

    /// Applies every write if every condition holds, else nothing.
    ///
    /// # Errors
    /// [`Error::Unknown`](crate::Error::Unknown) when it may have happened: read back before
    /// deciding. After any other error nothing happened.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the transaction done or not done, never in part.
    async fn transact(&self, txn: Txn) -> Result<Outcome>;

    /// Opens a session that lives for `ttl` from its last renewal.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the store cannot answer; an unknown session expires.
    ///
    /// # Cancel safety
    /// Dropping the future may leave a session behind, which expires.
    async fn session(&self, ttl: Duration) -> Result<Session>;

    /// Takes over a session, with a new fence; its earlier incarnation has lost it.
    ///
    /// # Errors
    /// [`Error::SessionLost`](crate::Error::SessionLost) once it has ended or expired,
    /// [`Error::ForeignRealm`](crate::Error::ForeignRealm) for another store's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the session resumed: resume it again.
    async fn resume(&self, id: SessionId) -> Result<Session>;

    /// Every change below `prefix` after a version, or from now on.
    ///
    /// # Errors
    /// [`Error`](crate::Error) when the store cannot answer.
    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>>;
}

/// Forwards every method, so that a pointer to a store is a store.
macro_rules! forward {
    ($pointer:ty) => {
        #[async_trait::async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: Store + ?Sized> Store for $pointer {
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            fn realm(&self) -> Realm {
                (**self).realm()
            }

            fn clock(&self) -> Arc<dyn Clock> {
                (**self).clock()
            }

            async fn get(&self, key: &str) -> Result<Option<Entry>> {
                (**self).get(key).await
            }

            async fn list(&self, what: &What) -> Result<Listing> {
                (**self).list(what).await
            }

            async fn transact(&self, txn: Txn) -> Result<Outcome> {
                (**self).transact(txn).await
            }

            async fn session(&self, ttl: Duration) -> Result<Session> {
                (**self).session(ttl).await
            }

            async fn resume(&self, id: SessionId) -> Result<Session> {
                (**self).resume(id).await
            }

            async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
                (**self).watch(prefix, after).await
            }
        }
    };
}

forward!(Arc<S>);
forward!(Box<S>);
