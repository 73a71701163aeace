//! A value whose every write is checked under the lock that protects it.

use entourage_core::Fence;
use tokio::sync::{Mutex, MutexGuard};

use super::{check::Refused, seen::HighestSeen};

/// A value that only the latest owner writes, with check and effect as one.
///
/// Between a bare check and its effect a successor may come and write; here it cannot, because
/// the fence is judged by who holds the lock on the value.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), entourage_election::fence::Refused> {
/// use entourage_core::{Fence, Realm, Scope};
/// use entourage_election::fence::{Guarded, HighestSeen};
///
/// let realm = Realm::new(7);
/// let fence = |epoch| Fence::new(realm, Scope::new("total"), epoch);
/// let total = Guarded::new(HighestSeen::new(realm), 0);
///
/// *total.write(&fence(2)).await? += 1;
/// assert!(total.write(&fence(1)).await.is_err());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Guarded<T> {
    seen: HighestSeen,
    value: Mutex<T>,
}

impl<T> Guarded<T> {
    /// Guards `value` by the fences that `seen` has let in and will.
    pub fn new(seen: HighestSeen, value: T) -> Self {
        Self { seen, value: Mutex::new(value) }
    }

    /// The value, to be written by the holder of `fence`.
    ///
    /// No successor is let in while the guard lives, so keep it until the effect is done.
    ///
    /// # Errors
    /// [`Refused`] for a former owner.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the value as it was.
    pub async fn write(&self, fence: &Fence) -> Result<MutexGuard<'_, T>, Refused> {
        let value = self.value.lock().await;
        // Judged after the wait: whoever came first may be a former owner by now.
        self.seen.check(fence)?;
        Ok(value)
    }

    /// Closes the value to every former owner; those who write now have finished when it returns.
    ///
    /// # Errors
    /// [`Refused`] for a former owner.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the value open or closed.
    pub async fn seal(&self, fence: &Fence) -> Result<(), Refused> {
        self.write(fence).await.map(drop)
    }

    /// The fences that were let in, to be saved or adopted.
    pub const fn seen(&self) -> &HighestSeen {
        &self.seen
    }

    /// The value, without its guard.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}
