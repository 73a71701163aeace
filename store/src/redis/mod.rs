//! A store in a server of Redis.
//!
//! Below `{prefix}:store`, which is the link's own hash of realm and counter:
//!
//! | key | what it is |
//! | --- | --- |
//! | `entries`, `values` | hashes by key: version, creation and session as text; and the value, which no condition has to read |
//! | `names` | a sorted set of all keys with the score 0, hence in the order of their bytes |
//! | `sessions`, `deadlines` | a hash of sessions: epoch and time to live; and when each is over, by the server's time in µs |
//! | `session:N` | a sorted set of the keys that end with session N |
//! | `changes` | a stream whose ids are `version-n`: key, and if it was written creation and value |
//! | `commits` | a sorted set of the versions of the latest 10,000 commits, by which a handle learns that one it saw is lost |
//! | `history` | a hash: the version up to which changes were dropped, and the bytes of those that are kept |
//!
//! Each step is one script, which looks at a hundred items and at whole commits. One that writes
//! first ends the sessions whose time has come; one that only reads takes their keys for absent.

mod answer;
mod fault;
mod list;
mod options;
mod scripts;
mod session;
mod txn;
mod watch;

use std::{fmt, sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm, planted};
use entourage_engine::redis::{Answer, Call, Link, MOST_ITEMS};

pub use self::options::RedisOptions;
use self::{scripts::SWEEP, watch::RedisWatch};
use crate::{
    capabilities::{Capabilities, Exclusion},
    counts::Counts,
    entry::{Entry, Version},
    error::{Error, Result},
    limits,
    listing::{Listing, What},
    session::{Session, SessionId},
    store::Store,
    txn::{Outcome, Txn},
    watch::Watch,
};

/// A store in a server of Redis (7.0 and newer), shared by whoever reaches it. **Advisory**.
///
/// Redis acknowledges a write before its replicas have it, and mostly before it is on the disk:
/// a failover may take back what was acknowledged, and grant a lock that is still held to
/// another. So this store avoids double work and does not exclude, and converts into no
/// [`FencedStore`](crate::FencedStore). A handle that has seen what was lost notices: each of its
/// calls is [`Failed`](Error::Failed) from then on, until it is opened anew. So it is on a server
/// that was emptied.
///
/// When a session is over is judged by the server's wall clock: a step of it ends sessions early or late.
/// A session has at most 100 keys, and a transaction at most 4 MiB. The server must not
/// evict (`maxmemory-policy noeviction`).
///
/// A clone is a handle to the same store. The connections live on the runtime that it is used on.
///
/// # Examples
/// ```no_run
/// # async fn run() -> entourage_store::Result<()> {
/// use entourage_store::{RedisStore, StoreExt};
///
/// let store = RedisStore::connect("redis://localhost/team-a").await?;
/// store.put("greeting", "hello".into()).await?;
/// # Ok(()) }
/// ```
///
/// It is not taken where exclusion must be proved:
/// ```compile_fail
/// # fn of_redis(store: entourage_store::RedisStore) {
/// let fenced = entourage_store::FencedStore::from(store);
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

/// What the handles, leases and watches of one store share.
struct Shared {
    link: Link,
    name: String,
    clock: Arc<dyn Clock>,
    history: usize,
    limits: Capabilities,
    counts: Counts,
}

impl Shared {
    /// A renewal is given half of it, and no connection is left for less than that.
    const MIN_TTL: Duration = Duration::from_millis(100);
    const TTL_STEP: Duration = Duration::from_millis(1);
    /// Keys of one session, so that one script can delete them.
    const MOST_TIED: u64 = MOST_ITEMS as u64;
    /// Scripts in a row that only end sessions, before a call gives up.
    const MOST_SWEEPS: usize = 1_000;

    /// Runs a script that tells how many sessions it has ended, besides its answer.
    async fn run(&self, call: Call<'_>) -> Result<Answer> {
        self.run_by(&self.link, call).await
    }

    /// The same, with an answer that is not waited for beyond this time.
    async fn run_within(&self, most: Duration, call: Call<'_>) -> Result<Answer> {
        self.run_by(&self.link.with_timeout(most.min(self.link.timeout())), call).await
    }

    async fn run_by(&self, link: &Link, call: Call<'_>) -> Result<Answer> {
        let [ended, answer] = link.call(call).await?.tuple()?;
        self.counts.expired.add(ended.number()?);
        Ok(answer)
    }

    /// Ends the sessions that are over; the latest commit.
    async fn sweep(&self) -> Result<Version> {
        for _ in 0..Self::MOST_SWEEPS {
            let swept = self.run(SWEEP.call().number(self.history as u64)).await;
            let [is_all, latest] = certain(swept)?.tuple()?;
            if is_all.number()? == 1 {
                return Ok(answer::version(latest)?);
            }
        }
        Err(too_many_end())
    }
}

/// What ends sessions that are over may be done or not: it is done again, and nobody has asked for it.
fn certain<T>(answer: Result<T>) -> Result<T> {
    match answer {
        Err(Error::Unknown(cause)) => Err(Error::Unavailable(cause)),
        answer => answer,
    }
}

fn too_many_end() -> Error {
    Error::Unavailable("more sessions end at once than could be ended meanwhile; try again".into())
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).field("link", &self.link).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// The store of a server, `redis://[[user]:password@]host[:port][/prefix]`.
    ///
    /// # Errors
    /// As [`RedisOptions::from_url`] and [`RedisOptions::connect`].
    pub async fn connect(url: &str) -> Result<Self> {
        RedisOptions::from_url(url)?.connect().await
    }

    fn new(link: Link, options: RedisOptions) -> Self {
        let is_proved = planted("redis-claims-to-exclude");
        let limits = Capabilities::new()
            .with_exclusion(if is_proved { Exclusion::Fenced } else { Exclusion::Advisory })
            .with_shared(true)
            .with_ttl(Shared::MIN_TTL, Shared::TTL_STEP)
            .with_max_operations(MOST_ITEMS)
            .with_max_value_bytes(options.max_value_bytes);
        let RedisOptions { name, clock, history, .. } = options;
        Self { shared: Arc::new(Shared { link, name, clock, history, limits, counts: Counts::new() }) }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { name, link, .. } = &*self.shared;
        f.debug_struct("RedisStore").field("name", name).field("link", link).finish_non_exhaustive()
    }
}

impl Describe for RedisStore {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.shared.counts.describe(blueprint, &self.shared.name, "redis");
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for RedisStore {
    fn capabilities(&self) -> Capabilities {
        self.shared.limits
    }

    fn realm(&self) -> Realm {
        self.shared.link.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.shared.counts.gets.increment();
        limits::check_key(key)?;
        list::get(&self.shared, key).await
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        self.shared.counts.lists.increment();
        limits::check_what(what)?;
        list::list(&self.shared, what).await
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        let answer = match limits::check_txn(&txn, &self.shared.limits, self.realm()) {
            Ok(()) => txn::transact(&self.shared, &txn).await,
            Err(error) => Err(error),
        };
        self.shared.counts.transacted(&answer);
        answer
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        let session = session::open(&self.shared, self.shared.limits.granted_ttl(ttl)).await?;
        self.shared.counts.opened.increment();
        Ok(session)
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        limits::check_realm(self.realm(), id.realm)?;
        let session = session::resume(&self.shared, id).await?;
        self.shared.counts.resumed.increment();
        Ok(session)
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        let after = match after {
            Some(after) => after,
            // What is over by now is of before.
            None => self.shared.sweep().await?,
        };
        Ok(Box::new(RedisWatch::new(Arc::clone(&self.shared), prefix, after)))
    }
}
