//! How an item ended.

/// How an item ended of which nobody asks its source again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finish {
    /// It is done.
    Done,
    /// It was given up, and is a dead letter of whoever worked it off.
    ///
    /// A source that keeps it has it worked on when the letter is redriven; of one that lets go of
    /// it the letter stays dead, and the item is to be added again.
    Dead,
}
