//! What a backend can do, and up to which limits.

/// What a backend can do, and up to which limits. A call beyond them is refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether an accepted item survives the loss of power.
    pub durable: bool,
    /// Whether several processes may share it.
    pub shared: bool,
    /// Whether a step is one transaction; if not, sinks behind it must be idempotent.
    pub atomic_step: bool,
    /// Items in one publish, receive or step.
    pub max_batch: usize,
    /// Bytes in one payload.
    pub max_payload_bytes: usize,
    /// Bytes in one state value.
    pub max_state_bytes: usize,
}

impl Capabilities {
    /// Longest topic, group, item id, key, bundle, step id or state key, in bytes.
    pub const MAX_NAME_BYTES: usize = 1024;

    /// A volatile, unshared queue with atomic steps and the limits every backend keeps.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            durable: false,
            shared: false,
            atomic_step: true,
            max_batch: 1000,
            max_payload_bytes: 64 * 1024 * 1024,
            max_state_bytes: 64 * 1024,
        }
    }

    /// With items that survive the loss of power.
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
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}
