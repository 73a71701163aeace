//! How often what happened, and what broke.

use std::fmt;

/// A promise that a history breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: &'static str,
    pub(crate) what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is broken: {}", self.promise, self.what)
    }
}

/// One life of a process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life {
    pub(crate) name: String,
    pub(crate) incarnation: u32,
}

/// How often what happened in one history, or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Grants that the store made.
    pub(crate) grants: u64,
    /// Of them, those after an owner that had not released.
    pub(crate) takeovers: u64,
    /// Writes that somebody tried who was no owner any more, and those refused.
    pub(crate) stale: u64,
    pub(crate) refused: u64,
    /// Grants at which the belief of all others was judged.
    pub(crate) judged: u64,
    /// Sessions that a later life resumed.
    pub(crate) resumed: u64,
}

impl Counts {
    pub(crate) const fn add(&mut self, other: &Self) {
        self.grants += other.grants;
        self.takeovers += other.takeovers;
        self.stale += other.stale;
        self.refused += other.refused;
        self.judged += other.judged;
        self.resumed += other.resumed;
    }
}
