//! How an attempt ended.

use std::time::Duration;

use entourage_queue::{Delivery, Step};

/// How an attempt ended. Interrupted is not failed: only [`Outcome::Retry`] burns an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an outcome settles nothing until it is settled"]
pub enum Outcome {
    /// The item is done.
    Done,
    /// It failed and may succeed after this long;
    /// [`Attempt::retry`](crate::Attempt::retry) makes one that says why.
    Retry(Duration),
    /// It will never succeed, for this reason: a dead letter.
    Dead(String),
    /// It was not tried to its end; somebody else may take it at once.
    Interrupted,
}

impl Outcome {
    /// Adds the settlement of `delivery` to `step`.
    ///
    /// # Examples
    /// ```
    /// # use entourage_queue::{Delivery, Step};
    /// use entourage_workqueue::Outcome;
    ///
    /// fn settle(delivery: Delivery) -> Step {
    ///     Outcome::Dead("no such customer".into()).settle(delivery, Step::new())
    /// }
    /// ```
    pub fn settle(self, delivery: Delivery, step: Step) -> Step {
        match self {
            Self::Done => step.accept(delivery),
            Self::Retry(after) => step.retry(delivery, after),
            Self::Dead(reason) => step.reject(delivery, reason),
            Self::Interrupted => step.release(delivery),
        }
    }
}
