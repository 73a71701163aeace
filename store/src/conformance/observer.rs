//! A watch whose every step is bounded, so that a change that never comes fails its case.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use entourage_engine::conformance::patience::Patience;

use crate::{Change, Entry, Result, Version, Watch};

/// A watch whose every step is bounded.
#[derive(Debug)]
pub struct Observer {
    watch: Box<dyn Watch>,
    patience: Patience,
}

impl Observer {
    pub(crate) const fn new(watch: Box<dyn Watch>, patience: Patience) -> Self {
        Self { watch, patience }
    }

    /// The watch itself.
    pub fn watch(&mut self) -> &mut dyn Watch {
        &mut *self.watch
    }

    /// Where a new watch would begin.
    #[must_use]
    pub fn position(&self) -> Version {
        self.watch.position()
    }

    /// The next change.
    pub async fn next(&mut self) -> Change {
        let next = self.patience.wait("the watch's next change", self.watch.next()).await;
        next.unwrap_or_else(|error| panic!("the watch failed: {error:?}"))
    }

    /// Asks for the next change once, and gives up if there is none yet.
    pub async fn ask_once(&mut self) -> Option<Change> {
        let mut next = pin!(self.watch.next());
        poll_fn(|context| match next.as_mut().poll(context) {
            Poll::Ready(change) => Poll::Ready(Some(change.expect("the watch answers"))),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// The watch's answer, or `None` if it never comes.
    pub(crate) async fn try_next(&mut self) -> Option<Result<Change>> {
        self.patience.attempt(self.watch.next()).await
    }

    /// The next so many changes.
    pub async fn take(&mut self, count: usize) -> Vec<Change> {
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            changes.push(self.next().await);
        }
        changes
    }

    /// The next change, which must be a put.
    pub async fn put(&mut self) -> Entry {
        match self.next().await {
            Change::Put(entry) => entry,
            other => panic!("the watch should show a put, but: {other:?}"),
        }
    }

    /// The next change, which must be a delete.
    pub async fn delete(&mut self) -> (String, Version) {
        match self.next().await {
            Change::Delete { key, version } => (key, version),
            other => panic!("the watch should show a delete, but: {other:?}"),
        }
    }

    /// Every change up to the first put of `key`, which is left out.
    ///
    /// Writing such a last key is how a case knows, without waiting, that no more came.
    pub async fn until(&mut self, key: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        loop {
            match self.next().await {
                Change::Put(entry) if entry.key == key => return changes,
                change => changes.push(change),
            }
        }
    }
}
