//! The parts of a manager, put together.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, atomic::AtomicU32},
};

use entourage_core::{Shutdown, timeout};
use entourage_queue::{Receiver, Settler};

use super::{
    WorkQueue,
    ledger::Ledger,
    lister::Lister,
    performer::Performer,
    pool::{FAREWELL, Pool},
    settlement::Settlement,
    teller::Teller,
};

/// Names in one step of the ledger, where the queue takes so many.
const BATCH: usize = 500;

impl WorkQueue {
    /// Lists, works and tells as a member of the group, until `shutdown` drains and what is in work
    /// has ended, or until it stops.
    pub(super) async fn work(
        &self,
        receiver: Box<dyn Receiver>,
        settler: Arc<dyn Settler>,
        shutdown: &Shutdown,
    ) {
        let (topic, group) = self.topic();
        let clock = self.queue.clock();
        let most = self.queue.capabilities().max_batch.max(1);
        let seed = RandomState::new().hash_one(&*self.name);
        let lister = Lister {
            source: Arc::clone(&self.source),
            queue: Arc::clone(&self.queue),
            clock: Arc::clone(&clock),
            options: self.options,
            shared: Arc::clone(&self.shared),
            publisher: self.publisher.clone(),
            ledger: Ledger::new(Arc::clone(&self.queue), Arc::clone(&settler), group.clone(), seed),
            backoff: self.backoff(),
            batch: BATCH.min(most),
        };
        let performer = Performer {
            source: Arc::clone(&self.source),
            worker: Arc::clone(&self.worker),
            settler: Arc::clone(&settler),
            clock: Arc::clone(&clock),
            shared: Arc::clone(&self.shared),
            patience: self.options.patience,
            away: AtomicU32::new(0),
        };
        let pool = Pool {
            queue: Arc::clone(&self.queue),
            topic,
            group,
            receiver,
            settler,
            performer: Arc::new(performer),
            settlement: Settlement::new(self.options, self.shared.counts.clone(), seed),
            options: self.options,
            shared: Arc::clone(&self.shared),
            clock: Arc::clone(&clock),
            backoff: self.backoff(),
            batch: most,
        };
        let nonce = RandomState::new().hash_one("teller");
        let teller = Teller {
            source: Arc::clone(&self.source),
            ledger: Ledger::new(
                Arc::clone(&self.queue),
                Arc::clone(&pool.settler),
                pool.group.clone(),
                nonce,
            ),
            clock: Arc::clone(&clock),
            shared: Arc::clone(&self.shared),
            backoff: self.backoff(),
            patience: self.options.patience,
            batch: lister.batch,
        };
        // All on one task: dropping this future ends them.
        let work = async {
            let (pool, lister) = (Box::pin(pool.run(shutdown)), Box::pin(lister.run(shutdown)));
            let (receiver, ()) = tokio::join!(pool, lister);
            receiver
        };
        // What is told is forgotten by a step, which takes a receiver that is open.
        let mut receiver = teller.beside(work).await;
        if !matches!(timeout(&*clock, FAREWELL, receiver.close()).await, Ok(Ok(()))) {
            tracing::warn!("the queue does not answer; what was not given back comes back after its lease");
        }
    }
}
