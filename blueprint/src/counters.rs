//! Numbers that a node counts, for whoever draws or scrapes it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A fixed set of named numbers that anybody may read at any time.
///
/// A clone is a handle to the same numbers and costs one reference count. Names
/// are snake case as Prometheus has them, with the unit in the name; those that
/// only count up end in `_total`. Look counters up once, when the thing that counts
/// is built, and keep the [`Counter`]s.
///
/// ```
/// use entourage_blueprint::Counters;
///
/// let counters = Counters::new(&["items_total", "leases_open"]);
/// let items = counters.counter("items_total");
/// items.add(3);
/// assert_eq!(counters.snapshot(), [("items_total", 3), ("leases_open", 0)]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Counters {
    named: Arc<[(&'static str, Counter)]>,
}

/// One number of a [`Counters`]: a cheap handle that counts without a lock.
///
/// Reads and writes are relaxed: no order among different counters is promised.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    value: Arc<AtomicU64>,
}

impl Counters {
    /// A set with these names, all zero, in this order.
    ///
    /// # Panics
    /// If a name is there twice or is not snake case (`[a-z][a-z0-9_]*`).
    ///
    /// ```
    /// let counters = entourage_blueprint::Counters::new(&["commits_total"]);
    /// assert_eq!(counters.snapshot(), [("commits_total", 0)]);
    /// ```
    #[must_use]
    pub fn new(names: &'static [&'static str]) -> Self {
        for (at, name) in names.iter().enumerate() {
            assert!(is_snake_case(name), "counter name {name:?} is not snake case");
            assert!(!names[..at].contains(name), "counter name {name:?} is there twice");
        }
        Self { named: names.iter().map(|name| (*name, Counter::default())).collect() }
    }

    /// The counter of that name: a handle to the very number that is shown.
    ///
    /// # Panics
    /// If the set was made without that name. Call it where things are built, not
    /// where they run.
    ///
    /// ```
    /// let counters = entourage_blueprint::Counters::new(&["commits_total"]);
    /// counters.counter("commits_total").increment();
    /// assert_eq!(counters.counter("commits_total").value(), 1);
    /// ```
    #[must_use]
    pub fn counter(&self, name: &str) -> Counter {
        match self.named.iter().find(|(n, _)| *n == name) {
            Some((_, counter)) => counter.clone(),
            None => panic!(
                "no counter {name:?} among {:?}",
                self.named.iter().map(|(n, _)| *n).collect::<Vec<_>>()
            ),
        }
    }

    /// The names and their values now, in the order in which they were given.
    ///
    /// Each value is exact; together they are no snapshot of one moment.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
        self.named.iter().map(|(name, counter)| (*name, counter.value())).collect()
    }
}

impl Counter {
    /// Counts `n` more; wraps after 2^64.
    ///
    /// ```
    /// let counter = entourage_blueprint::Counter::default();
    /// counter.add(2);
    /// assert_eq!(counter.value(), 2);
    /// ```
    pub fn add(&self, n: u64) {
        self.value.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts one more.
    ///
    /// ```
    /// let counter = entourage_blueprint::Counter::default();
    /// counter.increment();
    /// assert_eq!(counter.value(), 1);
    /// ```
    pub fn increment(&self) {
        self.add(1);
    }

    /// Shows this value from now on: for names that do not end in `_total`.
    ///
    /// ```
    /// let open = entourage_blueprint::Counter::default();
    /// open.set(7);
    /// open.set(5);
    /// assert_eq!(open.value(), 5);
    /// ```
    pub fn set(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

fn is_snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_counts_the_same_number() {
        let counters = Counters::new(&["items_total"]);
        let copy = counters.clone();
        let (a, b) = (counters.counter("items_total"), copy.counter("items_total"));
        a.add(2);
        b.increment();
        assert_eq!(counters.snapshot(), [("items_total", 3)]);
    }

    #[test]
    fn no_count_is_lost_between_threads() {
        let counters = Counters::new(&["items_total"]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let counter = counters.counter("items_total");
                scope.spawn(move || (0..1_000).for_each(|_| counter.increment()));
            }
        });
        assert_eq!(counters.counter("items_total").value(), 4_000);
    }

    #[test]
    #[should_panic(expected = "no counter \"misspelt_total\" among [\"items_total\"]")]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let _ = Counters::new(&["items_total"]).counter("misspelt_total");
    }

    #[test]
    #[should_panic(expected = "is there twice")]
    fn a_name_is_taken_once() {
        let _ = Counters::new(&["items_total", "items_total"]);
    }

    #[test]
    #[should_panic(expected = "is not snake case")]
    fn a_name_that_a_metrics_page_would_refuse_is_refused() {
        let _ = Counters::new(&["items-total"]);
    }
}
