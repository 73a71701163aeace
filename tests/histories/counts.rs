//! How much happened in a run.

use std::fmt;

/// How much happened in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Items that a producer knows to be taken.
    pub(crate) accepted: u64,
    /// Items that took effect.
    pub(crate) done: u64,
    /// Dead letters.
    pub(crate) dead: u64,
    /// Attempts that a worker began.
    pub(crate) attempts: u64,
    /// Effects that the fenced sink did not let in: a later attempt had begun, or it was there.
    pub(crate) kept_out: u64,
    /// Settlements of attempts that were over, each refused.
    pub(crate) refused: u64,
    /// Publications whose fate was not known when their producer died.
    pub(crate) unknown: u64,
    /// Processes that were killed, or tasks that were dropped.
    pub(crate) kills: u64,
    /// Processes that stood still for longer than their lease, and went on.
    pub(crate) zombies: u64,
    /// How often the server was killed and started again.
    pub(crate) restarts: u64,
    /// Effects without a fence that came again, because the first worker was killed before it settled …
    pub(crate) after_kill: u64,
    /// … or stood still …
    pub(crate) after_pause: u64,
    /// … or had no server …
    pub(crate) after_outage: u64,
    /// … or was silent for a lease, though nobody had stopped it.
    pub(crate) after_stall: u64,
}

impl Counts {
    pub(crate) const fn duplicates(&self) -> u64 {
        self.after_kill + self.after_pause + self.after_outage + self.after_stall
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} accepted ({} unknown at first): {} done, {} dead; {} attempts, {} kills, {} zombies, {} restarts; \
             {} effects kept out by the fence, {} late settlements refused; {} unfenced effects came again: \
             {} after a kill, {} after a pause, {} after an outage, {} after a stall",
            self.accepted,
            self.unknown,
            self.done,
            self.dead,
            self.attempts,
            self.kills,
            self.zombies,
            self.restarts,
            self.kept_out,
            self.refused,
            self.duplicates(),
            self.after_kill,
            self.after_pause,
            self.after_outage,
            self.after_stall,
        )
    }
}
