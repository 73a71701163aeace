//! The loop that drives one copy of a stage.

use std::{collections::HashSet, sync::Arc, time::Duration};

use entourage_core::{BoxError, Phase, Shutdown, planted, sleep};
use entourage_queue::{
    Ask, Delivery, Group, Item, ItemId, Publication, Queue, Receiver, Rejection, Step, SubscribeOptions,
    Topic,
};
use tokio::task::JoinError;

use crate::{
    channel::Channel,
    error::{Error, Result},
    outlet::Outlet,
    source::{Chunk, Source},
    stage::Stage,
    work::Bury,
};

/// Dead letters that are looked at in one go.
const DEAD_AT_ONCE: usize = 100;

/// Drives one copy of a stage: receive, step, settle.
#[derive(Debug)]
pub(crate) struct Runner {
    receiver: Box<dyn Receiver>,
    outlet: Outlet,
}

/// The channel that holds a source's one item: whoever leases it is the source.
pub(crate) fn seed(source: &str) -> Channel<u64> {
    Channel::new(&format!("{source}.seed"), 1)
}

/// The error for a task that did not end by itself.
pub(crate) fn panicked(stage: &str, error: JoinError) -> Error {
    let message = match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => {
                panic.downcast::<&str>().map_or_else(|_| "no message".into(), |message| (*message).into())
            }
        },
        Err(cancelled) => cancelled.to_string(),
    };
    Error::Panicked { stage: stage.into(), message }
}

impl Runner {
    pub(crate) async fn subscribe(
        stage: &str,
        queue: &Arc<dyn Queue>,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<Self> {
        let joined = queue.subscribe(topics, group, options).await;
        let (receiver, settler) = joined.map_err(|source| Error::Queue { stage: stage.into(), source })?;
        let outlet = Outlet { stage: stage.into(), queue: Arc::clone(queue), clock: queue.clock(), settler };
        Ok(Self { receiver, outlet })
    }

    /// Runs a stage until `shutdown` drains.
    pub(crate) async fn stage(mut self, mut stage: Box<dyn Stage>, shutdown: &Shutdown) -> Result<()> {
        loop {
            let batch = if stage.keeps() {
                Vec::new()
            } else {
                let ask = stage.ask();
                let received = tokio::select! {
                    biased;
                    () = shutdown.draining() => return Ok(()),
                    batch = self.receive(ask) => batch?,
                };
                if received.is_empty() {
                    continue;
                }
                received
            };
            let step = stage.step(batch).await.map_err(|source| self.gave_up(source))?;
            for Rejection { delivery, reason } in &step.reject {
                tracing::warn!(stage = &*self.outlet.stage, item = %delivery.id(), reason, "an item is given up");
            }
            if self.outlet.apply(step).await?.is_some() {
                stage.applied();
            }
        }
    }

    /// Runs a source until its last chunk is published, here or elsewhere.
    pub(crate) async fn source(mut self, mut source: Box<dyn Source>, shutdown: &Shutdown) -> Result<()> {
        let seeds = seed(&self.outlet.stage);
        self.outlet.publish(vec![Publication::new(seeds.topics()[0].clone(), Item::new("seed", ""))]).await?;
        let cursor_key = format!("source/{}", self.outlet.stage);
        let mut held = None;
        while shutdown.phase() == Phase::Running {
            let Some(seed) = held.take() else {
                tokio::select! {
                    biased;
                    () = shutdown.draining() => return Ok(()),
                    found = self.receive(Ask::up_to(1)) => held = found?.pop(),
                }
                continue;
            };
            let record = self.outlet.state(&cursor_key).await?;
            let (cursor, version) = record.map_or((None, 0), |record| (Some(record.value), record.version));
            let listing = tokio::task::spawn_blocking(move || {
                let chunk = source.next(cursor.as_ref());
                (source, chunk)
            });
            let (back, chunk) = listing.await.map_err(|join| panicked(&self.outlet.stage, join))?;
            source = back;
            let chunk = chunk.map_err(|source| self.gave_up(source))?;
            let (last, mut step) = (chunk.last, advance(chunk, &cursor_key, version, &seed));
            if last {
                step = step.accept(seed);
            } else {
                held = Some(seed);
            }
            // Refused when another process moved the cursor, or took the seed over: what it
            // left is read again.
            if self.outlet.apply(step).await?.is_some() && last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Turns the dead letters of `topics` into tombstones, each once, until `shutdown` drains.
    ///
    /// A dead letter stays where it is, to be inspected and redriven: what a redriven item
    /// comes to takes the place of its tombstone.
    pub(crate) async fn bury(
        self,
        mut work: Box<dyn Bury>,
        topics: &[Topic],
        group: &Group,
        pause: Duration,
        shutdown: &Shutdown,
    ) -> Result<()> {
        let mut buried: HashSet<(Topic, ItemId)> = HashSet::new();
        loop {
            for topic in topics {
                // The oldest come first, so whoever has seen so many asks for more.
                let known = buried.iter().filter(|(of, _)| of == topic).count();
                for dead in self.outlet.dead(topic, group, known + DEAD_AT_ONCE).await? {
                    let fresh = buried.insert((topic.clone(), dead.item.id().clone()));
                    if let Some(step) =
                        work.bury(&dead).filter(|_| fresh && !planted("workflow-buries-nobody"))
                    {
                        let name = format!("buried/{topic}/{}", dead.item.id());
                        self.outlet.apply(step.named(name)).await?;
                    }
                }
            }
            tokio::select! {
                biased;
                () = shutdown.draining() => return Ok(()),
                () = sleep(&*self.outlet.clock, pause) => {}
            }
        }
    }

    /// Receives, however long the queue is away.
    pub(crate) async fn receive(&mut self, ask: Ask) -> Result<Vec<Delivery>> {
        let mut backoff = self.outlet.backoff();
        let mut tries = 0;
        loop {
            match self.receiver.receive(ask).await {
                Err(error) if Outlet::is_worth_another(&error, tries) => {
                    tries += 1;
                    sleep(&*self.outlet.clock, backoff.next_delay()).await;
                }
                answer => return answer.map_err(|error| self.outlet.failed(error)),
            }
        }
    }

    fn gave_up(&self, source: BoxError) -> Error {
        match source.downcast::<JoinError>() {
            Ok(join) => panicked(&self.outlet.stage, *join),
            Err(source) => Error::Stage { stage: self.outlet.stage.to_string(), source },
        }
    }
}

/// The step that publishes a chunk and moves the cursor on from `version`.
///
/// It is named after who holds the seed, too: another's step at the same version may hold
/// another chunk, and is refused for the version.
fn advance(chunk: Chunk, cursor_key: &str, version: u64, seed: &Delivery) -> Step {
    let Chunk { publish, mut state, cursor, .. } = chunk;
    let name = format!("{cursor_key}/{version}/{}", seed.receipt().epoch);
    let mut step = Step::new().named(name).write(cursor_key, version, cursor);
    step.publish = publish;
    step.state.append(&mut state);
    step
}
