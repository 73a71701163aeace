//! The trait of every checker, and why one refuses.

use std::{fmt, sync::Arc};

use entourage_core::{BoxError, Fence, Realm, Retryable, Scope, Verdict};

/// Lets a write in only if its fence is not behind one that was let in before.
///
/// Implement it for a resource of your own. What an implementor owes: epochs that were let in
/// never decrease per realm and scope, whatever the number of callers; a foreign realm is
/// refused until an operator adopts it; what cannot be judged is refused.
#[async_trait::async_trait]
pub trait FenceCheck: fmt::Debug + Send + Sync + 'static {
    /// The answer, where it can be given without waiting for anything.
    ///
    /// `None` sends the caller to [`check`](FenceCheck::check). It spares the hot path a boxed
    /// future.
    fn known(&self, fence: &Fence, owner: Option<&str>) -> Option<Result<(), Refused>> {
        let _ = (fence, owner);
        None
    }

    /// Lets a write with this fence in, or refuses it.
    ///
    /// `owner` is who presents the fence, where that is known; a checker that can ask who the
    /// owner is compares it too.
    ///
    /// # Errors
    /// [`Refused`]: do not write.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the fence noted or not; check again before the write.
    async fn check(&self, fence: &Fence, owner: Option<&str>) -> Result<(), Refused>;

    /// Closes the resource to every former owner, before anything is written.
    ///
    /// The first act of a new owner at a resource that judges by the highest fence it has seen:
    /// without it, a late request of the former owner is let in until the first write.
    ///
    /// # Errors
    /// [`Refused`]: the fence is itself behind, or the resource may not be closed; do not write.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the resource closed or not; seal again.
    async fn seal(&self, fence: &Fence, owner: Option<&str>) -> Result<(), Refused> {
        self.check(fence, owner).await
    }
}

/// Forwards every method, so that a pointer to a checker is a checker.
macro_rules! forward {
    ($pointer:ty) => {
        #[async_trait::async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<C: FenceCheck + ?Sized> FenceCheck for $pointer {
            fn known(&self, fence: &Fence, owner: Option<&str>) -> Option<Result<(), Refused>> {
                (**self).known(fence, owner)
            }

            async fn check(&self, fence: &Fence, owner: Option<&str>) -> Result<(), Refused> {
                (**self).check(fence, owner).await
            }

            async fn seal(&self, fence: &Fence, owner: Option<&str>) -> Result<(), Refused> {
                (**self).seal(fence, owner).await
            }
        }
    };
}

forward!(Arc<C>);
forward!(Box<C>);

/// Why a write was not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// A later grant is known: the presenter is a former owner.
    #[error(
        "epoch {} of {:?} is stale, the latest is {current}; stop, and acquire again",
        fence.epoch(), fence.scope().as_str()
    )]
    Stale {
        /// What was presented.
        fence: Fence,
        /// The epoch that is known.
        current: u64,
    },
    /// The store knows of no such grant.
    #[error("epoch {} of {:?} was never granted, or its record is gone; acquire again", fence.epoch(), fence.scope().as_str())]
    NotGranted {
        /// What was presented.
        fence: Fence,
    },
    /// The fence is current, and another one's.
    #[error(
        "epoch {} of {:?} belongs to {owner:?}, not to {presented:?}",
        fence.epoch(), fence.scope().as_str()
    )]
    NotOwner {
        /// What was presented.
        fence: Fence,
        /// By whom.
        presented: String,
        /// The owner that the store names.
        owner: String,
    },
    /// A fence of another incarnation of the store, whose epochs have no order with these.
    #[error(
        "the fence of {:?} is of realm {}, and this resource takes realm {expected}; \
         adopt the new realm if the store was restored on purpose",
        fence.scope().as_str(), fence.realm()
    )]
    ForeignRealm {
        /// What was presented.
        fence: Fence,
        /// The realm that is taken.
        expected: Realm,
    },
    /// A fence that excludes others from something else.
    #[error("the fence is of {:?}, and this resource takes one of {:?}", fence.scope().as_str(), expected.as_str())]
    OtherScope {
        /// What was presented.
        fence: Fence,
        /// The scope that is taken.
        expected: Scope,
    },
    /// The checker remembers as much as it may, and to forget would let stale writes in.
    #[error("no room for one more {what} (at most {limit}); raise the limit")]
    Full {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The check could not be made; nothing was let in.
    #[error("the fence could not be checked; nothing was let in")]
    Unavailable(#[source] BoxError),
}

impl Refused {
    /// Whether a later grant is known, so that the presenter should stop.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        matches!(self, Self::Stale { .. })
    }
}

impl Retryable for Refused {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unavailable(_) => Verdict::Transient,
            _ => Verdict::Permanent,
        }
    }
}
