//! A server of Redis on this machine, and a replica of it.

mod server;
mod shared;

use std::{ffi::OsStr, panic::resume_unwind, process::Command, thread};

use self::server::Server;
pub use self::shared::SharedRedis;
use crate::{
    daemon::{Daemon, READY},
    eventually::eventually,
    process::{Finished, Process},
    relay::Relay,
    scratch::Scratch,
};

/// A server of Redis on loopback, with its data in a temporary directory, and if asked a replica.
///
/// They are killed and their data is removed when it is dropped. A server keeps nothing on the
/// disk unless a flag says otherwise, such as `--appendonly yes`.
///
/// # Examples
/// ```no_run
/// use entourage_testkit::Redis;
///
/// let mut redis = Redis::with_replica(&[]);
/// redis.cli(["SET", "k", "old"]);
/// redis.wait_replicated();
/// // What the server acknowledges from here on, the replica does not have.
/// redis.stall_link();
/// redis.cli(["SET", "k", "new"]);
/// redis.failover();
/// assert_eq!(redis.cli(["GET", "k"]).stdout, "old\n");
/// ```
#[derive(Debug)]
pub struct Redis {
    // Before the directory, so that they are dead when it is removed.
    server: Server,
    replica: Option<Replica>,
    /// Where the server listened before a failover, and what has that address now.
    moved: Option<(String, Relay)>,
    _scratch: Scratch,
}

/// A copy that follows the server through a relay.
#[derive(Debug)]
struct Replica {
    server: Server,
    link: Relay,
}

impl Redis {
    /// Whether this machine has `redis-server` and `redis-cli`.
    ///
    /// # Errors
    /// Which it has not.
    pub fn available() -> Result<(), String> {
        for program in ["redis-server", "redis-cli"] {
            let run = Command::new(program).arg("--version").output();
            run.map_err(|error| format!("{program} cannot be run: {error}"))?;
        }
        Ok(())
    }

    /// A server, which is ready.
    ///
    /// # Panics
    /// If it cannot be started, or is not ready in time.
    #[must_use = "the server is killed when it is dropped"]
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more flags of `redis-server`, whenever it is started.
    ///
    /// ```no_run
    /// use entourage_testkit::Redis;
    ///
    /// // What it acknowledges is on the disk.
    /// let redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    /// ```
    ///
    /// # Panics
    /// As [`Redis::start`]; a flag that the server does not know ends it before it is ready.
    #[must_use = "the server is killed when it is dropped"]
    #[track_caller]
    pub fn start_with(flags: &[&str]) -> Self {
        let scratch = Scratch::new();
        let server = Server::start("server", flags, &scratch);
        Self { server, replica: None, moved: None, _scratch: scratch }
    }

    /// So many servers that know nothing of each other: the shards of a pool.
    ///
    /// ```no_run
    /// use entourage_testkit::Redis;
    ///
    /// let [one, two, three] = Redis::shards();
    /// assert_ne!(one.endpoint(), two.endpoint());
    /// ```
    ///
    /// # Panics
    /// As [`Redis::start`].
    #[must_use = "the servers are killed when they are dropped"]
    #[track_caller]
    pub fn shards<const COUNT: usize>() -> [Self; COUNT] {
        Self::shards_with(&[])
    }

    /// The same with more flags of `redis-server`, whenever they are started.
    ///
    /// # Panics
    /// As [`Redis::start_with`].
    #[must_use = "the servers are killed when they are dropped"]
    #[track_caller]
    pub fn shards_with<const COUNT: usize>(flags: &[&str]) -> [Self; COUNT] {
        thread::scope(|scope| {
            let starting = [(); COUNT].map(|()| scope.spawn(|| Self::start_with(flags)));
            starting.map(|started| started.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    /// A server and a replica, which has all that the server has.
    ///
    /// # Panics
    /// As [`Redis::start_with`].
    #[must_use = "the servers are killed when it is dropped"]
    #[track_caller]
    pub fn with_replica(flags: &[&str]) -> Self {
        let mut redis = Self::start_with(flags);
        let link = Relay::to(&redis.server.endpoint());
        let of = link.endpoint().replace(':', " ");
        let flags: Vec<_> = flags.iter().copied().chain(["--replicaof", &of]).collect();
        let server = Server::start("replica", &flags, &redis._scratch);
        redis.replica = Some(Replica { server, link });
        redis.wait_replicated();
        redis
    }

    /// Where clients find it, as `host:port`; the same after a failover.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.moved.as_ref().map_or_else(|| self.server.endpoint(), |(before, _)| before.clone())
    }

    /// Where the replica listens for clients, as `host:port`.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn replica_endpoint(&self) -> String {
        self.replica().server.endpoint()
    }

    /// Kills the server (`SIGKILL`); returns when it is dead.
    pub fn kill9(&mut self) {
        self.server.process.kill9();
    }

    /// Starts the server again, on its data, where it was; returns when it is ready.
    ///
    /// # Panics
    /// If it is not ready in time.
    #[track_caller]
    pub fn restart(&mut self) {
        self.server.restart();
        eventually(READY, "redis is ready again", || self.server.is_ready().then_some(()));
    }

    /// Freezes the server (`SIGSTOP`): it keeps its connections, takes new ones and says nothing.
    ///
    /// # Panics
    /// If it has ended.
    #[track_caller]
    pub fn pause(&mut self) {
        self.server.process.pause();
    }

    /// Lets a frozen server go on (`SIGCONT`).
    pub fn resume(&mut self) {
        self.server.process.resume();
    }

    /// Carries nothing more between the server and its replica; both keep the connection.
    ///
    /// # Panics
    /// If there is no replica.
    #[track_caller]
    pub fn stall_link(&self) {
        self.replica().link.stall();
    }

    /// Carries on between the server and its replica.
    ///
    /// # Panics
    /// If there is no replica.
    #[track_caller]
    pub fn resume_link(&self) {
        self.replica().link.go_on();
    }

    /// Waits until the replica has all that the server has.
    ///
    /// # Panics
    /// If there is no replica, or it has not in time.
    #[track_caller]
    pub fn wait_replicated(&self) {
        let replica = &self.replica().server;
        eventually(READY, "the replica has what the server has", || {
            let is_up = replica.info("replication", "master_link_status").is_some_and(|up| up == "up");
            let has = replica.info("replication", "slave_repl_offset");
            (is_up && has.is_some() && has == self.server.info("replication", "master_repl_offset"))
                .then_some(())
        });
    }

    /// Kills the server and makes its replica the server, at the same address.
    ///
    /// What the replica has not heard of is lost, though it was acknowledged.
    ///
    /// # Panics
    /// If there is no replica, or it does not obey in time.
    #[track_caller]
    pub fn failover(&mut self) {
        let replica = self.replica.take().expect("a failover takes a replica");
        let before = self.endpoint();
        self.server.process.kill9();
        drop(replica.link);
        let _ = replica.server.cli(["REPLICAOF", "NO", "ONE"]).succeeded();
        self.server = replica.server;
        // Another relay may be there from a failover before.
        drop(self.moved.take());
        let relay = Relay::at(&before, &self.server.endpoint());
        self.moved = Some((before, relay));
    }

    /// Leaves the server no memory for writes, as one that holds `maxmemory` without eviction.
    ///
    /// # Panics
    /// As [`Redis::cli`].
    #[track_caller]
    pub fn out_of_memory(&self) {
        self.cli(["CONFIG", "SET", "maxmemory", "1"]);
    }

    /// Gives the server memory again.
    ///
    /// # Panics
    /// As [`Redis::cli`].
    #[track_caller]
    pub fn enough_memory(&self) {
        self.cli(["CONFIG", "SET", "maxmemory", "0"]);
    }

    /// Runs `redis-cli` on the server and returns what it said.
    ///
    /// # Panics
    /// If it fails, takes too long, or the server answers with an error.
    #[track_caller]
    pub fn cli(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Finished {
        self.server.cli(args).succeeded()
    }

    /// Starts `redis-cli` on the server, for what takes the server a while.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use = "the command is ended when it is dropped, though the server may go on with it"]
    #[track_caller]
    pub fn begin(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
        self.server.begin(args)
    }

    #[track_caller]
    fn replica(&self) -> &Replica {
        self.replica.as_ref().expect("it was started with a replica, and has not failed over")
    }
}
