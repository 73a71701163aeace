//! One attempt at an item, as a judge remembers it.

/// One attempt at an item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) epoch: u64,
    /// The number of its worker.
    pub(crate) worker: u32,
    /// Before it began: its lease was not granted earlier than that.
    pub(crate) asked: u64,
    pub(crate) end: End,
    pub(crate) has_effect: bool,
    /// A later attempt was begun when this one's lease could not be over.
    pub(crate) is_early: bool,
}

/// How an attempt ended, as its worker said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It has said nothing.
    Open,
    /// Done or given up.
    Settled,
    /// To be tried again.
    GivenBack,
    /// It came too late.
    Refused,
}

impl Attempt {
    pub(crate) const fn new(epoch: u64, worker: u32, asked: u64) -> Self {
        Self { epoch, worker, asked, end: End::Open, has_effect: false, is_early: false }
    }
}
