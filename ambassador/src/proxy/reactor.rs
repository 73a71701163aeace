//! One thread that serves all pools.

use std::{collections::HashMap, io, rc::Rc, sync::Arc, thread::JoinHandle};

use entourage_core::{Clock, Moment, SystemClock};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinSet, LocalSet},
};

use super::{
    listener::Door,
    pool::{Beginning, Change, Served},
    shared::{Chunk, chunk},
    tasks::pass_on,
    terms::Terms,
};
use crate::{
    memcached::Memcached,
    nutcracker::{Config, Pool, Wire},
    options::Options,
    pool::Router,
    redis::Redis,
    stats::PoolStats,
};

/// What a reactor is asked from other threads.
#[derive(Debug)]
enum Order {
    /// What it has counted, pool by pool.
    Stats(oneshot::Sender<Vec<PoolStats>>),
    /// To serve these pools from now on.
    Reload(Arc<Config>, Arc<[Terms]>, Arc<[Arc<Door>]>, oneshot::Sender<()>),
    /// To let nobody in any more, and to say when everybody has gone.
    Drain(oneshot::Sender<()>),
    /// To close everything.
    Stop,
}

/// A thread that serves all pools: one loop, and nothing that is shared with other threads.
#[derive(Debug)]
pub(super) struct Reactor {
    orders: mpsc::UnboundedSender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Reactor {
    /// Starts a thread of this name; it serves nothing yet.
    ///
    /// # Errors
    /// The thread or what it waits with could not be made.
    pub(super) fn start(options: Options, name: String) -> io::Result<Self> {
        let (orders, asked) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            LocalSet::new().block_on(&runtime, Pools::new(options).run(asked));
            // A name that is being looked up, and has no answer, holds up nobody.
            runtime.shutdown_background();
        })?;
        Ok(Self { orders, thread: Some(thread) })
    }

    /// Has it serve these pools from now on, each at its door; the answer comes when it does.
    pub(super) fn reload(
        &self,
        config: &Arc<Config>,
        terms: &Arc<[Terms]>,
        doors: &Arc<[Arc<Door>]>,
    ) -> oneshot::Receiver<()> {
        self.order(|done| Order::Reload(Arc::clone(config), Arc::clone(terms), Arc::clone(doors), done))
    }

    /// What it has counted.
    pub(super) fn stats(&self) -> oneshot::Receiver<Vec<PoolStats>> {
        self.order(Order::Stats)
    }

    /// Has it let nobody in any more; the answer comes when everybody has gone.
    pub(super) fn drain(&self) -> oneshot::Receiver<()> {
        self.order(Order::Drain)
    }

    /// Closes everything and waits for the thread to end.
    pub(super) fn stop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }

    /// Asks it something; if it has ended there is no answer.
    fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        let _ = self.orders.send(order(answer));
        answered
    }
}

/// The pools of one thread, by name.
struct Pools {
    options: Rc<Options>,
    chunk: Chunk,
    started: Moment,
    served: HashMap<String, Serving>,
    /// The names, in the order of the file.
    order: Vec<String>,
    tasks: JoinSet<()>,
}

/// A pool that is served, and at which door.
struct Serving {
    served: Box<dyn Served>,
    wire: Wire,
    door: Arc<Door>,
}

impl Pools {
    fn new(options: Options) -> Self {
        let (served, order) = Default::default();
        let started = SystemClock::new().now();
        Self { options: Rc::new(options), chunk: chunk(), started, served, order, tasks: JoinSet::new() }
    }

    /// Does what it is told until that is to stop.
    async fn run(mut self, mut asked: mpsc::UnboundedReceiver<Order>) {
        let mut drained = Vec::new();
        loop {
            tokio::select! {
                biased;
                order = asked.recv() => match order {
                    None | Some(Order::Stop) => return,
                    Some(Order::Stats(answer)) => {
                        let pools = self.order.iter().filter_map(|name| self.served.get(name));
                        let _ = answer.send(pools.map(|pool| pool.served.stats()).collect());
                    }
                    Some(Order::Reload(config, terms, doors, done)) => {
                        self.reload(&config, &terms, &doors);
                        let _ = done.send(());
                    }
                    Some(Order::Drain(done)) => {
                        drained.push(done);
                        self.served.values().for_each(|pool| pool.served.change(Change::Drain));
                    }
                },
                Some(ended) = self.tasks.join_next() => pass_on(ended),
            }
            if self.tasks.is_empty() {
                // Who asked may have gone since.
                drained.drain(..).for_each(|done: oneshot::Sender<()>| done.send(()).unwrap_or_default());
            }
        }
    }

    /// Serves these pools from now on.
    fn reload(&mut self, config: &Config, terms: &[Terms], doors: &[Arc<Door>]) {
        let mut before = std::mem::take(&mut self.served);
        self.order.clear();
        for ((pool, terms), door) in config.pools.iter().zip(terms).zip(doors) {
            self.order.push(pool.name.clone());
            let known = before.remove(&pool.name).filter(|known| known.wire == pool.protocol);
            if let Some(serving) = self.serve(pool, terms, door, known) {
                self.served.insert(pool.name.clone(), serving);
            }
        }
        before.into_values().for_each(|gone| gone.served.change(Change::Drain));
    }

    /// Serves a pool, which may have been served before, and is served as it was if it cannot be as it
    /// is to be.
    fn serve(
        &mut self,
        pool: &Pool,
        terms: &Terms,
        door: &Arc<Door>,
        known: Option<Serving>,
    ) -> Option<Serving> {
        let is_open = known.as_ref().is_some_and(|known| Arc::ptr_eq(&known.door, door));
        let listener = match is_open {
            true => None,
            false => match door.listener() {
                Ok(listener) => Some(listener),
                Err(error) => return refuse(pool, &error, known),
            },
        };
        let router = match Router::new(pool, self.options.on_ejected) {
            Ok(router) => router,
            Err(error) => return refuse(pool, &error, known),
        };
        let (pool, terms) = (Rc::new(pool.clone()), Rc::new(terms.clone()));
        let wire = pool.protocol;
        let served = match (known, listener) {
            (Some(known), listener) => {
                known.served.change(Change::Reload(pool, terms, Box::new(router), listener));
                known.served
            }
            (None, None) => return None,
            (None, Some(listener)) => {
                let (options, chunk) = (Rc::clone(&self.options), Rc::clone(&self.chunk));
                let beginning =
                    Beginning { pool, terms, options, router, listener, chunk, started: self.started };
                match wire {
                    Wire::Redis => beginning.serve::<Redis>(&mut self.tasks),
                    Wire::Memcached => beginning.serve::<Memcached>(&mut self.tasks),
                }
            }
        };
        Some(Serving { served, wire, door: Arc::clone(door) })
    }
}

/// Goes on as before: the machine has no descriptor left, say.
fn refuse(pool: &Pool, error: &impl std::fmt::Display, known: Option<Serving>) -> Option<Serving> {
    tracing::error!(pool = pool.name, %error, "not served as it is configured; reload to try again");
    known
}
