//! The loops: sockets, threads and time around the [mux](crate::mux).

mod client;
mod connect;
mod health;
mod inbox;
mod line;
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
    listener::Door,
    reactor::Reactor,
    resolve::{Resolve, System},
    terms::Terms,
};
use crate::{
    error::Error,
    nutcracker::{Config, Pool},
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
    /// Where clients come in, in the order of the pools.
    doors: Mutex<Arc<[Arc<Door>]>>,
}

impl ShardProxy {
    /// Listens for the clients of every pool, and serves them.
    ///
    /// # Errors
    /// [`Error::Listen`] names the pool whose address cannot be listened at; [`Error::Thread`] if the
    /// machine gives no thread; otherwise as [`check`](Self::check).
    pub async fn start(config: Config, options: Options) -> Result<Self, Error> {
        Self::start_with(config, options, Arc::new(System)).await
    }

    /// The same, with a resolver of names.
    async fn start_with(config: Config, options: Options, resolver: Arc<dyn Resolve>) -> Result<Self, Error> {
        agree(&config, &options)?;
        let threads = (0..options.reactors.get())
            .map(|number| Reactor::start(options.clone(), format!("entourage-shard-{number}")));
        let reactors = threads.collect::<io::Result<_>>().map_err(|source| Error::Thread { source })?;
        let proxy = Self { reactors, options, resolver, doors: Mutex::new(Arc::new([])) };
        proxy.reload(config).await?;
        Ok(proxy)
    }

    /// Whether a proxy can be made of these, as far as that is known before it listens and connects:
    /// rings are made, certificates and keys are read.
    ///
    /// # Errors
    /// [`Error::Ring`] names the pool whose servers make no ring, [`Error::Tls`] that whose certificates
    /// cannot be used; [`Error::NoPool`] if access was given to a pool that there is not;
    /// [`Error::WarmUp`] if keys are to move with several threads.
    pub fn check(config: &Config, options: &Options) -> Result<(), Error> {
        agree(config, options)?;
        terms(config, options, &(Arc::new(System) as Arc<dyn Resolve>)).map(drop)
    }

    /// Serves these pools from now on; returns when it does.
    ///
    /// Clients stay connected, and no request is dropped: what is on its way is answered by the server
    /// that it went to, and the next request goes where the new configuration says. Clients of a
    /// pool that is no longer there get what they are owed and are closed. Certificates and keys are read
    /// again, for connections that are made from now on.
    ///
    /// # Errors
    /// [`Error::Listen`], [`Error::Ring`] or [`Error::Tls`], and nothing is changed.
    ///
    /// # Cancel safety
    /// Dropped, it may have taken effect, on all threads or on some; call it again.
    pub async fn reload(&self, config: Config) -> Result<(), Error> {
        let terms = terms(&config, &self.options, &self.resolver)?;
        let doors = self.open(&config).await?;
        let config = Arc::new(config);
        let orders: Vec<_> =
            self.reactors.iter().map(|reactor| reactor.reload(&config, &terms, &doors)).collect();
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
            let (name, listen) = (&pool.name, &pool.listen);
            let failed = |source| Error::Listen { pool: name.clone(), listen: listen.to_string(), source };
            let open = before.iter().find(|door| door.serves(pool));
            doors.push(match open {
                Some(door) => {
                    door.permit(pool).map_err(failed)?;
                    Arc::clone(door)
                }
                None => Arc::new(Door::open(pool).await.map_err(failed)?),
            });
        }
        Ok(doors.into())
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

/// Reads what the files of every pool say, if its servers make a ring.
fn terms(config: &Config, options: &Options, resolver: &Arc<dyn Resolve>) -> Result<Arc<[Terms]>, Error> {
    let of = |pool: &Pool| {
        Router::new(pool, options.on_ejected)
            .map_err(|source| Error::Ring { pool: pool.name.clone(), source })?;
        Terms::load(pool, options, Arc::clone(resolver))
    };
    config.pools.iter().map(of).collect()
}
