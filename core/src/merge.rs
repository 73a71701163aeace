//! Values that can be combined in any order and any grouping.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{BuildHasher, Hash},
};

/// Combines with another value of its kind.
///
/// # Contract
/// Associative and commutative: partial results arrive in any order and are combined in any
/// tree, so anything else gives an answer that depends on timing. [`check_laws`] tests it.
pub trait Merge {
    /// Takes `other` in.
    fn merge(&mut self, other: Self);
}

/// A count or total; merging adds, and saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sum(pub u64);

impl Merge for Sum {
    fn merge(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

/// The largest value seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Max<T>(pub T);

impl<T: Ord> Merge for Max<T> {
    fn merge(&mut self, other: Self) {
        if other.0 > self.0 {
            self.0 = other.0;
        }
    }
}

impl<K: Ord, V: Merge> Merge for BTreeMap<K, V> {
    fn merge(&mut self, other: Self) {
        for (key, value) in other {
            match self.entry(key) {
                std::collections::btree_map::Entry::Occupied(mut mine) => mine.get_mut().merge(value),
                std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(value)),
            }
        }
    }
}

impl<K: Eq + Hash, V: Merge, S: BuildHasher> Merge for HashMap<K, V, S> {
    fn merge(&mut self, other: Self) {
        for (key, value) in other {
            match self.entry(key) {
                std::collections::hash_map::Entry::Occupied(mut mine) => mine.get_mut().merge(value),
                std::collections::hash_map::Entry::Vacant(place) => drop(place.insert(value)),
            }
        }
    }
}

/// A law that a [`Merge`] breaks, with the samples that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokenLaw {
    /// `(a · b) · c` is not `a · (b · c)` for the samples of these places.
    Associative(usize, usize, usize),
    /// `a · b` is not `b · a` for the samples of these places.
    Commutative(usize, usize),
}

impl fmt::Display for BrokenLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Associative(a, b, c) => {
                write!(f, "merging samples {a}, {b} and {c} depends on their grouping")
            }
            Self::Commutative(a, b) => write!(f, "merging samples {a} and {b} depends on their order"),
        }
    }
}

impl std::error::Error for BrokenLaw {}

/// Tests every pair and triple of `samples` for the laws of [`Merge`].
///
/// # Errors
/// The first [`BrokenLaw`] found.
///
/// # Examples
/// ```
/// use entourage_core::{Merge, Sum, check_laws};
///
/// assert!(check_laws(&[Sum(0), Sum(3), Sum(u64::MAX)]).is_ok());
///
/// #[derive(Clone, PartialEq)]
/// struct LastSeen(u32);
/// impl Merge for LastSeen {
///     fn merge(&mut self, other: Self) { *self = other; }
/// }
/// assert!(check_laws(&[LastSeen(1), LastSeen(2)]).is_err());
/// ```
pub fn check_laws<T: Merge + Clone + PartialEq>(samples: &[T]) -> Result<(), BrokenLaw> {
    let merged = |a: &T, b: &T| {
        let mut sum = a.clone();
        sum.merge(b.clone());
        sum
    };
    for (i, a) in samples.iter().enumerate() {
        for (j, b) in samples.iter().enumerate() {
            if merged(a, b) != merged(b, a) {
                return Err(BrokenLaw::Commutative(i, j));
            }
            for (k, c) in samples.iter().enumerate() {
                if merged(&merged(a, b), c) != merged(a, &merged(b, c)) {
                    return Err(BrokenLaw::Associative(i, j, k));
                }
            }
        }
    }
    Ok(())
}
