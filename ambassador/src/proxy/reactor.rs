//! One thread that serves all pools.

use std::{collections::HashMap, io, rc::Rc, sync::Arc, thread::JoinHandle};

use entourage_core::{Clock, Moment, SystemClock, planted};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinSet, LocalSet},
};

use super::{
    descriptors::Descriptors,
    listener::{Door, Listener, unheard},
    pool::{Beginning, Change, Served},
    shared::{Chunk, chunk},
    tasks::pass_on,
    terms::Terms,
};
use crate::{
    error::Error,
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
    /// To listen where it does not yet, which alone may fail and changes nothing.
    Listen(Arc<Config>, Arc<[Arc<Door>]>, oneshot::Sender<Result<Listeners, Error>>),
    /// To serve these pools from now on, at the doors that they are listed with.
    Reload(Arc<Config>, Arc<[Terms]>, Arc<[Arc<Door>]>, Listeners, oneshot::Sender<()>),
    /// To let nobody in any more, and to say when everybody has gone.
    Drain(oneshot::Sender<()>),
    /// To close everything.
    Stop,
}

/// A thread's new listeners: one for each pool, in the order of the file, but for those that stay where
/// they are.
pub(super) type Listeners = Vec<Option<Listener>>;

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
    pub(super) fn start(options: Options, descriptors: Arc<Descriptors>, name: String) -> io::Result<Self> {
        let (orders, asked) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            LocalSet::new().block_on(&runtime, Pools::new(options, descriptors).run(asked));
            // A name that is being looked up, and has no answer, holds up nobody.
            runtime.shutdown_background();
        })?;
        Ok(Self { orders, thread: Some(thread) })
    }

    /// Has it listen for these pools, each at its door, where it does not yet: what a
    /// [reload](Self::reload) needs.
    pub(super) fn listen(
        &self,
        config: &Arc<Config>,
        doors: &Arc<[Arc<Door>]>,
    ) -> oneshot::Receiver<Result<Listeners, Error>> {
        self.order(|made| Order::Listen(Arc::clone(config), Arc::clone(doors), made))
    }

    /// Has it serve these pools from now on, each at its door; the answer comes when it does.
    pub(super) fn reload(
        &self,
        config: &Arc<Config>,
        terms: &Arc<[Terms]>,
        doors: &Arc<[Arc<Door>]>,
        listeners: Listeners,
    ) -> oneshot::Receiver<()> {
        let (config, terms, doors) = (Arc::clone(config), Arc::clone(terms), Arc::clone(doors));
        self.order(|done| Order::Reload(config, terms, doors, listeners, done))
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
    descriptors: Arc<Descriptors>,
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
    fn new(options: Options, descriptors: Arc<Descriptors>) -> Self {
        let (served, order, tasks) = Default::default();
        let (options, started) = (Rc::new(options), SystemClock::new().now());
        Self { options, descriptors, chunk: chunk(), started, served, order, tasks }
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
                    Some(Order::Listen(config, doors, made)) => {
                        // Nobody waits for it if the reload was dropped.
                        let _ = made.send(self.listen(&config, &doors));
                    }
                    Some(Order::Reload(config, terms, doors, listeners, done)) => {
                        self.reload(&config, &terms, &doors, listeners);
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

    /// Listens for these pools where that is not done yet.
    ///
    /// # Errors
    /// [`Error::Listen`]: the process is out of descriptors.
    fn listen(&self, config: &Config, doors: &[Arc<Door>]) -> Result<Listeners, Error> {
        let pools = config.pools.iter().zip(doors);
        let made = pools.map(|(pool, door)| match self.served.get(&pool.name) {
            Some(known) if known.wire == pool.protocol && Arc::ptr_eq(&known.door, door) => Ok(None),
            _ => match door.listener() {
                Err(_) if planted("reload-hides-what-failed") => Ok(None),
                listener => listener.map(Some).map_err(|source| unheard(pool, source)),
            },
        });
        made.collect()
    }

    /// Serves these pools from now on.
    fn reload(&mut self, config: &Config, terms: &[Terms], doors: &[Arc<Door>], listeners: Listeners) {
        let mut before = std::mem::take(&mut self.served);
        self.order.clear();
        let places = terms.iter().zip(doors).zip(listeners);
        for (pool, ((terms, door), listener)) in config.pools.iter().zip(places) {
            self.order.push(pool.name.clone());
            let mut known = before.remove(&pool.name);
            if let Some(other) = known.take_if(|known| known.wire != pool.protocol)
                && !planted("reload-forgets-the-other-wire")
            {
                // Its clients speak another protocol, and are none of the new pool.
                other.served.change(Change::Drain);
            }
            if let Some(serving) = self.serve(pool, terms, door, listener, known) {
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
        listener: Option<Listener>,
        known: Option<Serving>,
    ) -> Option<Serving> {
        let router = match Router::new(pool, self.options.on_ejected) {
            Ok(router) => router,
            // It was made once before, to see whether it can be.
            Err(error) => {
                tracing::error!(pool = pool.name, %error, "not served as it is configured");
                return known;
            }
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
                let (descriptors, started) = (Arc::clone(&self.descriptors), self.started);
                let beginning =
                    Beginning { pool, terms, options, router, listener, chunk, descriptors, started };
                match wire {
                    Wire::Redis => beginning.serve::<Redis>(&mut self.tasks),
                    Wire::Memcached => beginning.serve::<Memcached>(&mut self.tasks),
                }
            }
        };
        Some(Serving { served, wire, door: Arc::clone(door) })
    }
}
