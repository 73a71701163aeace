//! What every node of the graph does: turn a batch into one step.

use std::fmt;

use entourage_core::BoxError;
use entourage_queue::{Ask, Delivery, Step};

/// Turns a batch of deliveries into one atomic [`Step`].
///
/// # Contract
/// Everything the stage does inside the queue is in the step, so a crash before it repeats
/// the batch and a crash after it repeats nothing. Effects outside carry the delivery's fence.
#[async_trait::async_trait]
pub trait Stage: fmt::Debug + Send + 'static {
    /// How much it takes at once.
    fn ask(&self) -> Ask;

    /// The step that settles `batch`, or some of it: a delivery that the step does not name
    /// is given back. The batch is empty only for a stage that keeps deliveries.
    ///
    /// # Errors
    /// What no repetition would mend; the workflow stops and the batch is given back.
    ///
    /// # Cancel safety
    /// Dropped when the workflow stops; the batch is given back.
    async fn step(&mut self, batch: Vec<Delivery>) -> Result<Step, BoxError>;

    /// The last step was applied.
    fn applied(&mut self) {}

    /// Whether it keeps deliveries for another step, which is then asked for with no batch.
    fn keeps(&self) -> bool {
        false
    }
}

/// A stage that is a pure function: no time, no input or output, no state of its own.
///
/// It is therefore tested without a runtime and without a queue.
pub trait Combinator: fmt::Debug + Send + Sync + 'static {
    /// How much it takes at once.
    fn ask(&self) -> Ask;

    /// The step that settles `batch`.
    fn combine(&self, batch: Vec<Delivery>) -> Step;
}

#[async_trait::async_trait]
impl<C: Combinator> Stage for C {
    fn ask(&self) -> Ask {
        Combinator::ask(self)
    }

    async fn step(&mut self, batch: Vec<Delivery>) -> Result<Step, BoxError> {
        Ok(self.combine(batch))
    }
}
