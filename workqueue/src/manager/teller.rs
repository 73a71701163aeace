//! The loop that tells the source what is finished, and then forgets it.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use entourage_core::{Backoff, Clock, planted, sleep, timeout};
use tokio::sync::Notify;

use crate::{
    manager::{
        ledger::Ledger,
        pool::FAREWELL,
        shared::{Asked, Shared},
    },
    source::{Finish, ItemName, SourceError, WorkSource},
};

/// How long a finished item waits for others to be told with it.
const LINGER: Duration = Duration::from_millis(50);

/// Tells a source whose items are used up which of them are finished.
///
/// Only what is recorded as finished is told, and only what the source has let go of is forgotten:
/// so whoever dies in between leaves a record behind, and whoever reads it tells it again.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) source: Arc<dyn WorkSource>,
    pub(super) ledger: Ledger,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
    pub(super) backoff: Backoff,
    /// How long the source may take to answer.
    pub(super) patience: Duration,
    /// Names in one call.
    pub(super) batch: usize,
}

impl Teller {
    /// Tells as long as `work` goes on, and what is left then.
    pub(super) async fn beside<T>(self, work: impl Future<Output = T>) -> T {
        if !self.shared.finishes.is_wanted() {
            return work.await;
        }
        let is_over = Notify::new();
        let (mut work, mut telling) = (pin!(work), pin!(self.tell_on(&is_over)));
        let done = tokio::select! {
            biased;
            done = &mut work => done,
            // It ends only when it is told to.
            () = &mut telling => work.await,
        };
        is_over.notify_one();
        // A source that is being told is not left in the middle of it.
        let farewell = async {
            telling.await;
            self.tell_all().await
        };
        if timeout(&*self.clock, FAREWELL, farewell).await != Ok(true) {
            tracing::warn!(
                source = self.source.name(),
                "the source was not told of all that is finished; whoever works on tells it"
            );
        }
        done
    }

    async fn tell_on(&self, is_over: &Notify) {
        let mut backoff = self.backoff.clone();
        let mut pause = LINGER;
        loop {
            let wait = async {
                self.shared.finishes.some().await;
                sleep(&*self.clock, pause).await;
            };
            tokio::select! {
                biased;
                () = is_over.notified() => return,
                () = wait => {}
            }
            if self.tell_all().await {
                backoff.reset();
                pause = LINGER;
            } else {
                pause = LINGER + backoff.next_delay();
            }
        }
    }

    /// Whether all was told.
    async fn tell_all(&self) -> bool {
        while let Some((finish, names)) = self.shared.finishes.next(self.batch) {
            let Some(let_go) = self.tell(finish, &names).await else {
                self.shared.finishes.again();
                return false;
            };
            self.shared.finishes.are_told(let_go);
        }
        true
    }

    /// How many the source let go of, or none if it was not told or they are not forgotten.
    async fn tell(&self, finish: Finish, names: &[ItemName]) -> Option<usize> {
        if planted("workqueue-forgets-before-it-tells") {
            self.ledger.forget(names).await.ok()?;
        }
        let told = timeout(&*self.clock, self.patience, self.source.finished(names, finish)).await;
        let told = told.unwrap_or_else(|elapsed| {
            let what = format!("{} of what is finished", self.source.name());
            Err(SourceError::Unavailable { what, source: elapsed.into() })
        });
        let kept = match told {
            Ok(kept) => kept,
            Err(error) => {
                self.shared.down(Asked::Finish, self.clock.now(), &error);
                return None;
            }
        };
        self.shared.up(Asked::Finish);
        let is_gone = |name: &&ItemName| !kept.contains(name) || planted("workqueue-forgets-what-is-kept");
        let gone: Vec<_> = names.iter().filter(is_gone).cloned().collect();
        self.shared.counts.told.add(gone.len() as u64);
        self.shared.counts.kept.add(kept.len() as u64);
        match self.ledger.forget(&gone).await {
            Ok(forgotten) => {
                self.shared.up(Asked::Queue);
                self.shared.counts.forgotten.add(forgotten.len() as u64);
                self.shared.have_gone(forgotten);
                Some(gone.len())
            }
            Err(error) => {
                self.shared.down(Asked::Queue, self.clock.now(), &error);
                None
            }
        }
    }
}
