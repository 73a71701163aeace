//! Whether trying again can help.

/// What a failure says about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It will fail the same way: change something first.
    Permanent,
    /// Nothing happened, and the same call may succeed later.
    Transient,
    /// It may or may not have happened: repeat only what is harmless to repeat.
    Unknown,
}

/// An error that carries its own retry verdict.
pub trait Retryable {
    /// What this failure says about trying again.
    fn verdict(&self) -> Verdict;

    /// Whether the same call may be repeated without thought.
    fn is_retryable(&self) -> bool {
        self.verdict() == Verdict::Transient
    }
}
