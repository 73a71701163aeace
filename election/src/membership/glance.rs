//! What a membership shows to whoever looks.

use std::time::Duration;

use entourage_core::Moment;

use super::Shared;

/// How a membership stands, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    /// Who is in line, as the watch tells.
    pub(crate) contenders: usize,
    /// How many of them are before the own key, if that is there.
    pub(crate) ahead: Option<usize>,
    /// How long ago the last confirmed renewal was sent.
    pub(crate) renewed: Duration,
    /// Whether that is less than the time of belief.
    pub(crate) is_confirmed: bool,
}

impl Shared {
    /// How it stands at `now`. Asks the store nothing.
    pub(crate) fn glance(&self, now: Moment) -> Glance {
        let state = self.state();
        Glance {
            contenders: state.queue.len(),
            ahead: state.queue.ahead_of(&self.own),
            renewed: now.since(state.lease.sent()),
            is_confirmed: now < state.lease.until(),
        }
    }
}
