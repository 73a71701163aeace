//! The servers of a cluster: which one is asked, and for how long.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::{Clock, Realm, planted};
use etcd_client::{Client, ConnectOptions, GetOptions, GetResponse, ResponseHeader, Txn, TxnResponse};

use super::{
    call::Patience,
    fault::{Fault, Intent},
    options::EtcdOptions,
    server::{Line, Server},
    turn::Turns,
};
use crate::error::{Error, Result};

/// The servers of one cluster. They take turns: one of them is asked until it does not answer, and
/// what streams from it goes with the calls to the next.
pub(super) struct Cluster {
    pub(super) servers: Vec<Server>,
    pub(super) turns: Turns,
    options: ConnectOptions,
    timeout: Duration,
    pub(super) connect_timeout: Duration,
    clock: Arc<dyn Clock>,
    probe: Vec<u8>,
    realm: OnceLock<Realm>,
    /// The highest revision that an answer has shown: later answers show no lower one.
    seen: AtomicU64,
    lines: AtomicU64,
}

impl Cluster {
    pub(super) fn new(options: &EtcdOptions, probe: Vec<u8>) -> Self {
        let mut connect = ConnectOptions::new()
            .with_connect_timeout(options.connect_timeout)
            // Not while idle: a server that nothing is asked of takes three pings for an attack
            // and ends the connection, with whatever is then on its way.
            .with_keep_alive(options.keep_alive, options.connect_timeout)
            .with_keep_alive_while_idle(false)
            // A server that is cut off from the others says so instead of being silent.
            .with_require_leader(true);
        if let Some((name, password)) = &options.user {
            connect = connect.with_user(name, password).with_auto_token_refresh(true);
        }
        Self {
            servers: options.endpoints.iter().map(|url| Server::new(url)).collect(),
            turns: Turns::new(),
            options: connect,
            timeout: options.timeout,
            connect_timeout: options.connect_timeout,
            clock: Arc::clone(&options.clock),
            probe,
            realm: options.realm.map_or_else(OnceLock::new, OnceLock::from),
            seen: AtomicU64::new(0),
            lines: AtomicU64::new(0),
        }
    }

    /// The realm, which is known once a server has answered.
    pub(super) fn realm(&self) -> Realm {
        *self.realm.get().expect("a store is made when its cluster has answered")
    }

    pub(super) const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Reads keys as of the latest revision that anybody was told, and returns it with them.
    pub(super) async fn get(
        &self,
        key: &[u8],
        options: GetOptions,
    ) -> std::result::Result<(GetResponse, u64), Fault> {
        self.get_within(Patience::only(self.timeout), key, options).await
    }

    /// The same with another patience.
    pub(super) async fn get_within(
        &self,
        patience: Patience,
        key: &[u8],
        options: GetOptions,
    ) -> std::result::Result<(GetResponse, u64), Fault> {
        let seen = self.seen();
        let ask = |line: Line| {
            let (key, options) = (key.to_vec(), options.clone());
            async move { line.kv().get(key, Some(options)).await }
        };
        let answer = self.call_within(patience, Intent::Read, ask).await?;
        let revision = self.check(answer.header(), seen).map_err(Fault::whole)?;
        Ok((answer, revision))
    }

    /// The latest revision.
    pub(super) async fn revision(&self) -> std::result::Result<u64, Fault> {
        let options = GetOptions::new().with_keys_only();
        self.get(&self.probe, options).await.map(|(_, revision)| revision)
    }

    /// Runs a transaction, and returns its revision with what came of it.
    pub(super) async fn txn(
        &self,
        intent: Intent,
        txn: &Txn,
    ) -> std::result::Result<(TxnResponse, u64), Fault> {
        let seen = self.seen();
        let ask = |line: Line| {
            let txn = txn.clone();
            async move { line.kv().txn(txn).await }
        };
        let answer = self.call(intent, ask).await?;
        let revision = self.check(answer.header(), seen).map_err(Fault::whole)?;
        Ok((answer, revision))
    }

    /// A new connection, on which the cluster has shown that it is the one from before.
    pub(super) async fn connect(&self, server: &Server, turn: usize) -> std::result::Result<Line, Fault> {
        let of_read = |error| Fault::of(error, Intent::Read);
        let seen = self.seen();
        let options = Some(self.options.clone());
        let client = Client::connect([server.url()], options).await.map_err(of_read)?;
        let number = self.lines.fetch_add(1, Ordering::Relaxed);
        let line = Line::of(&client, number, self.turns.turn(turn));
        let probe = Some(GetOptions::new().with_keys_only());
        let answer = line.kv().get(self.probe.clone(), probe).await.map_err(of_read)?;
        if let Some(header) = answer.header() {
            self.realm.get_or_init(|| realm(header));
        }
        self.check(answer.header(), seen).map_err(Fault::whole)?;
        server.remember(line.clone());
        Ok(line)
    }

    /// What had been seen before a request was sent.
    fn seen(&self) -> u64 {
        self.seen.load(Ordering::Acquire)
    }

    /// The revision of an answer that must show everything from before its request.
    fn check(&self, header: Option<&ResponseHeader>, seen: u64) -> Result<u64> {
        self.check_realm(header)?;
        let revision = header.map_or(0, |header| u64::try_from(header.revision()).unwrap_or_default());
        if revision < seen && !planted("etcd-revisions-may-go-back") {
            return Err(went_back(revision, seen));
        }
        self.seen.fetch_max(revision, Ordering::AcqRel);
        Ok(revision)
    }

    /// Refuses an answer of another cluster.
    pub(super) fn check_realm(&self, header: Option<&ResponseHeader>) -> Result<()> {
        let header = header.ok_or_else(|| Error::Failed("etcd answered without a header".into()))?;
        crate::limits::check_realm(self.realm(), realm(header))
    }
}

/// The cluster has lost commits that it had acknowledged.
pub(super) fn went_back(revision: u64, seen: u64) -> Error {
    let why = format!(
        "etcd is at revision {revision} and was at {seen} before: its data was restored from an older \
         copy; end what depends on the newer one, then open the store again"
    );
    Error::Failed(why.into())
}

fn realm(header: &ResponseHeader) -> Realm {
    Realm::new(header.cluster_id().into())
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.servers.iter().map(Server::url).collect();
        f.debug_struct("Cluster")
            .field("servers", &urls)
            .field("realm", &self.realm.get())
            .finish_non_exhaustive()
    }
}
