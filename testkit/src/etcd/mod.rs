//! A cluster of etcd on this machine.

mod node;
mod shared;

use std::{ffi::OsStr, path::PathBuf, process::Command, time::Duration};

use self::node::{Node, Seat, free_seats};
pub use self::shared::SharedEtcd;
use crate::{
    eventually::{eventually, poll},
    network::Host,
    process::Finished,
    scratch::Scratch,
};

/// How long a cluster may take to be ready, on a busy machine.
const READY: Duration = Duration::from_secs(30);
/// How often ports are drawn that another program may take in between.
const TRIES: usize = 5;

/// Servers of etcd of one cluster, with their data in a temporary directory: on loopback, or each
/// in a host of its own.
///
/// They are killed and their data is removed when it is dropped.
#[derive(Debug)]
pub struct Etcd {
    // Before the directory, so that they are dead when it is removed.
    nodes: Vec<Node>,
    _scratch: Scratch,
}

impl Etcd {
    /// Whether this machine has `etcd` and `etcdctl`.
    ///
    /// # Errors
    /// Which it has not.
    pub fn available() -> Result<(), String> {
        for (program, version) in [("etcd", "--version"), ("etcdctl", "version")] {
            let run = Command::new(program).arg(version).output();
            run.map_err(|error| format!("{program} cannot be run: {error}"))?;
        }
        Ok(())
    }

    /// One server, which is ready.
    ///
    /// # Panics
    /// If it cannot be started, or is not ready in time.
    #[must_use = "the servers are killed when it is dropped"]
    #[track_caller]
    pub fn start() -> Self {
        Self::cluster(1)
    }

    /// A cluster of so many servers on loopback, which is ready.
    ///
    /// # Panics
    /// If they cannot be started, or are not ready in time.
    #[must_use = "the servers are killed when it is dropped"]
    #[track_caller]
    pub fn cluster(nodes: usize) -> Self {
        Self::cluster_with(nodes, &[])
    }

    /// The same with more flags of `etcd`, for each server and whenever it is started.
    ///
    /// ```no_run
    /// use entourage_testkit::Etcd;
    ///
    /// // They miss a dead leader sooner, and grant leases of one second.
    /// let etcd = Etcd::cluster_with(3, &["--heartbeat-interval=30", "--election-timeout=300"]);
    /// assert_eq!(etcd.endpoints().len(), 3);
    /// ```
    ///
    /// # Panics
    /// As [`Etcd::cluster`]; a flag that `etcd` does not know ends it before it is ready.
    #[must_use = "the servers are killed when it is dropped"]
    #[track_caller]
    pub fn cluster_with(nodes: usize, flags: &[&str]) -> Self {
        Self::of(|| free_seats(nodes), flags)
    }

    /// A cluster of one server in each of these hosts, which is ready.
    ///
    /// The servers have the places of their hosts.
    ///
    /// # Panics
    /// If they cannot be started, or are not ready in time.
    #[must_use = "the servers are killed when it is dropped"]
    #[track_caller]
    pub fn cluster_in<'h>(hosts: impl IntoIterator<Item = &'h Host>) -> Self {
        let seats: Vec<_> = hosts.into_iter().map(Seat::in_host).collect();
        Self::of(|| seats.clone(), &[])
    }

    #[track_caller]
    fn of(seats: impl Fn() -> Vec<Seat>, flags: &[&str]) -> Self {
        let scratch = Scratch::new();
        for number in 0..TRIES {
            let mut started = node::start(seats(), flags, &scratch, number);
            let is_up = poll(READY, || {
                if started.iter_mut().any(|node| !node.process.is_running()) {
                    return Some(false);
                }
                started.iter().all(Node::is_healthy).then_some(true)
            });
            match is_up {
                Some(true) => return Self { nodes: started, _scratch: scratch },
                // It has ended: another program has taken one of its ports.
                Some(false) => {}
                None => panic!("etcd is not ready within {READY:?}\n{}", started[0].process.stderr()),
            }
        }
        panic!("etcd ended {TRIES} times before it was ready");
    }

    /// Where each server listens for clients, as `host:port`.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(Node::endpoint).collect()
    }

    /// The place of the server that leads.
    ///
    /// One that is cut off says for about a second that it still does.
    ///
    /// # Panics
    /// If none does in time.
    #[must_use]
    #[track_caller]
    pub fn leader(&self) -> usize {
        eventually(READY, "a server leads", || {
            let led = |(place, node): (usize, &Node)| node.leads().map(|term| (term, place));
            self.nodes.iter().enumerate().filter_map(led).max().map(|(_, place)| place)
        })
    }

    /// Kills a server (`SIGKILL`); returns when it is dead.
    pub fn kill9(&mut self, node: usize) {
        self.nodes[node].process.kill9();
    }

    /// Starts a server again, on its data, where it was killed; returns when it is ready.
    ///
    /// # Panics
    /// If it is not ready in time.
    #[track_caller]
    pub fn restart(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        node.restart();
        eventually(READY, "etcd is ready again", || node.is_healthy().then_some(()));
    }

    /// Freezes a server (`SIGSTOP`): it keeps its connections, takes new ones and says nothing.
    ///
    /// # Panics
    /// If it has ended.
    #[track_caller]
    pub fn pause(&mut self, node: usize) {
        self.nodes[node].process.pause();
    }

    /// Lets a frozen server go on (`SIGCONT`).
    pub fn resume(&mut self, node: usize) {
        self.nodes[node].process.resume();
    }

    /// Runs `etcdctl` on this cluster, where its first server is, and returns what it said.
    ///
    /// # Panics
    /// If it fails, or takes too long.
    #[track_caller]
    pub fn ctl(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Finished {
        let endpoints = self.endpoints().join(",");
        self.nodes[0].ctl(&endpoints, args).wait(READY).succeeded()
    }

    /// The leases that live, by their numbers in hexadecimal.
    ///
    /// # Panics
    /// As [`Etcd::ctl`].
    #[must_use]
    #[track_caller]
    pub fn leases(&self) -> Vec<String> {
        // "found 2 leases", then one a line.
        self.ctl(["lease", "list"]).stdout.lines().skip(1).map(str::to_owned).collect()
    }

    /// Revokes a lease, as an operator would: its keys go with it.
    ///
    /// # Panics
    /// As [`Etcd::ctl`]; a lease that is gone already cannot be revoked.
    #[track_caller]
    pub fn revoke(&self, lease: &str) {
        let _ = self.ctl(["lease", "revoke", lease]);
    }

    /// Where a server's data is, for a test that copies it or takes it away.
    #[must_use]
    pub fn data(&self, node: usize) -> PathBuf {
        self.nodes[node].data.clone()
    }
}
