//! The servers of a cluster: which one is asked, and for how long.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use entourage_core::{Clock, Moment, Realm, planted, timeout};
use etcd_client::{
    Client, ConnectOptions, GetOptions, GetResponse, KvClient, LeaseClient, ResponseHeader, Txn, TxnResponse,
    WatchClient,
};
use tokio::sync::watch;

use super::{
    fault::{Fault, Intent},
    options::EtcdOptions,
};
use crate::error::{Error, Result};

/// An answer may hold as many entries as a listing, each as long as a value: what a caller can
/// ask for is bounded elsewhere.
const LONGEST_ANSWER: usize = i32::MAX as usize;

/// The servers of one cluster. One of them is asked until it does not answer; then the next.
pub(super) struct Cluster {
    servers: Vec<Server>,
    current: AtomicUsize,
    options: ConnectOptions,
    timeout: Duration,
    connect_timeout: Duration,
    clock: Arc<dyn Clock>,
    probe: Vec<u8>,
    realm: OnceLock<Realm>,
    /// The highest revision that an answer has shown: later answers show no lower one.
    seen: AtomicU64,
    lines: AtomicU64,
}

/// One server, and the connection to it if there is one.
struct Server {
    url: String,
    line: Mutex<Option<(Line, watch::Sender<()>)>>,
}

/// A connection whose cluster and revision have been checked.
#[derive(Clone)]
pub(super) struct Line {
    number: u64,
    pub(super) kv: KvClient,
    pub(super) lease: LeaseClient,
    pub(super) watch: WatchClient,
    /// Ends when the connection is given up.
    kept: watch::Receiver<()>,
}

impl Line {
    /// Waits until the connection is given up, because a call on it was not answered: what
    /// streams on it may never come either. Cancel-safe.
    pub(super) async fn given_up(&mut self) {
        // Nothing is ever sent: it ends with the sender.
        while self.kept.changed().await.is_ok() {}
    }
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
        let server = |url: &String| Server { url: url.clone(), line: Mutex::new(None) };
        Self {
            servers: options.endpoints.iter().map(server).collect(),
            current: AtomicUsize::new(0),
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
        self.get_within(self.timeout, key, options).await
    }

    /// The same within another time.
    pub(super) async fn get_within(
        &self,
        limit: Duration,
        key: &[u8],
        options: GetOptions,
    ) -> std::result::Result<(GetResponse, u64), Fault> {
        let seen = self.seen();
        let ask = |mut line: Line| {
            let (key, options) = (key.to_vec(), options.clone());
            async move { line.kv.get(key, Some(options)).await }
        };
        let answer = self.call_within(limit, Intent::Read, ask).await?;
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
        let ask = |mut line: Line| {
            let txn = txn.clone();
            async move { line.kv.txn(txn).await }
        };
        let answer = self.call(intent, ask).await?;
        let revision = self.check(answer.header(), seen).map_err(Fault::whole)?;
        Ok((answer, revision))
    }

    /// Asks a server, and the next ones while nothing was sent, until the time is up.
    pub(super) async fn call<T, F>(
        &self,
        intent: Intent,
        ask: impl Fn(Line) -> F,
    ) -> std::result::Result<T, Fault>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>>,
    {
        self.call_within(self.timeout, intent, ask).await
    }

    /// The same within another time. It never waits for an answer beyond that: a server that is
    /// frozen, or behind a cut cable, says nothing at all.
    pub(super) async fn call_within<T, F>(
        &self,
        limit: Duration,
        intent: Intent,
        ask: impl Fn(Line) -> F,
    ) -> std::result::Result<T, Fault>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>>,
    {
        let deadline = self.clock.now() + limit;
        let mut tried = 1;
        loop {
            let place = self.current.load(Ordering::Relaxed) % self.servers.len();
            let fault = match self.call_at(place, deadline, intent, &ask).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if fault.is_unavailable() || fault.is_unknown() {
                // Unless another call has turned to the next one already.
                let next = (place + 1) % self.servers.len();
                let _ = self.current.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
            }
            let is_over = self.clock.now() >= deadline || tried == self.servers.len();
            if is_over || !fault.is_unavailable() {
                return Err(fault);
            }
            tried += 1;
        }
    }

    async fn call_at<T, F>(
        &self,
        place: usize,
        deadline: Moment,
        intent: Intent,
        ask: impl Fn(Line) -> F,
    ) -> std::result::Result<T, Fault>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>>,
    {
        let server = &self.servers[place];
        let line = match server.line() {
            Some(line) => line,
            None => {
                // Of a frozen server too, so that time is left for the next one.
                let left = deadline.since(self.clock.now()).min(self.connect_timeout);
                let connected = timeout(&*self.clock, left, Box::pin(self.connect(server))).await;
                connected.unwrap_or_else(|elapsed| Err(Fault::elapsed(elapsed, intent, false)))?
            }
        };
        let number = line.number;
        let left = match planted("etcd-deadline-ignored") {
            true => Duration::MAX,
            false => deadline.since(self.clock.now()),
        };
        let answer = match timeout(&*self.clock, left, ask(line)).await {
            Ok(answer) => answer.map_err(|error| Fault::of(error, intent)),
            Err(elapsed) => Err(Fault::elapsed(elapsed, intent, true)),
        };
        if answer.as_ref().is_err_and(Fault::is_broken) {
            server.forget(number);
        }
        answer
    }

    /// A new connection, on which the cluster has shown that it is the one from before.
    async fn connect(&self, server: &Server) -> std::result::Result<Line, Fault> {
        let of_read = |error| Fault::of(error, Intent::Read);
        let seen = self.seen();
        let options = Some(self.options.clone());
        let client = Client::connect([server.url.as_str()], options).await.map_err(of_read)?;
        let (keep, kept) = watch::channel(());
        let mut line = Line {
            number: self.lines.fetch_add(1, Ordering::Relaxed),
            kv: client.kv_client().max_decoding_message_size(LONGEST_ANSWER),
            lease: client.lease_client(),
            watch: client.watch_client().max_decoding_message_size(LONGEST_ANSWER),
            kept,
        };
        let probe = Some(GetOptions::new().with_keys_only());
        let answer = line.kv.get(self.probe.clone(), probe).await.map_err(of_read)?;
        if let Some(header) = answer.header() {
            self.realm.get_or_init(|| realm(header));
        }
        self.check(answer.header(), seen).map_err(Fault::whole)?;
        *server.lock() = Some((line.clone(), keep));
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
        if revision < seen {
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

impl Server {
    fn line(&self) -> Option<Line> {
        self.lock().as_ref().map(|(line, _)| line.clone())
    }

    /// Gives up a connection, unless another one has been made since.
    fn forget(&self, number: u64) {
        self.lock().take_if(|(line, _)| line.number == number);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Line, watch::Sender<()>)>> {
        // A line is put in and taken out whole.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.servers.iter().map(|server| &server.url).collect();
        f.debug_struct("Cluster")
            .field("servers", &urls)
            .field("realm", &self.realm.get())
            .finish_non_exhaustive()
    }
}
