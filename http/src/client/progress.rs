//! What is known of a call that has no answer yet.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::wire::Sent;

/// What a call has sent so far, over all of its tries; read also when the deadline cuts it off.
#[derive(Debug, Default)]
pub(super) struct Progress {
    present: Mutex<Option<Sent>>,
    is_doubtful: AtomicBool,
}

impl Progress {
    pub(super) fn begins(&self, sent: &Sent) {
        sent.reset();
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent.clone());
    }

    /// A try that has ended may have happened, whatever becomes of the next.
    pub(super) fn stays_doubtful(&self) {
        self.is_doubtful.store(true, Ordering::Relaxed);
    }

    pub(super) fn may_have_happened(&self) -> bool {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_doubtful.load(Ordering::Relaxed) || present.as_ref().is_some_and(Sent::is_true)
    }
}
