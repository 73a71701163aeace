//! Contenders of one kind, each on a connection of its own, who take the lock in turns.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use entourage::core::{Clock, Moment, SystemClock};
use entourage_rivals::{Figure, Stopwatch};

use crate::{Outcome, lock::Lock};

/// What contenders of one kind got done in one turn.
pub(crate) struct Turn {
    /// Acquisitions, with their releases.
    pub(crate) acquired: Figure,
    /// Those of them by another contender than the last one.
    pub(crate) handed_over: Figure,
    /// From when a release was called until another contender had acquired.
    pub(crate) waits: Vec<Duration>,
}

/// What the contenders tell each other. Only who holds the lock writes.
#[derive(Default)]
struct Told {
    released_at: AtomicU64,
    released_by: AtomicUsize,
    waits: Mutex<Vec<Duration>>,
}

/// Has so many contend for one name, each again as soon as it has released.
pub(crate) async fn turn<L: Lock>(
    endpoint: &str,
    name: &str,
    contenders: usize,
    lasting: Duration,
) -> Outcome<Turn> {
    let mut locks = Vec::new();
    for _ in 0..contenders {
        let mut lock = L::open(endpoint, name).await?;
        // What is done once and for all is done before the clock runs.
        let owned = lock.acquire().await?;
        lock.release(owned).await?;
        locks.push(lock);
    }
    let (told, watch) = (Arc::new(Told::default()), Arc::new(Stopwatch::start()));
    let mut running = Vec::new();
    for (number, mut lock) in locks.into_iter().enumerate() {
        let (told, watch) = (Arc::clone(&told), Arc::clone(&watch));
        running.push(tokio::spawn(async move {
            let mut done = 0;
            while watch.within(lasting) {
                let owned = lock.acquire().await?;
                told.acquired(number);
                told.releasing(number);
                lock.release(owned).await?;
                done += 1;
            }
            // Kept until all are done: to disconnect is no part of it.
            Outcome::Ok((done, lock))
        }));
    }
    let (mut done, mut kept) = (0, Vec::new());
    for contender in running {
        let (own, lock) = contender.await??;
        done += own;
        kept.push(lock);
    }
    let acquired = watch.figure(done);
    let waits = std::mem::take(&mut *told.waits.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Turn { acquired, handed_over: watch.figure(waits.len()), waits })
}

impl Told {
    fn acquired(&self, by: usize) {
        let now = SystemClock::new().now();
        let since = Moment::from_nanos(self.released_at.load(Ordering::Acquire));
        if since > Moment::ZERO && self.released_by.load(Ordering::Acquire) != by {
            self.waits.lock().unwrap_or_else(PoisonError::into_inner).push(now.since(since));
        }
    }

    fn releasing(&self, by: usize) {
        self.released_by.store(by, Ordering::Release);
        self.released_at.store(SystemClock::new().now().as_nanos(), Ordering::Release);
    }
}
