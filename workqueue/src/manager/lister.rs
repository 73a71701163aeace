//! The loop that lists the source and publishes what the ledger does not have.

use std::{future::Future, sync::Arc, time::Duration};

use entourage_core::{Backoff, Clock, Moment, Shutdown, planted, sleep, timeout};
use entourage_queue::{Error, Publication, Queue, Result};

use crate::{
    manager::{
        known::{Known, Sight},
        ledger::Ledger,
        options::WorkQueueOptions,
        publisher::Publisher,
        recheck::Recheck,
        shared::{Asked, Shared},
    },
    source::{Listing, SourceError, WorkSource},
};

/// After how long the ledger is read anew: another manager may have forgotten what this knows.
pub(super) const RELOAD: Duration = Duration::from_secs(10 * 60);

/// Names beyond which the ledger is read anew, above twice as many as it had.
const SWOLLEN: usize = 20_000;

/// How long it waits at least for a source to let go of half of what it listed.
const FLOOR: Duration = Duration::from_secs(1);

/// Names that are looked at before others get their turn.
const AT_ONCE: usize = 1_000;

/// Finished items that are forgotten after one listing.
const FORGOTTEN: usize = 10_000;

/// Lists the source and publishes what the ledger does not have, again and again.
#[derive(Debug)]
pub(super) struct Lister {
    pub(super) source: Arc<dyn WorkSource>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: WorkQueueOptions,
    pub(super) shared: Arc<Shared>,
    pub(super) publisher: Publisher,
    pub(super) ledger: Ledger,
    pub(super) backoff: Backoff,
    pub(super) batch: usize,
}

impl Lister {
    /// Lists until `shutdown` drains.
    pub(super) async fn run(self, shutdown: &Shutdown) {
        let work = async {
            let mut known = Known::new(self.options.names);
            let mut read: Option<Moment> = None;
            let mut failures = self.backoff.clone();
            let mut recheck = Recheck::default();
            let mut reloaded = 0;
            loop {
                // What others have told of and forgotten is known here until then.
                let is_swollen = known.len() > reloaded * 2 + SWOLLEN && self.shared.finishes.is_wanted();
                if is_swollen || read.is_none_or(|read| self.clock.now().since(read) >= RELOAD) {
                    let names = self.patiently(|| self.ledger.names()).await;
                    self.tell_of(names.iter().filter_map(|(name, finish)| Some((name.clone(), (*finish)?))));
                    reloaded = names.len();
                    known.reload(names.into_iter());
                    read = Some(self.clock.now());
                }
                // Before the source is asked: what was let go of while it answers may be in its list.
                for name in self.shared.take_gone() {
                    known.forget(&name);
                }
                let mut is_cut = false;
                let mut half = 1;
                self.shared.finishes.count_anew();
                let pause = match self.list().await {
                    Ok(listing) => {
                        is_cut = !listing.is_complete() && self.shared.finishes.is_wanted();
                        half = listing.names().len().div_ceil(2).max(1);
                        self.pass(&mut known, listing, &mut recheck).await;
                        failures.reset();
                        // A crowd that began together does not stay together.
                        let tenth = self.options.interval / 10;
                        let spread =
                            Backoff::new(tenth * 2, tenth * 2, self.clock.now().as_nanos()).next_delay();
                        self.options.interval - tenth + spread
                    }
                    Err(error) => {
                        self.shared.down(Asked::Source, self.clock.now(), &error);
                        if planted("workqueue-stops-after-an-error") {
                            return std::future::pending().await;
                        }
                        failures.next_delay()
                    }
                };
                tokio::select! {
                    biased;
                    () = sleep(&*self.clock, pause) => {}
                    () = self.room(half), if is_cut => {}
                }
            }
        };
        tokio::select! {
            biased;
            () = shutdown.draining() => {}
            () = work => {}
        }
    }

    /// Waits until the source has room for what it did not list: for much of it, or for some and
    /// it is time.
    async fn room(&self, half: usize) {
        let soonest = self.clock.now() + FLOOR.min(self.options.interval);
        self.shared.finishes.freed(1).await;
        tokio::select! {
            biased;
            () = self.shared.finishes.freed(half) => {}
            () = self.clock.sleep_until(soonest) => {}
        }
    }

    async fn list(&self) -> Result<Listing, SourceError> {
        let listing = match timeout(&*self.clock, self.options.patience, self.source.items()).await {
            Ok(answer) => answer?,
            Err(elapsed) => {
                return Err(SourceError::Unavailable {
                    what: format!("the list of {}", self.source.name()),
                    source: elapsed.into(),
                });
            }
        };
        self.shared.up(Asked::Source);
        self.shared.counts.listings.increment();
        if let [missing, ..] = listing.missing() {
            self.shared.counts.incomplete.increment();
            // Of one whose items are used up, others have a part, and the rest comes later.
            if !self.shared.finishes.is_wanted() {
                tracing::warn!(
                    source = self.source.name(),
                    missing = missing.reason,
                    "a listing is incomplete"
                );
            }
        }
        Ok(listing)
    }

    /// Publishes what is new in a listing, and forgets what has been finished and gone for long.
    async fn pass(&self, known: &mut Known, listing: Listing, recheck: &mut Recheck) {
        let is_complete = listing.is_complete();
        if is_complete {
            known.begin();
        }
        let mut batch = Vec::new();
        let mut beyond = 0_u64;
        let (mut ended, mut open) = (Vec::new(), Vec::new());
        let is_told = self.shared.finishes.is_wanted();
        for (at, name) in listing.names().iter().enumerate() {
            match known.see(name) {
                Sight::New => batch.push(self.publisher.publication(name)),
                Sight::Beyond => beyond += 1,
                Sight::Finished(finish) if is_told => ended.push((name.clone(), finish)),
                Sight::Known if is_told => open.push(name),
                Sight::Known | Sight::Finished(_) => {}
            }
            if batch.len() >= self.batch {
                self.publish(std::mem::take(&mut batch)).await;
                self.show(known);
            } else if at % AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
        self.publish(batch).await;
        self.tell_of(ended);
        self.recheck(known, &open, recheck).await;
        if beyond > 0 {
            self.shared.counts.beyond.add(beyond);
            tracing::warn!(beyond, "the source lists more names than are kept; the rest waits");
        }
        if is_complete {
            self.forget(known).await;
        }
        self.show(known);
    }

    /// Publishes a batch, or as much of it as nobody else has.
    async fn publish(&self, mut batch: Vec<Publication>) {
        let mut at_once = batch.len();
        while !batch.is_empty() {
            at_once = at_once.min(batch.len());
            let later = batch.split_off(at_once);
            let step = self.ledger.step();
            let mut backoff = self.backoff.clone();
            let answer = loop {
                let answer = match self.ledger.publish(&step, &mut batch).await {
                    Err(error @ (Error::StateConflict { .. } | Error::Full { .. })) => Ok(Err(error)),
                    answer => answer.map(Ok),
                };
                if let Some(answer) = self.heard(answer, &mut backoff).await {
                    break answer;
                }
            };
            match answer {
                Ok(published) => {
                    self.shared.counts.published.add(published);
                    self.shared.tell(|scaler| scaler.arrived(self.clock.now(), published));
                    batch = later;
                }
                Err(Error::Full { topic, capacity }) => {
                    at_once = usize::try_from(capacity).unwrap_or(at_once).clamp(1, at_once);
                    self.patiently(|| self.queue.room(&topic, at_once as u64)).await;
                    batch.extend(later);
                }
                Err(_) => {
                    batch = self.patiently(|| self.ledger.absent(batch.clone())).await;
                    batch.extend(later);
                }
            }
        }
    }

    async fn forget(&self, known: &mut Known) {
        let after = if planted("workqueue-forgets-at-once") { 1 } else { self.options.forget_after };
        let missing = known.missing(after, FORGOTTEN);
        for names in missing.chunks(self.batch) {
            let gone = self.patiently(|| self.ledger.forget(names)).await;
            gone.iter().for_each(|name| known.forget(name));
            self.shared.counts.forgotten.add(gone.len() as u64);
        }
    }

    fn show(&self, known: &Known) {
        self.shared.counts.known.set(known.len() as u64);
        self.shared.change(|status| status.known = known.len());
    }

    /// Calls the queue until it answers.
    pub(super) async fn patiently<T, F>(&self, mut call: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T>>,
    {
        let mut backoff = self.backoff.clone();
        loop {
            if let Some(answer) = self.heard(call().await, &mut backoff).await {
                return answer;
            }
        }
    }

    /// What the queue answered; none where it did not, and then it is time to ask again.
    async fn heard<T>(&self, answer: Result<T>, backoff: &mut Backoff) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.shared.up(Asked::Queue);
                Some(answer)
            }
            Err(error) => {
                self.shared.down(Asked::Queue, self.clock.now(), &error);
                sleep(&*self.clock, backoff.next_delay()).await;
                None
            }
        }
    }
}
