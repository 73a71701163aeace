//! Notice of commits that may concern a receiver or a publisher.

use std::{
    future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use entourage_engine::sqlite::{Changes, SqliteFile};
use tokio::sync::Mutex;

use crate::{broker::Activity, sqlite::fault::Result};

/// Looks whether something may have become ready, or some topic roomier, for all who wait.
///
/// However many wait, a commit takes one look or two: whoever noticed the commit before a
/// look began takes its answer.
#[derive(Debug)]
pub(super) struct Lookout {
    file: SqliteFile,
    begun: AtomicU64,
    last: Mutex<Look>,
}

#[derive(Debug, Default)]
struct Look {
    number: u64,
    stirs: i64,
}

impl Lookout {
    pub(super) fn over(file: &SqliteFile) -> Self {
        Self { file: file.clone(), begun: AtomicU64::new(0), last: Mutex::default() }
    }

    /// A number that moves whenever there may be something to ask for.
    async fn stirs(&self) -> Result<i64> {
        let noticed = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.number > noticed {
            return Ok(last.stirs);
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let look = self.file.read(|conn| {
            let mut stirs = conn.prepare_cached("SELECT stirs FROM queue_meta")?;
            Ok(stirs.query_row((), |row| row.get(0))?)
        });
        let stirs: Result<i64> = look.await;
        let stirs = stirs?;
        *last = Look { number, stirs };
        Ok(stirs)
    }
}

/// Wakes when something may have become ready, or some topic roomier.
///
/// The file tells of every commit, also of a lease's own sign of life. If those woke a
/// receiver it would ask again and so wake itself for ever; hence the number that only moves
/// when there is something to ask for.
#[derive(Debug)]
pub(super) struct Stirs {
    lookout: Arc<Lookout>,
    changes: Changes,
    last: Option<i64>,
    /// A commit was noticed and not looked at: a dropped wait must not lose it.
    noticed: bool,
}

impl Stirs {
    pub(super) fn new(lookout: &Arc<Lookout>) -> Self {
        let changes = lookout.file.changes();
        Self { lookout: Arc::clone(lookout), changes, last: None, noticed: false }
    }
}

#[async_trait::async_trait]
impl Activity for Stirs {
    async fn next(&mut self) {
        loop {
            if !self.noticed {
                if !self.changes.next().await {
                    // The file is closed, and nothing changes any more.
                    future::pending::<()>().await;
                }
                self.noticed = true;
            }
            let stirs = self.lookout.stirs().await;
            self.noticed = false;
            // Where even this cannot be read, whoever waits is to hear why from its own call.
            let Ok(stirs) = stirs else { return };
            if self.last.replace(stirs) != Some(stirs) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll, time::Duration};

    use super::*;
    use crate::{
        Item, Publication, Queue, SqliteQueue, Step, SubscribeOptions,
        sqlite::tests::{Scratch, clock::TestClock},
    };

    #[tokio::test]
    async fn a_dropped_wait_loses_no_commit() {
        let scratch = Scratch::new();
        let queue = scratch.open(&TestClock::new("one", Duration::from_secs(1)));
        let put = async |id: &str| queue.publish(vec![Publication::new("work", Item::new(id, "x"))]).await;
        let mut stirs = Stirs::new(&queue.inner.lookout);
        put("a").await.unwrap();
        stirs.next().await;
        put("b").await.unwrap();
        // Nobody gets to look, so the wait is dropped between the notice and the look.
        let lookout = Arc::clone(&queue.inner.lookout);
        let look = lookout.last.lock().await;
        let mut dropped = stirs.next();
        poll_fn(|context| {
            assert!(dropped.as_mut().poll(context).is_pending(), "it looks first");
            Poll::Ready(())
        })
        .await;
        drop(dropped);
        drop(look);
        // The file's own net would catch it too, but a quarter of a second later.
        assert!(stirs.noticed);
        stirs.next().await;
    }

    #[tokio::test]
    async fn a_commit_that_readies_nothing_wakes_nobody() {
        let scratch = Scratch::new();
        let queue = scratch.open(&TestClock::new("one", Duration::from_secs(1)));
        let put = async |id: &str| queue.publish(vec![Publication::new("work", Item::new(id, "x"))]).await;
        let (_receiver, settler) =
            queue.subscribe(&["other".into()], &"workers".into(), SubscribeOptions::new()).await.unwrap();
        let mut stirs = Stirs::new(&queue.inner.lookout);
        put("a").await.unwrap();
        stirs.next().await;
        for n in 0..20 {
            let before = looks(&queue);
            settler.step(Step::new().named(format!("{n}")).write("sign", n, "of life")).await.unwrap();
            let mut woken = stirs.next();
            // It notices the commit, looks, and goes on waiting, all in one poll at the last.
            poll_fn(|context| {
                assert!(woken.as_mut().poll(context).is_pending(), "a sign of life woke it");
                if looks(&queue) > before { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        put("b").await.unwrap();
        stirs.next().await;
    }

    /// How many looks have been answered.
    fn looks(queue: &SqliteQueue) -> u64 {
        queue.inner.lookout.last.try_lock().map_or(0, |last| last.number)
    }
}
