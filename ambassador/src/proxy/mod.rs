//! The loops: sockets, threads and time around the [mux](crate::mux).

mod client;
mod connect;
mod descriptors;
mod health;
mod inbox;
mod line;
mod linger;
mod listener;
mod moved;
mod pool;
mod reactor;
mod resolve;
mod shared;
mod socket;
mod tasks;
mod terms;
#[cfg(test)]
mod tests;
mod writing;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use self::{
    descriptors::Descriptors,
    listener::{Door, unheard},
    pool::limits,
    reactor::Reactor,
    resolve::{Resolve, System},
    terms::Terms,
};
use crate::{
    error::Error,
    nutcracker::{Config, Distribution, Pool},
    options::Options,
    pool::Router,
    stats::PoolStats,
};

/// A sharding proxy: the pools of a `nutcracker.yml`, served.
///
/// It runs on threads of its own, one or as many as [`Options::reactors`] says, and ends when it is
/// dropped.
#[derive(Debug)]
pub struct ShardProxy {
    reactors: Vec<Reactor>,
    options: Options,
    resolver: Arc<dyn Resolve>,
    descriptors: Arc<Descriptors>,
    /// One reload after another: each begins with what the one before has left.
    reloading: tokio::sync::Mutex<()>,
    /// Where clients come in, in the order of the pools.
    doors: Mutex<Arc<[Arc<Door>]>>,
}

impl ShardProxy {
    /// Listens for the clients of every pool, and serves them.
    ///
    /// # Errors
    /// [`Error::Listen`] names the pool whose address cannot be listened at; [`Error::Descriptors`] if the
    /// process may have too few of them; [`Error::Thread`] if the machine gives no thread; otherwise as
    /// [`check`](Self::check).
    pub async fn start(config: Config, options: Options) -> Result<Self, Error> {
        Self::start_with(config, options, Arc::new(System)).await
    }

    /// The same, with a resolver of names.
    async fn start_with(config: Config, options: Options, resolver: Arc<dyn Resolve>) -> Result<Self, Error> {
        agree(&config, &options)?;
        let descriptors = Descriptors::new();
        descriptors.fit(&config, options.reactors.get())?;
        let threads = (0..options.reactors.get()).map(|number| {
            Reactor::start(options.clone(), Arc::clone(&descriptors), format!("entourage-shard-{number}"))
        });
        let reactors = threads.collect::<io::Result<_>>().map_err(|source| Error::Thread { source })?;
        let (reloading, doors) = (Default::default(), Mutex::new(Arc::new([]) as Arc<[_]>));
        let proxy = Self { reactors, options, resolver, descriptors, reloading, doors };
        proxy.reload(config).await?;
        Ok(proxy)
    }

    /// Whether a proxy can be made of these, as far as that is known before it listens and connects:
    /// rings are made, certificates and keys are read.
    ///
    /// # Errors
    /// [`Error::Ring`] names the pool whose servers make no ring, [`Error::Tls`] that whose certificates
    /// cannot be used; [`Error::NoPool`] if access was given to a pool that there is not;
    /// [`Error::WarmUp`] if keys are to move with several threads, [`Error::WarmUpConnections`] if over several
    /// connections to one server.
    pub fn check(config: &Config, options: &Options) -> Result<(), Error> {
        agree(config, options)?;
        terms(config, options, &(Arc::new(System) as Arc<dyn Resolve>)).map(drop)
    }

    /// Serves these pools from now on; returns when it does.
    ///
    /// Clients stay connected, and no request is dropped: what is on its way is answered by the server
    /// that it went to, and the next request goes where the new configuration says. Clients of a
    /// pool that is no longer there get what they are owed and are closed. Certificates and keys are read
    /// again, for connections that are made from now on. So is the limit of descriptors: what it leaves
    /// beside the servers is how many clients are let in, and the log says how many. A pool that speaks
    /// another protocol from now on is another pool. The file of a socket that is gone is made anew.
    ///
    /// # Errors
    /// [`Error::Listen`], [`Error::Ring`], [`Error::Tls`], [`Error::WarmUpConnections`] or
    /// [`Error::Descriptors`], and nothing is changed.
    ///
    /// # Cancel safety
    /// Dropped, it may have taken effect; call it again.
    pub async fn reload(&self, config: Config) -> Result<(), Error> {
        let _turn = self.reloading.lock().await;
        let terms = terms(&config, &self.options, &self.resolver)?;
        let room = self.descriptors.fit(&config, self.reactors.len())?;
        let doors = self.open(&config).await?;
        let config = Arc::new(config);
        let mut listeners = Vec::new();
        for made in self.reactors.iter().map(|reactor| reactor.listen(&config, &doors)).collect::<Vec<_>>() {
            listeners.push(made.await.unwrap_or_else(|_| Ok(Vec::new()))?);
        }
        for (pool, door) in config.pools.iter().zip(&*doors) {
            door.permit(pool).map_err(|source| unheard(pool, source))?;
        }
        // From here on nothing fails, and nothing is waited for until all threads have their orders.
        if self.descriptors.allow(room) {
            self.tell_room(&config, room);
        }
        let orders: Vec<_> = (self.reactors.iter().zip(listeners))
            .map(|(reactor, listeners)| reactor.reload(&config, &terms, &doors, listeners))
            .collect();
        *self.doors.lock().unwrap_or_else(PoisonError::into_inner) = doors;
        for done in orders {
            // A thread that has ended panicked, and says so when it is joined.
            let _ = done.await;
        }
        Ok(())
    }

    /// Lets nobody in any more, and returns when everybody has what they are owed and has gone.
    ///
    /// # Cancel safety
    /// Dropped, nobody is let in all the same; drop the proxy to close the rest.
    pub async fn drain(&self) {
        let orders: Vec<_> = self.reactors.iter().map(Reactor::drain).collect();
        for done in orders {
            let _ = done.await;
        }
    }

    /// Where each pool's clients connect, in the order of the file; `None` for a socket's path.
    pub fn addresses(&self) -> Vec<Option<SocketAddr>> {
        self.doors().iter().map(|door| door.address()).collect()
    }

    /// What every pool has counted, over all threads, in the order of the file.
    ///
    /// # Cancel safety
    /// Nothing is lost: the counts stay where they are.
    pub async fn stats(&self) -> Vec<PoolStats> {
        let asked: Vec<_> = self.reactors.iter().map(Reactor::stats).collect();
        let mut total: Vec<PoolStats> = Vec::new();
        for counted in asked {
            for (place, stats) in counted.await.unwrap_or_default().into_iter().enumerate() {
                match total.get_mut(place) {
                    Some(total) => total.add(&stats),
                    None => total.push(stats),
                }
            }
        }
        total
    }

    fn doors(&self) -> Arc<[Arc<Door>]> {
        Arc::clone(&self.doors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The doors of these pools: those that are open stay so, the others are opened.
    async fn open(&self, config: &Config) -> Result<Arc<[Arc<Door>]>, Error> {
        let before = self.doors();
        let mut doors = Vec::new();
        for pool in &config.pools {
            let open = before.iter().find(|door| door.serves(pool));
            doors.push(match open {
                Some(door) => Arc::clone(door),
                None => Arc::new(Door::open(pool).await.map_err(|source| unheard(pool, source))?),
            });
        }
        Ok(doors.into())
    }

    /// Tells the log how many clients there may be.
    fn tell_room(&self, config: &Config, clients: usize) {
        let of_pools = config.pools.iter().map(|pool| limits(pool, &self.options).clients.get());
        let configured = of_pools.fold(0, usize::saturating_add).saturating_mul(self.reactors.len());
        if clients < configured {
            tracing::warn!(
                clients,
                configured,
                "fewer clients fit than are configured; raise the limit of descriptors (`ulimit -n`)"
            );
        } else {
            tracing::info!(clients, "so many clients fit");
        }
    }
}

impl Drop for ShardProxy {
    fn drop(&mut self) {
        self.reactors.iter_mut().for_each(Reactor::stop);
    }
}

/// Whether the options are good, and those of this configuration.
fn agree(config: &Config, options: &Options) -> Result<(), Error> {
    let is_known = |name: &&String| config.pools.iter().any(|pool| pool.name == **name);
    if let Some(pool) = options.access_of.keys().find(|name| !is_known(name)) {
        return Err(Error::NoPool { pool: pool.clone() });
    }
    let reactors = options.reactors.get();
    if options.warm_up.is_some() && reactors > 1 {
        return Err(Error::WarmUp { reactors });
    }
    Ok(())
}

/// Reads what the files of every pool say, if its servers make a ring and its keys may move.
fn terms(config: &Config, options: &Options, resolver: &Arc<dyn Resolve>) -> Result<Arc<[Terms]>, Error> {
    let of = |pool: &Pool| {
        let connections = pool.server_connections.get();
        // What is placed by chance does not move.
        if options.warm_up.is_some() && connections > 1 && pool.distribution != Distribution::Random {
            return Err(Error::WarmUpConnections { pool: pool.name.clone(), connections });
        }
        Router::new(pool, options.on_ejected)
            .map_err(|source| Error::Ring { pool: pool.name.clone(), source })?;
        Terms::load(pool, options, Arc::clone(resolver))
    };
    config.pools.iter().map(of).collect()
}
