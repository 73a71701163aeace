//! The keys that are asked for most, in memory that does not grow.

use std::{collections::HashMap, sync::Arc};

use entourage_core::planted;

use super::heap::LeastFirst;
use crate::{Error, Result};

/// How many bytes of a key [`HeavyKeys`] keeps; longer ones count as one if these are alike.
pub const LONGEST_KEY: usize = 1_024;

/// One of the keys that are asked for most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeavyKey {
    /// The key; its first [`LONGEST_KEY`] bytes.
    pub key: Arc<[u8]>,
    /// How often it was counted: this often at most.
    pub count: u64,
    /// How much of the count may be other keys': at least `count - error` is its own.
    pub error: u64,
}

/// Finds the keys that are asked for most, by counting at most `k` at a time.
///
/// Space-saving: a key that is not counted takes the place and the count of the least one. So a
/// count is never too low, and too high by at most its `error`, which is at most
/// [`total`](Self::total)` / k`; and every key that was asked for more often than that is found.
/// An update costs one look-up and `log k` steps; a key that is new allocates. Memory is `k`
/// times a key of at most [`LONGEST_KEY`] bytes. Its hash map is seeded anew in each process
/// against keys that were chosen to collide; answers do not depend on that.
///
/// Source: Metwally, Agrawal and El Abbadi, *Efficient Computation of Frequent and Top-k Elements
/// in Data Streams* (2005).
///
/// ```
/// use entourage_sharding::HeavyKeys;
///
/// let mut keys = HeavyKeys::new(10)?;
/// for number in 0..1_000 {
///     keys.add(format!("user:{number}").as_bytes(), 1);
///     keys.add(b"everybody's", 1);
/// }
/// let top = keys.top(1);
/// assert_eq!(&*top[0].key, b"everybody's");
/// assert!(top[0].count - top[0].error <= 1_000 && 1_000 <= top[0].count);
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeavyKeys {
    capacity: usize,
    total: u64,
    counters: HashMap<Arc<[u8]>, usize>,
    counts: LeastFirst,
    /// Of each counter, the key that it counts, and how much it had when it took it over.
    keys: Vec<(Arc<[u8]>, u64)>,
}

impl HeavyKeys {
    /// Counts at most so many keys at a time: ten times as many as are to be found is good.
    ///
    /// # Errors
    /// [`Error::NoCounters`] for 0.
    pub fn new(capacity: usize) -> Result<Self> {
        if capacity == 0 {
            return Err(Error::NoCounters);
        }
        Ok(Self {
            capacity,
            total: 0,
            counters: HashMap::new(),
            counts: LeastFirst::default(),
            keys: Vec::new(),
        })
    }

    /// Counts so much for a key: 1 for a request, or its bytes.
    pub fn add(&mut self, key: &[u8], count: u64) {
        if count == 0 {
            return;
        }
        let key = &key[..key.len().min(LONGEST_KEY)];
        self.total = self.total.saturating_add(count);
        if let Some(counter) = self.counters.get(key) {
            self.counts.add(*counter, count);
            return;
        }
        let key: Arc<[u8]> = key.into();
        let least = self.counts.least().filter(|_| self.counts.len() == self.capacity);
        let counter = match least {
            None => {
                self.counts.push(count);
                self.keys.push((Arc::clone(&key), 0));
                self.keys.len() - 1
            }
            Some(counter) => {
                let error =
                    if planted("heavy-keys-hide-their-error") { 0 } else { self.counts.count(counter) };
                let (old, _) = std::mem::replace(&mut self.keys[counter], (Arc::clone(&key), error));
                self.counters.remove(&old);
                self.counts.add(counter, count);
                counter
            }
        };
        self.counters.insert(key, counter);
    }

    /// The keys with the highest counts, the highest first, of equal ones by their bytes.
    #[must_use]
    pub fn top(&self, most: usize) -> Vec<HeavyKey> {
        let keys = self.keys.iter().enumerate();
        let mut top: Vec<_> = keys
            .map(|(counter, (key, error))| HeavyKey {
                key: Arc::clone(key),
                count: self.counts.count(counter),
                error: *error,
            })
            .collect();
        top.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        top.truncate(most);
        top
    }

    /// What was counted altogether.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many keys are counted at a time.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Begins anew, for another interval.
    pub fn clear(&mut self) {
        self.total = 0;
        self.counters.clear();
        self.counts.clear();
        self.keys.clear();
    }
}
