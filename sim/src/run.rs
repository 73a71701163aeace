//! What a simulation came to.

use entourage_core::Moment;

use crate::{coverage::Coverage, history::History, trace::Trace};

/// What a simulation came to: every awaited process has returned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// When it ended, in virtual time.
    pub ended: Moment,
    /// Everything that happened.
    pub trace: Trace,
    /// The calls that were made and the crash points hit.
    pub coverage: Coverage,
    /// What the processes recorded, with kills and faults.
    pub history: History,
    /// Every fence that a substrate granted through a wrapper, and every one that it then
    /// accepted, in the order in which it did: to be given to
    /// [`check_grants`](crate::check_grants).
    pub grants: History,
}

/// A simulation that cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stuck {
    /// Every process waits, and nothing is due.
    #[error(
        "in seed {seed}, {} wait(s) for ever; nothing is due after {:?}", .waiting.join(", "), .at.since(Moment::ZERO)
    )]
    Deadlock {
        /// The seed.
        seed: u64,
        /// When.
        at: Moment,
        /// The awaited processes that have not returned.
        waiting: Vec<String>,
    },
    /// Awaited processes are still busy at the end of the virtual time that was allowed.
    #[error("in seed {seed}, {} did not end within {:?} of virtual time", .waiting.join(", "), .at.since(Moment::ZERO))]
    OutOfTime {
        /// The seed.
        seed: u64,
        /// When.
        at: Moment,
        /// The awaited processes that have not returned.
        waiting: Vec<String>,
    },
    /// Processes wake each other without end while no time passes.
    #[error("in seed {seed}, {turns} turns were taken at {:?}; some process polls without waiting", .at.since(Moment::ZERO))]
    Busy {
        /// The seed.
        seed: u64,
        /// When.
        at: Moment,
        /// How many.
        turns: u64,
    },
}
