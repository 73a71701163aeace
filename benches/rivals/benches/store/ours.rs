//! `SqliteStore` as it opens by default.

use std::{path::Path, sync::Arc};

use entourage::store::{SqliteStore, Store, Txn};
use entourage_rivals::{Figure, Stopwatch};
use tokio::runtime::{Builder, Runtime};

use crate::{Load, Outcome, Stored, VALUE, key};

pub struct Ours {
    store: Arc<SqliteStore>,
    runtime: Runtime,
}

impl Ours {
    pub fn open(path: &Path) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(Self { store: Arc::new(SqliteStore::open(path)?), runtime })
    }
}

impl Stored for Ours {
    fn figure(&self, load: Load) -> Outcome<Figure> {
        let watch = Arc::new(Stopwatch::start());
        let write = |task| {
            let (store, watch) = (Arc::clone(&self.store), Arc::clone(&watch));
            async move {
                let mut done = 0;
                while watch.within(load.turn) {
                    let outcome = store.transact(Txn::new().put(key(task, done), &VALUE[..])).await?;
                    outcome.applied().ok_or("a write without conditions is not refused")?;
                    done += 1;
                }
                Outcome::Ok(done)
            }
        };
        self.runtime.block_on(async {
            let running: Vec<_> = (0..load.tasks).map(|task| tokio::spawn(write(task))).collect();
            let mut done = 0;
            for task in running {
                done += task.await??;
            }
            Ok(watch.figure(done))
        })
    }
}
