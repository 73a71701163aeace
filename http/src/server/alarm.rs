//! One timer for deadlines that mostly move away.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use entourage_core::{Clock, Moment, Sleep};

/// Wakes its task no later than a deadline.
///
/// A sleep that was set for an earlier deadline is kept: it wakes once in vain, which costs less than a
/// new timer for each request.
pub(super) struct Alarm {
    clock: Arc<dyn Clock>,
    set: Option<(Moment, Sleep)>,
}

impl Alarm {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, set: None }
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Ready once the clock has reached `deadline`.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline: Moment) -> Poll<()> {
        loop {
            if self.clock.now() >= deadline {
                return Poll::Ready(());
            }
            if self.set.as_ref().is_none_or(|(at, _)| *at > deadline) {
                self.set = Some((deadline, self.clock.sleep_until(deadline)));
            }
            let Some((_, sleep)) = &mut self.set else { continue };
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.set = None;
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").field("at", &self.set.as_ref().map(|(at, _)| at)).finish_non_exhaustive()
    }
}
