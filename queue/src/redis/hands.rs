//! A thread on which calls go on, whoever waits for them.

use std::{future::Future, io, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::mpsc,
};

use crate::{
    broker::Pending,
    error::{Error, Result},
};

/// A thread on which calls go on although nobody polls them, in the order of their submission.
///
/// A delivery may be dropped where there is no runtime, or on one that is about to end; what
/// it tells the server must not end with it. The connection lives here too.
#[derive(Debug)]
pub(super) struct Hands {
    runtime: Handle,
    /// The thread ends when this and all calls are gone.
    alive: mpsc::Sender<()>,
}

impl Hands {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, mut ended) = mpsc::channel(1);
        let work = move || {
            runtime.block_on(async move { while ended.recv().await.is_some() {} });
        };
        thread::Builder::new().name("entourage-redis".to_owned()).spawn(work)?;
        Ok(Self { runtime: handle, alive })
    }

    /// Does some work; whoever holds or drops the answer changes nothing.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Pending<T> {
        let alive = self.alive.clone();
        let task = self.runtime.spawn(async move {
            let answer = work.await;
            drop(alive);
            answer
        });
        Box::pin(async move { task.await.unwrap_or_else(|died| Err(Error::Unknown(Box::new(died)))) })
    }

    /// Does some work that ends with the thread.
    pub(super) fn attend(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(work));
    }
}
