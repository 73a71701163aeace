//! How a topic is kept and how a subscription works.

use std::time::Duration;

/// How a topic is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicOptions {
    /// Most unsettled items; a publish or step that would leave more is refused whole.
    pub capacity: u64,
    /// How long an item's id is remembered after it was published.
    pub dedupe_window: Duration,
    /// How many ids are remembered; beyond it the oldest are forgotten early.
    pub dedupe_ids: u64,
}

impl TopicOptions {
    /// One million items; ids remembered for 24 hours or one million ids.
    #[must_use]
    pub const fn new() -> Self {
        Self { capacity: 1_000_000, dedupe_window: Duration::from_secs(24 * 60 * 60), dedupe_ids: 1_000_000 }
    }

    /// With room for this many items.
    #[must_use]
    pub const fn with_capacity(mut self, items: u64) -> Self {
        self.capacity = items;
        self
    }

    /// Remembering ids for `window`, and at most `ids` of them.
    #[must_use]
    pub const fn with_dedupe(mut self, window: Duration, ids: u64) -> Self {
        self.dedupe_window = window;
        self.dedupe_ids = ids;
        self
    }
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// How a subscription works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscribeOptions {
    /// How long a receiver may be silent before its items go to others. The receiver's
    /// heartbeat comes at a third of it.
    pub lease: Duration,
    /// How long one attempt may take although the receiver lives; `renew` extends it.
    pub time_limit: Duration,
    /// How often an item may be leased and neither settled nor given back (its worker died,
    /// or it ran out of time) before it is a dead letter. Retries do not count.
    pub delivery_limit: u32,
}

impl SubscribeOptions {
    /// Leases of 30 s, attempts of up to an hour, five deliveries.
    #[must_use]
    pub const fn new() -> Self {
        Self { lease: Duration::from_secs(30), time_limit: Duration::from_secs(60 * 60), delivery_limit: 5 }
    }

    /// With leases of this length; at least 10 ms.
    #[must_use]
    pub const fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// With attempts of up to `limit`.
    #[must_use]
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// With this many deliveries before an item counts as poison.
    #[must_use]
    pub const fn with_delivery_limit(mut self, deliveries: u32) -> Self {
        self.delivery_limit = deliveries;
        self
    }
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self::new()
    }
}
