//! What a backend can do, and up to which limits.

use std::time::Duration;

/// How far a store's exclusion can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exclusion {
    /// Acknowledged writes survive, and fences never repeat: exclusion is proved.
    Fenced,
    /// Acknowledged writes may be lost on failover: a hint to avoid double work, no more.
    Advisory,
}

/// What a backend can do, and up to which limits. A call beyond them is refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// How far its exclusion can be trusted.
    pub exclusion: Exclusion,
    /// Whether an acknowledged write survives the loss of power.
    pub durable: bool,
    /// Whether several processes may share it.
    pub shared: bool,
    /// Conditions plus operations in one transaction.
    pub max_operations: usize,
    /// Bytes in one value.
    pub max_value_bytes: usize,
    /// The shortest time to live of a session; a shorter one is granted as this.
    pub min_ttl: Duration,
    /// Times to live are rounded up to a multiple of this.
    pub ttl_step: Duration,
    /// How long after its deadline a session, with its keys, may still be found; zero where
    /// every call looks at the clock. A server that looks from time to time takes a while, and
    /// longer when it is busy or fails over: it never ends a session early.
    pub expiry_lag: Duration,
}

impl Capabilities {
    /// Longest key, in bytes, on every backend.
    pub const MAX_KEY_BYTES: usize = 1024;
    /// Most entries that one listing returns, on every backend.
    pub const MAX_LISTING: usize = 1000;

    /// An advisory, volatile, unshared store with the limits every backend keeps.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            exclusion: Exclusion::Advisory,
            durable: false,
            shared: false,
            max_operations: 128,
            max_value_bytes: 1024 * 1024,
            min_ttl: Duration::from_millis(1),
            ttl_step: Duration::from_millis(1),
            expiry_lag: Duration::ZERO,
        }
    }

    /// With this exclusion.
    #[must_use]
    pub const fn with_exclusion(mut self, exclusion: Exclusion) -> Self {
        self.exclusion = exclusion;
        self
    }

    /// With writes that survive the loss of power.
    #[must_use]
    pub const fn with_durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// With several processes.
    #[must_use]
    pub const fn with_shared(mut self, shared: bool) -> Self {
        self.shared = shared;
        self
    }

    /// With this many conditions and operations in a transaction.
    #[must_use]
    pub const fn with_max_operations(mut self, operations: usize) -> Self {
        self.max_operations = operations;
        self
    }

    /// With values of up to this many bytes.
    #[must_use]
    pub const fn with_max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// With times to live of at least `min`, in multiples of `step`.
    #[must_use]
    pub const fn with_ttl(mut self, min: Duration, step: Duration) -> Self {
        self.min_ttl = min;
        self.ttl_step = step;
        self
    }

    /// With sessions that may be found for this long after their deadline.
    #[must_use]
    pub const fn with_expiry_lag(mut self, lag: Duration) -> Self {
        self.expiry_lag = lag;
        self
    }

    /// What a session that asks for `ttl` is granted at least. A server with a minimum of its
    /// own may grant more; [`Session::granted_ttl`](crate::Session::granted_ttl) tells.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use entourage_store::Capabilities;
    ///
    /// let whole_seconds = Capabilities::new().with_ttl(Duration::from_secs(2), Duration::from_secs(1));
    /// assert_eq!(whole_seconds.granted_ttl(Duration::from_millis(2500)), Duration::from_secs(3));
    /// assert_eq!(whole_seconds.granted_ttl(Duration::ZERO), Duration::from_secs(2));
    /// ```
    #[must_use]
    pub fn granted_ttl(&self, ttl: Duration) -> Duration {
        let step = self.ttl_step.as_nanos().max(1);
        let steps = ttl.max(self.min_ttl).as_nanos().div_ceil(step);
        Duration::from_nanos(u64::try_from(steps.saturating_mul(step)).unwrap_or(u64::MAX))
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}
