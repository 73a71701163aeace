//! The work itself.

use std::{fmt, future::Future};

use entourage_queue::Item;

use crate::{attempt::Attempt, outcome::Outcome};

/// Does the work of one item: the book's worker interface (chapter 10).
///
/// An item may be worked on more than once: a worker dies after its effect and before it is
/// settled. What the work writes to therefore checks the attempt's fence, or is idempotent by
/// the item's id.
#[async_trait::async_trait]
pub trait Worker: fmt::Debug + Send + Sync + 'static {
    /// Works on `item`.
    ///
    /// # Cancel safety
    /// The future is dropped when its time is over or the process must end; the item is then
    /// worked on again.
    async fn work(&self, item: &Item, attempt: &Attempt) -> Outcome;
}

/// A closure as a worker.
///
/// # Examples
/// ```
/// use entourage_workqueue::{Outcome, worker_fn};
///
/// let worker = worker_fn("shout", |item, attempt| async move {
///     println!("{} (attempt {})", item.id(), attempt.number());
///     Outcome::Done
/// });
/// ```
pub fn worker_fn<F, Fut>(name: &'static str, work: F) -> FnWorker<F>
where
    F: Fn(Item, Attempt) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send,
{
    FnWorker { name, work }
}

/// What [`worker_fn`] returns.
#[derive(Clone)]
pub struct FnWorker<F> {
    name: &'static str,
    work: F,
}

#[async_trait::async_trait]
impl<F, Fut> Worker for FnWorker<F>
where
    F: Fn(Item, Attempt) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send,
{
    async fn work(&self, item: &Item, attempt: &Attempt) -> Outcome {
        (self.work)(item.clone(), attempt.clone()).await
    }
}

impl<F> fmt::Debug for FnWorker<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FnWorker").field(&self.name).finish()
    }
}
