//! A lock that avoids double work, and does not exclude it.

use std::sync::Arc;

use bytes::Bytes;
use entourage_blueprint::{Blueprint, Describe};
use entourage_core::Moment;
use entourage_store::Store;

use crate::{builder::Builder, contender::Contender, error::Result, ownership::Ownership, status::Status};

/// A lock over any store, which avoids double work and does not exclude it.
///
/// A store that may lose acknowledged writes may grant it twice, so it has no fence to give,
/// and code that asks for one does not compile:
/// ```compile_fail
/// # async fn ask(lock: entourage_election::AdvisoryLock) -> entourage_election::Result<()> {
/// let fence = lock.acquire().await?.fence();
/// # Ok(()) }
/// ```
///
/// What must happen once goes to a [`LeaseLock`](crate::LeaseLock), whose fence is checked where
/// it happens.
#[derive(Clone, Debug)]
pub struct AdvisoryLock {
    contender: Contender,
}

impl AdvisoryLock {
    /// A lock of this name over `store`, of whatever kind.
    pub fn builder(store: Arc<dyn Store>, name: impl Into<String>) -> Builder<Self> {
        Builder::new(store, name, |contender| Self { contender })
    }

    /// Waits until it is held, as far as the store knows.
    ///
    /// # Errors
    /// As [`LeaseLock::acquire`](crate::LeaseLock::acquire).
    ///
    /// # Cancel safety
    /// As [`LeaseLock::acquire`](crate::LeaseLock::acquire).
    pub async fn acquire(&self) -> Result<AdvisoryOwnership> {
        Ok(AdvisoryOwnership { ownership: self.contender.acquire(&self.value()).await? })
    }

    /// Holds it at once, or answers `None`.
    ///
    /// # Errors
    /// As [`LeaseLock::try_acquire`](crate::LeaseLock::try_acquire).
    ///
    /// # Cancel safety
    /// As [`LeaseLock::acquire`](crate::LeaseLock::acquire).
    pub async fn try_acquire(&self) -> Result<Option<AdvisoryOwnership>> {
        let ownership = self.contender.try_acquire(&self.value()).await?;
        Ok(ownership.map(|ownership| AdvisoryOwnership { ownership }))
    }

    /// How it stands in this process; asks the store nothing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.contender.setup().status()
    }

    fn value(&self) -> Bytes {
        self.contender.setup().identity.as_str().to_owned().into()
    }
}

impl Describe for AdvisoryLock {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.contender.setup().describe(blueprint, "advisory-lock", false);
    }
}

/// What an [`AdvisoryLock`] gives: a belief, without proof.
#[derive(Debug)]
#[must_use = "dropping it leaves its lease to expire; release it"]
pub struct AdvisoryOwnership {
    ownership: Ownership,
}

impl AdvisoryOwnership {
    /// Whether it is still believed in; another may believe the same.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.ownership.is_held()
    }

    /// Until when it is believed in unless a renewal is confirmed.
    #[must_use]
    pub fn until(&self) -> Moment {
        self.ownership.until()
    }

    /// Waits until it is believed in no longer. Cancel-safe.
    pub async fn lost(&self) {
        self.ownership.lost().await;
    }

    /// As [`Ownership::release`].
    ///
    /// # Errors
    /// Those of [`Ownership::release`].
    ///
    /// # Cancel safety
    /// As [`Ownership::release`].
    pub async fn release(self) -> Result<()> {
        self.ownership.release().await
    }
}
