//! A lock whose owner can prove it.

use bytes::Bytes;
use entourage_blueprint::{Blueprint, Describe};
use entourage_core::Moment;
use entourage_store::{FencedStore, SessionId};

use crate::{builder::Builder, contender::Contender, error::Result, ownership::Ownership, status::Status};

/// A lock over a store, whose owner has a lease and a fence.
///
/// Contenders are served in the order in which they came, by the creation of their keys; clones of one lock take
/// turns among themselves first. While one waits it sends nothing but renewals. The session and
/// its watch are kept from one acquisition to the next, so that one which nobody contends for is
/// one transaction; they end when the last clone is dropped.
///
/// It takes a store whose exclusion is proved. An advisory one does not compile:
/// ```compile_fail
/// # use std::sync::Arc;
/// # use entourage_store::Store;
/// # fn of_an_advisory_store(store: Arc<dyn Store>) {
/// let lock = entourage_election::LeaseLock::builder(store, "printer");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LeaseLock {
    contender: Contender,
}

impl LeaseLock {
    /// A lock of this name over `store`.
    pub fn builder(store: impl Into<FencedStore>, name: impl Into<String>) -> Builder<Self> {
        Builder::new(store.into().into_inner(), name, |contender| Self { contender })
    }

    /// Waits until it is owned.
    ///
    /// While the store cannot be reached, and when the session is lost, it tries again with
    /// growing delays, in another place of the queue if the first was lost.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) for what waiting does not mend.
    ///
    /// # Cancel safety
    /// Dropping the future gives the place up: its key is deleted promptly, or when the time to
    /// live has passed if the store cannot be reached.
    pub async fn acquire(&self) -> Result<Ownership> {
        self.contender.acquire(&self.value()).await
    }

    /// As [`LeaseLock::acquire`] until `deadline` on the store's clock; `None` when it has come.
    ///
    /// # Errors
    /// Those of [`LeaseLock::acquire`].
    ///
    /// # Cancel safety
    /// As [`LeaseLock::acquire`].
    pub async fn acquire_until(&self, deadline: Moment) -> Result<Option<Ownership>> {
        self.contender.acquire_until(&self.value(), deadline).await
    }

    /// Owns it at once, or answers `None`: somebody owns it or waits for it.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) when the store cannot answer.
    ///
    /// # Cancel safety
    /// As [`LeaseLock::acquire`].
    pub async fn try_acquire(&self) -> Result<Option<Ownership>> {
        self.contender.try_acquire(&self.value()).await
    }

    /// Takes over what an earlier life of this program owned or waited for, by the session that
    /// [`Ownership::session`] named; its ownership has a *new* epoch, and the earlier one is shut out.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) when that session has ended or is another store's: acquire then.
    ///
    /// # Cancel safety
    /// As [`LeaseLock::acquire`].
    pub async fn resume(&self, session: SessionId) -> Result<Ownership> {
        self.contender.resume(session, &self.value()).await
    }

    /// Ends the session that is kept for the next acquisition: for a process that is about to end.
    ///
    /// Whatever an acquisition that was given up has left in the queue is gone when it returns, so
    /// that nobody waits for it to expire. What is owned is waited for, for the time to live at
    /// most; so is a store that does not answer, and by then all has expired. A later
    /// acquisition opens another session.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the session to expire.
    pub async fn leave(&self) {
        self.contender.leave().await;
    }

    /// How it stands in this process; asks the store nothing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.contender.setup().status()
    }

    /// Who owns it is written where it is owned.
    fn value(&self) -> Bytes {
        self.contender.setup().identity.as_str().to_owned().into()
    }
}

impl Describe for LeaseLock {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.contender.setup().describe(blueprint, "election", true);
    }
}
