//! A stage that does the work itself, and may block.

use std::fmt;

use entourage_core::BoxError;
use entourage_queue::{Ask, Dead, Delivery, Publication, StateWrite, Step};
use entourage_workqueue::Outcome;

use crate::{payload::Payload, stage::Stage};

/// A decoded item with its delivery.
#[derive(Debug)]
pub struct Input<I> {
    /// What it carries.
    pub value: I,
    delivery: Delivery,
}

impl<I> Input<I> {
    /// The delivery, for its id, fence and attempt.
    pub const fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

/// What a batch of work came to.
#[derive(Debug, Default)]
pub struct Emitted {
    /// How each item ended, from the first on. Items beyond are kept and come again, first,
    /// in the next batch; their leases go on.
    pub outcomes: Vec<Outcome>,
    /// What to publish.
    pub publish: Vec<Publication>,
    /// What to write.
    pub state: Vec<StateWrite>,
}

/// Works on a batch of typed items, and may block: it has a thread to itself meanwhile.
pub trait Work: fmt::Debug + Send + 'static {
    /// What its items carry.
    type Input: Payload + fmt::Debug;

    /// How much it takes at once.
    fn ask(&self) -> Ask;

    /// Works on `batch`, or on as much of its beginning as `Emitted` has outcomes for. The
    /// batch is never empty, and at least its first item needs an outcome.
    ///
    /// # Errors
    /// What no repetition would mend; the workflow stops and the batch is given back.
    fn work(&mut self, batch: &[Input<Self::Input>]) -> Result<Emitted, BoxError>;

    /// What a dead letter of this stage comes to: a tombstone, so that nobody waits for it.
    ///
    /// Called for each dead letter, perhaps more than once and in several processes: what it
    /// emits is named after the item alone, and writes no state at a version. Its `outcomes`
    /// are ignored.
    fn dead(&mut self, value: Self::Input, reason: &str) -> Emitted;

    /// The last batch's step was applied: what it emitted has happened. When it was not, this
    /// is not called, and its items come again, here or elsewhere.
    fn applied(&mut self) {}
}

/// What [`Work`] makes of a dead letter, whatever its items carry.
pub(crate) trait Bury: Send + 'static {
    /// The step for one dead letter; `None` for one that nobody can read.
    fn bury(&mut self, dead: &Dead) -> Option<Step>;
}

impl<W: Work> Bury for W {
    fn bury(&mut self, dead: &Dead) -> Option<Step> {
        let value = W::Input::decode(dead.item.payload()).ok()?;
        let emitted = self.dead(value, &dead.reason);
        Some(Step { publish: emitted.publish, state: emitted.state, ..Step::new() })
    }
}

/// Runs [`Work`] as a stage.
#[derive(Debug)]
pub(crate) struct WorkStage<W: Work> {
    /// `None` while a step is under way, and for ever after one that did not end.
    work: Option<W>,
    kept: Vec<Input<W::Input>>,
    /// Whether the last step holds anything of the work's.
    has_worked: bool,
}

impl<W: Work> WorkStage<W> {
    pub(crate) const fn new(work: W) -> Self {
        Self { work: Some(work), kept: Vec::new(), has_worked: false }
    }

    /// Adds what `batch` carries to what was kept; what nobody can read is rejected.
    fn decode(&mut self, batch: Vec<Delivery>) -> (Vec<Input<W::Input>>, Step) {
        let mut inputs = std::mem::take(&mut self.kept);
        let mut step = Step::new();
        for delivery in batch {
            match W::Input::decode(delivery.item().payload()) {
                Ok(value) => inputs.push(Input { value, delivery }),
                Err(malformed) => step = step.reject(delivery, malformed.to_string()),
            }
        }
        (inputs, step)
    }
}

#[async_trait::async_trait]
impl<W: Work> Stage for WorkStage<W> {
    fn ask(&self) -> Ask {
        self.work.as_ref().map_or_else(|| Ask::up_to(1), Work::ask)
    }

    async fn step(&mut self, batch: Vec<Delivery>) -> Result<Step, BoxError> {
        let (inputs, mut step) = self.decode(batch);
        self.has_worked = !inputs.is_empty();
        if !self.has_worked {
            return Ok(step);
        }
        let mut work = self.work.take().ok_or("an earlier step did not end")?;
        let (work, inputs, emitted) = tokio::task::spawn_blocking(move || {
            let emitted = work.work(&inputs);
            (work, inputs, emitted)
        })
        .await?;
        self.work = Some(work);
        let mut emitted = emitted?;
        if emitted.outcomes.is_empty() {
            return Err("the work gave no outcome, not even for its first item".into());
        }
        let mut inputs = inputs.into_iter();
        for (outcome, input) in emitted.outcomes.into_iter().zip(&mut inputs) {
            step = outcome.settle(input.delivery, step);
        }
        self.kept = inputs.collect();
        step.publish.append(&mut emitted.publish);
        step.state.append(&mut emitted.state);
        Ok(step)
    }

    fn applied(&mut self) {
        if let Some(work) = self.work.as_mut().filter(|_| self.has_worked) {
            work.applied();
        }
    }

    fn keeps(&self) -> bool {
        !self.kept.is_empty()
    }
}
