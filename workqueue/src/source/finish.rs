//! How an item ended.

/// How an item ended of which nobody asks its source again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finish {
    /// It is done.
    Done,
    /// It was given up, and is a dead letter of whoever worked it off.
    Dead,
}
