//! What the holder of a session may believe, from the answers that it has seen.

use std::time::Duration;

use entourage_core::Moment;

use crate::error::Result;

/// What the holder may believe of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// The last renewal was confirmed.
    Live {
        /// When it ends unless it is renewed.
        until: Moment,
    },
    /// A renewal was sent and its answer has not come, or was an error.
    Doubtful {
        /// When it surely ends for the holder unless a renewal is confirmed.
        until: Moment,
    },
    /// It ended, expired, or another incarnation resumed it. It never comes back.
    Lost,
}

/// What the holder knows, from answers it has seen.
#[derive(Debug)]
pub(super) struct Belief {
    pub(super) ttl: Duration,
    until: Moment,
    doubtful: bool,
    lost: bool,
}

impl Belief {
    /// A session that was granted on a request of `sent`.
    pub(super) fn granted(ttl: Duration, sent: Moment) -> Self {
        Self { ttl, until: sent + ttl, doubtful: false, lost: false }
    }

    pub(super) fn standing(&self, now: Moment) -> Standing {
        if self.lost || now >= self.until {
            Standing::Lost
        } else if self.doubtful {
            Standing::Doubtful { until: self.until }
        } else {
            Standing::Live { until: self.until }
        }
    }

    /// A renewal is sent; whether it may be.
    pub(super) fn ask(&mut self, now: Moment) -> bool {
        // Lost once is lost for good, wherever the clock goes.
        self.lost |= self.standing(now) == Standing::Lost;
        self.doubtful = true;
        !self.lost
    }

    /// The answer to a renewal of `sent` has come; whether the session is still there.
    pub(super) fn hear(&mut self, sent: Moment, now: Moment, answer: &Result<Duration>) -> bool {
        // Whoever asked at the deadline was told that it is lost, and may have acted on it.
        self.lost |= now >= self.until;
        match answer {
            Ok(_) if self.lost => {}
            Ok(ttl) => {
                self.ttl = *ttl;
                // A late answer to an early request must not shorten what a later one gave.
                self.until = self.until.max(sent + *ttl);
                self.doubtful = false;
            }
            Err(error) => self.lost |= error.is_session_lost(),
        }
        !self.lost
    }

    pub(super) const fn lose(&mut self) {
        self.lost = true;
    }
}
