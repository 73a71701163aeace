//! How a lock or an election is made.

use std::{fmt, sync::Arc, time::Duration};

use entourage_store::Store;

use crate::{
    contender::Contender,
    counts::Counts,
    error::Result,
    identity::Identity,
    name::Name,
    setup::{Alarm, Setup},
    timings::Timings,
};

/// How a lock or an election is made.
#[must_use = "nothing is made before it is built"]
pub struct Builder<T> {
    store: Arc<dyn Store>,
    name: String,
    identity: Option<Identity>,
    ttl: Duration,
    timings: Option<Timings>,
    alarm: Option<Alarm>,
    make: fn(Contender) -> T,
}

impl<T> Builder<T> {
    pub(crate) fn new(store: Arc<dyn Store>, name: impl Into<String>, make: fn(Contender) -> T) -> Self {
        let (name, ttl) = (name.into(), Timings::DEFAULT_TTL);
        Self { store, name, identity: None, ttl, timings: None, alarm: None, make }
    }

    /// With this time to live, from which all other times follow; 15 seconds by default.
    ///
    /// A longer one bears longer pauses and costs less; a shorter one hands over sooner after
    /// a crash.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// With these timings, whatever [`Builder::ttl`] said.
    pub const fn timings(mut self, timings: Timings) -> Self {
        self.timings = Some(timings);
        self
    }

    /// As this owner, rather than [`Identity::of_process`].
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// With a watchdog that barks when an ownership that was lost has not been given back after
    /// the grace time, and before another can be granted.
    ///
    /// [`Ownership::release`](crate::Ownership::release) and dropping it call the watchdog off. On
    /// the system's clock it barks from a thread of its own, so that it is heard when the runtime
    /// has stalled, and `std::process::abort` is a bark that nothing survives:
    ///
    /// ```
    /// # use entourage_election::LeaseLock;
    /// # use entourage_store::MemoryStore;
    /// let lock = LeaseLock::builder(MemoryStore::new(), "printer").watchdog(|| std::process::abort()).build()?;
    /// # Ok::<(), entourage_election::Error>(())
    /// ```
    pub fn watchdog(mut self, bark: impl Fn() + Send + Sync + 'static) -> Self {
        self.alarm = Some(Arc::new(bark));
        self
    }

    /// Makes it. Nothing is asked of the store before the first acquisition.
    ///
    /// # Errors
    /// [`Error::Name`](crate::Error::Name) and [`Error::Timings`](crate::Error::Timings) for what
    /// cannot work, with the numbers.
    pub fn build(self) -> Result<T> {
        let timings = match self.timings {
            Some(timings) => timings,
            None => Timings::builder().ttl(self.ttl).build()?,
        };
        let name = Name::new(&self.name)?;
        let (clock, fence_key) = (self.store.clock(), name.fence_key());
        let identity = self.identity.unwrap_or_else(Identity::of_process);
        let (store, alarm, counts) = (self.store, self.alarm, Arc::new(Counts::new()));
        let setup = Setup { store, clock, name, identity, timings, alarm, fence_key, counts };
        Ok((self.make)(Contender::new(setup)))
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("identity", &self.identity)
            .field("ttl", &self.ttl)
            .field("timings", &self.timings)
            .field("has_watchdog", &self.alarm.is_some())
            .finish_non_exhaustive()
    }
}
