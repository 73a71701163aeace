//! How a lock or an election stands.

use std::time::Duration;

/// How a lock or an election stands in this process, at one moment.
///
/// It is read from what the process knows, and asks the store nothing, so that an operator's page
/// may look at it as often as it likes. Guard effects by the fence and not by this.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether it is owned here, as [`Held::is_held`](crate::Held::is_held) says.
    pub is_owner: bool,
    /// The epoch that was granted here last; `None` before the first.
    pub epoch: Option<u64>,
    /// The calls of this process that wait for it.
    pub waiting: u64,
    /// Who is in line, the owner included; `None` without a session.
    pub contenders: Option<usize>,
    /// How many of them are before this process; `None` while it is not in line.
    pub ahead: Option<usize>,
    /// How long ago the last confirmed renewal was sent; `None` without a session.
    pub renewed: Option<Duration>,
    /// False while somebody waits here and the store has not confirmed a session within
    /// [`hold`](crate::Timings::hold): to wait is to be in touch, to wait without a store is not.
    pub is_in_touch: bool,
}
