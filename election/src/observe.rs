//! Who leads, as it changes.

use std::sync::Arc;

use bytes::Bytes;
use entourage_core::{Backoff, sleep};
use entourage_store::{Version, Watch};

use crate::{
    error::Result,
    membership::{is_worth_repeating, list},
    place::Queue,
    setup::Setup,
};

/// Who leads, and what it proclaims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The value that it proclaims.
    pub value: Bytes,
    /// Its key among the contenders'.
    pub key: String,
    /// When the key was created, which tells one leader from the next.
    pub created: Version,
    /// When the value was written.
    pub version: Version,
}

/// What an observer sees.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observed {
    /// This one leads, with this value.
    Leader(Leader),
    /// Nobody leads, and nobody contends.
    Vacant,
    /// Changes were dropped from the store's history before they could be seen. What follows is
    /// the present; leaders in between may be missing.
    Resync,
}

/// Sees every change of leader and of its value, in order.
///
/// Whoever is first in the queue is called the leader, as etcd's own tools have it; it may still
/// be about to learn of it.
#[derive(Debug)]
pub struct Observer {
    setup: Arc<Setup>,
    watch: Option<Box<dyn Watch>>,
    queue: Queue,
    /// What was told last; `None` before the first and after a gap.
    told: Option<Observed>,
    backoff: Backoff,
}

impl Observer {
    pub(crate) fn new(setup: Arc<Setup>) -> Self {
        let backoff = setup.timings.backoff(setup.seed(1));
        Self { setup, watch: None, queue: Queue::default(), told: None, backoff }
    }

    /// The next change; the present state at first.
    ///
    /// It goes on by itself where it was after the store could not be reached.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) for what waiting does not mend.
    ///
    /// # Cancel safety
    /// Dropping the future loses no change: the next call returns it.
    pub async fn next(&mut self) -> Result<Observed> {
        loop {
            let told = match self.look().await {
                Ok(Some(observed)) => observed,
                Ok(None) => continue,
                Err(error) if is_worth_repeating(&error) => {
                    sleep(&*self.setup.clock, self.backoff.next_delay()).await;
                    continue;
                }
                Err(error) => return Err(self.setup.failed(error)),
            };
            self.backoff.reset();
            return Ok(told);
        }
    }

    /// Takes one step, and tells what is new if something is.
    async fn look(&mut self) -> entourage_store::Result<Option<Observed>> {
        if self.queue.is_stale() {
            let (entries, as_of) = list(&self.setup).await?;
            self.queue = Queue::of(entries, as_of);
            self.told = None;
            return Ok(Some(Observed::Resync));
        }
        let Some(watch) = &mut self.watch else {
            let (entries, as_of) = list(&self.setup).await?;
            let watch = self.setup.store.watch(&self.setup.name.prefix(), Some(as_of)).await?;
            self.queue = Queue::of(entries, as_of);
            self.watch = Some(watch);
            return Ok(self.news());
        };
        if self.told.is_some() {
            let change = watch.next().await?;
            self.queue.apply(change);
        }
        Ok(if self.queue.is_stale() { None } else { self.news() })
    }

    /// The state, if it is not what was told last.
    fn news(&mut self) -> Option<Observed> {
        let now = self.queue.first().map_or(Observed::Vacant, |(key, first)| {
            let (created, version) = (first.created, first.version);
            Observed::Leader(Leader { value: first.value.clone(), key: key.clone(), created, version })
        });
        if self.told.as_ref() == Some(&now) {
            return None;
        }
        self.told = Some(now.clone());
        Some(now)
    }
}
