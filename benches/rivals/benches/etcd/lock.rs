//! A lock on etcd, as a contender of its own: with a connection, a lease and its renewals.

use std::time::Duration;

use crate::Outcome;

/// For leases in figures of speed: nothing expires, and renewals are few.
pub(crate) const TTL: Duration = Duration::from_secs(30);

/// A contender of one name.
pub(crate) trait Lock: Sized + Send + 'static {
    /// As it is printed.
    const NAME: &'static str;
    /// What it holds.
    type Owned: Send;

    /// Connects, and gets a lease, and has it renewed for as long as it lives.
    fn open(endpoint: &str, name: &str) -> impl Future<Output = Outcome<Self>> + Send;

    /// Waits until it holds the lock.
    fn acquire(&mut self) -> impl Future<Output = Outcome<Self::Owned>> + Send;

    /// Lets it go.
    fn release(&mut self, owned: Self::Owned) -> impl Future<Output = Outcome> + Send;
}
