//! What a worker is told about its try.

use entourage_core::{Fence, Moment, Shutdown};
use entourage_queue::Delivery;

/// One try at one item.
#[derive(Clone, Debug)]
pub struct Attempt {
    fence: Fence,
    number: u32,
    deadline: Moment,
    shutdown: Shutdown,
}

impl Attempt {
    /// The attempt of a delivery that must be finished by `deadline`.
    #[must_use]
    pub fn of(delivery: &Delivery, deadline: Moment, shutdown: Shutdown) -> Self {
        Self { fence: delivery.fence().clone(), number: delivery.attempt(), deadline, shutdown }
    }

    /// Proof of this attempt: pass it on to whatever the work writes to.
    #[must_use]
    pub const fn fence(&self) -> &Fence {
        &self.fence
    }

    /// The number of this attempt, from 1; interruptions are not counted.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// When the item goes to somebody else.
    #[must_use]
    pub const fn deadline(&self) -> Moment {
        self.deadline
    }

    /// Waits until the work is to be given back. Cancel-safe.
    ///
    /// A worker that cannot finish soon answers
    /// [`Outcome::Interrupted`](crate::Outcome::Interrupted) then, which burns no attempt.
    pub async fn cancelled(&self) {
        self.shutdown.stopped().await;
    }
}
