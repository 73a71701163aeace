//! Shards, and which of them has a key.

use std::{convert::Infallible, fmt, sync::Arc};

use entourage_core::planted;

use super::{RouterBuilder, Unroutable};
use crate::{
    limits::Limits,
    nutcracker::{self, Server, Wire},
    options::{Options, Partial},
    pool::{Placement, Placing},
    redis::{local::Session, split::Splitter},
};

/// Routes commands of Redis to one service per shard, as a [`ShardProxy`](crate::ShardProxy) does to
/// one server per shard.
///
/// It is always [ready](tower_service::Service::poll_ready): which shard has to be is known once the command is.
/// Each call then waits for its own shard, on a clone of the shard's service, so that
/// a shard that takes nothing holds up no command of another. It spawns nothing and has no
/// channel: a command moves when the future of its reply is polled, and reaches the shard's
/// service when that future is first polled and the service is ready.
///
/// A clone routes alike, over clones of the services, and is another client: what `CLIENT SETNAME`
/// says is remembered by the clone that it was said to.
///
/// ```
/// # use std::{convert::Infallible, future::{Ready, ready}, task::{Context, Poll}};
/// use entourage_ambassador::linked::{Command, Reply, Router};
/// use tower_service::Service;
///
/// /// Stands for a connection to a shard: it says which one it is.
/// #[derive(Clone)]
/// struct Shard(&'static str);
///
/// impl Service<Command> for Shard {
///     type Response = Reply;
///     type Error = Infallible;
///     type Future = Ready<Result<Reply, Infallible>>;
/// #   fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
/// #       Poll::Ready(Ok(()))
/// #   }
///     fn call(&mut self, _: Command) -> Self::Future {
///         ready(Ok(Reply::bulk(self.0)))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut router =
///     Router::builder().shard("a", 1, Shard("a")).shard("b", 1, Shard("b")).build()?;
/// let reply = router.call(Command::new("GET").arg("user:7")).await?;
/// assert_eq!(reply, Reply::bulk(router.shard_of(b"user:7")));
/// # Ok(())
/// # }
/// ```
pub struct Router<S> {
    pub(super) pool: Arc<Pool>,
    pub(super) shards: Vec<S>,
    pub(super) splitter: Splitter<Infallible>,
    /// What the client has said of itself, if it has.
    pub(super) session: Option<Box<Session>>,
}

/// What all clones of a router have in common.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) placement: Placement,
    pub(super) names: Box<[Arc<str>]>,
    pub(super) partial: Partial,
    pub(super) limits: Limits,
}

impl<S> Router<S> {
    /// A router over the servers of a pool, each answered for by what `service` makes of it.
    ///
    /// Every key is where a proxy of that pool, and nutcracker, have it while no server is
    /// ejected; this router ejects none. Of the pool it takes names, weights, `hash`, `hash_tag`
    /// and `distribution`, of `options` what [`RouterBuilder::options`] says. Time-outs, the password
    /// and the database of a connection are what `service` is for.
    ///
    /// # Errors
    /// [`Unroutable`]: it is a pool of memcached, say.
    ///
    /// ```
    /// use entourage_ambassador::{Options, linked::Router, nutcracker::Config};
    ///
    /// let config = Config::parse("\
    /// alpha:
    ///   listen: 127.0.0.1:22121
    ///   redis: true
    ///   servers:
    ///    - 127.0.0.1:6379:1 one
    ///    - 127.0.0.1:6380:2 two
    /// ")?;
    /// let router = Router::of(&config.pools[0], &Options::default(), |server| server.address.clone())?;
    /// assert_eq!(router.names().collect::<Vec<_>>(), ["one", "two"]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(
        pool: &nutcracker::Pool,
        options: &Options,
        mut service: impl FnMut(&Server) -> S,
    ) -> Result<Self, Unroutable> {
        if pool.protocol != Wire::Redis {
            return Err(Unroutable::Memcached { pool: pool.name.clone() });
        }
        let mut placing = Placing::from(pool);
        if planted("linked-forgets-the-tag") {
            placing.tag = None;
        }
        let builder = RouterBuilder::new().placing(placing).options(options);
        let add = |builder: RouterBuilder<S>, server: &Server| {
            builder.shard(server.name.as_str(), server.weight, service(server))
        };
        pool.servers.iter().fold(builder, add).build()
    }

    /// Starts without shards.
    pub fn builder() -> RouterBuilder<S> {
        RouterBuilder::new()
    }

    pub(super) fn new(pool: Pool, shards: Vec<S>) -> Self {
        Self { pool: Arc::new(pool), shards, splitter: Splitter::default(), session: None }
    }

    /// The names of the shards, in the order in which they were given.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.pool.names.iter().map(|name| &**name)
    }

    /// The name of the shard that has a key; of [`Distribution::Random`](nutcracker::Distribution::Random)
    /// that of any.
    #[must_use]
    pub fn shard_of(&self, key: &[u8]) -> &str {
        &self.pool.names[self.pool.server(key)]
    }
}

impl Pool {
    /// The shard of a key.
    #[inline]
    pub(super) fn server(&self, key: &[u8]) -> usize {
        self.placement.server(key).expect("a router has at least one shard")
    }
}

impl<S: Clone> Clone for Router<S> {
    fn clone(&self) -> Self {
        Self {
            pool: Arc::clone(&self.pool),
            shards: self.shards.clone(),
            splitter: Splitter::default(),
            session: None,
        }
    }
}

/// Without the services.
impl<S> fmt::Debug for Router<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.debug_struct("Router").field("shards", &names).finish_non_exhaustive()
    }
}
