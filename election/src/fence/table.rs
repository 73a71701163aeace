//! A bounded map of scopes that is read without a lock.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, OnceLock, PoisonError},
};

use entourage_core::Scope;

/// A value for each of up to a fixed number of scopes.
///
/// Scopes are only ever added, so a reader needs neither a lock nor a copy: open addressing over
/// cells that are written once. There are at least twice as many cells as scopes, hence every
/// search ends at an empty one. Hashes are keyed, because scopes come from outside.
pub(super) struct Table<P> {
    cells: Box<[Cell<P>]>,
    hasher: RandomState,
    limit: usize,
    used: Mutex<usize>,
}

struct Cell<P> {
    scope: OnceLock<Scope>,
    value: P,
}

impl<P: Default> Table<P> {
    const MAX: usize = 1 << 20;

    /// A table of at least one and at most about a million scopes.
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Self::MAX);
        let cell = || Cell { scope: OnceLock::new(), value: P::default() };
        let cells = std::iter::repeat_with(cell).take((limit * 2).next_power_of_two()).collect();
        Self { cells, hasher: RandomState::new(), limit, used: Mutex::new(0) }
    }
}

impl<P> Table<P> {
    /// How many scopes it takes.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// The value of `scope`, which is added if it is new; `None` if there is no room.
    pub(super) fn entry(&self, scope: &Scope) -> Option<&P> {
        self.find(scope.as_str()).or_else(|| self.add(scope))
    }

    /// The value of `scope`, if it was added.
    pub(super) fn find(&self, scope: &str) -> Option<&P> {
        self.search(scope).ok().map(|cell| &cell.value)
    }

    /// Every scope with its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Scope, &P)> {
        self.cells.iter().filter_map(|cell| Some((cell.scope.get()?, &cell.value)))
    }

    #[cold]
    fn add(&self, scope: &Scope) -> Option<&P> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match self.search(scope.as_str()) {
            // Another caller was faster.
            Ok(cell) => Some(&cell.value),
            Err(cell) if *used < self.limit => {
                *used += 1;
                cell.scope.get_or_init(|| scope.clone());
                Some(&cell.value)
            }
            Err(_) => None,
        }
    }

    /// The cell of `scope`, or the empty one where it belongs.
    fn search(&self, scope: &str) -> Result<&Cell<P>, &Cell<P>> {
        let mask = self.cells.len() - 1;
        let mut place = usize::try_from(self.hasher.hash_one(scope) & mask as u64).unwrap_or(0);
        loop {
            let cell = &self.cells[place];
            match cell.scope.get() {
                Some(found) if found.as_str() == scope => return Ok(cell),
                Some(_) => place = (place + 1) & mask,
                None => return Err(cell),
            }
        }
    }
}

impl<P: fmt::Debug> fmt::Debug for Table<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(scope, value)| (scope.as_str(), value))).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use entourage_core::Scope;

    use super::Table;

    #[test]
    fn a_full_table_finds_every_scope_and_takes_no_more() {
        let table = Table::<AtomicU64>::new(100);
        let name = |number: u64| Scope::new(format!("scope-{number}"));
        for number in 0..100 {
            table.entry(&name(number)).unwrap().store(number, Ordering::Relaxed);
        }
        assert!(table.entry(&name(100)).is_none());
        assert!(table.find("scope-100").is_none());
        for number in 0..100 {
            assert_eq!(table.entry(&name(number)).unwrap().load(Ordering::Relaxed), number);
        }
        assert_eq!(table.iter().count(), 100);
    }

    #[test]
    fn callers_that_add_the_same_scope_share_its_value() {
        let table = Table::<AtomicU64>::new(8);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for number in 0..8_000 {
                        let scope = Scope::new(format!("scope-{}", number % 8));
                        table.entry(&scope).unwrap().fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let counts: Vec<_> = table.iter().map(|(_, count)| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts, vec![8_000; 8]);
    }
}
