//! How a work queue is managed.

use std::time::Duration;

use crate::scaler::ScalerOptions;

/// How a work queue is managed.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use entourage_workqueue::{ScalerOptions, WorkQueueOptions};
///
/// let fixed = WorkQueueOptions::new().with_parallelism(4).with_time_limit(Duration::from_secs(600));
/// let scaled = WorkQueueOptions::new().with_scaler(ScalerOptions::new().with_bounds(1, 64));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkQueueOptions {
    /// How many items are worked on at a time; the same at both ends for a fixed number.
    pub scaler: ScalerOptions,
    /// How long after a listing the next one begins, give or take a tenth by chance.
    ///
    /// A source whose items are used up, and that has more than it listed, is listed again as soon
    /// as it has let go of something.
    pub interval: Duration,
    /// How long the source may take to answer.
    pub patience: Duration,
    /// How long one attempt may take, with fetching its datum; then it has failed.
    pub time_limit: Duration,
    /// How many attempts an item has; the last that fails makes a dead letter of it.
    pub attempts: u32,
    /// The longest wait after the first failed attempt; it doubles with each, and is drawn by
    /// chance from the whole of it.
    pub backoff: Duration,
    /// The longest wait after any failed attempt, or while a source or queue is away.
    pub backoff_cap: Duration,
    /// How long a member of the pool may be silent before its items go to others.
    pub lease: Duration,
    /// How often an item's worker may die with it before it is a dead letter.
    pub delivery_limit: u32,
    /// Most unsettled items in the queue; the listing waits for room.
    pub capacity: u64,
    /// Most names that are known at a time; what a source lists beyond them waits.
    pub names: usize,
    /// After how many listings without it a finished item is forgotten.
    pub forget_after: u32,
    /// How long a worker that was told to give its item back may take to do so.
    pub grace: Duration,
}

impl WorkQueueOptions {
    /// One item at a time, listed every 30 s, with five attempts of up to an hour each.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            scaler: ScalerOptions::new().with_bounds(1, 1),
            interval: Duration::from_secs(30),
            patience: Duration::from_secs(30),
            time_limit: Duration::from_secs(60 * 60),
            attempts: 5,
            backoff: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(60),
            lease: Duration::from_secs(30),
            delivery_limit: 5,
            capacity: 1_000_000,
            names: 1_000_000,
            forget_after: 3,
            grace: Duration::from_secs(1),
        }
    }

    /// With always so many items at a time, at least one.
    #[must_use]
    pub const fn with_parallelism(mut self, items: usize) -> Self {
        let items = if items == 0 { 1 } else { items };
        self.scaler = self.scaler.with_bounds(items, items);
        self
    }

    /// With as many items at a time as a scaler finds.
    #[must_use]
    pub const fn with_scaler(mut self, scaler: ScalerOptions) -> Self {
        self.scaler = scaler;
        self
    }

    /// With listings so far apart.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// With a source that may take so long to answer.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// With attempts of up to `limit`.
    #[must_use]
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// With so many attempts an item, at least one.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Waiting up to `first` after the first failure, twice as long after each further one,
    /// and up to `cap` after any.
    #[must_use]
    pub const fn with_backoff(mut self, first: Duration, cap: Duration) -> Self {
        self.backoff = first;
        self.backoff_cap = cap;
        self
    }

    /// With leases of this length.
    #[must_use]
    pub const fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// With an item that may be with so many workers when they die.
    #[must_use]
    pub const fn with_delivery_limit(mut self, deliveries: u32) -> Self {
        self.delivery_limit = deliveries;
        self
    }

    /// With room for so many unsettled items.
    #[must_use]
    pub const fn with_capacity(mut self, items: u64) -> Self {
        self.capacity = items;
        self
    }

    /// Knowing at most so many names.
    #[must_use]
    pub const fn with_names(mut self, names: usize) -> Self {
        self.names = names;
        self
    }

    /// Forgetting a finished item after so many listings without it, at least one.
    #[must_use]
    pub const fn with_forget_after(mut self, listings: u32) -> Self {
        self.forget_after = if listings == 0 { 1 } else { listings };
        self
    }

    /// Giving a worker so long to give its item back when it is told to.
    #[must_use]
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

impl Default for WorkQueueOptions {
    fn default() -> Self {
        Self::new()
    }
}
