//! A cluster of etcd on this machine.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use crate::{
    eventually::{eventually, poll},
    process::{Finished, Process},
    program::Program,
    scratch::Scratch,
};

/// How long a cluster may take to be ready, on a busy machine.
const READY: Duration = Duration::from_secs(30);
/// How long one look at a server may take.
const LOOK: Duration = Duration::from_secs(1);
/// How often ports are drawn that another program may take in between.
const TRIES: usize = 5;

/// Servers of etcd on loopback, of one cluster, with their data in a temporary directory.
///
/// They are killed and their data is removed when it is dropped.
#[derive(Debug)]
pub struct Etcd {
    // Before the directory, so that they are dead when it is removed.
    nodes: Vec<Node>,
    _scratch: Scratch,
}

/// One server.
#[derive(Debug)]
struct Node {
    data: PathBuf,
    program: Program,
    process: Process,
    client: SocketAddr,
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

    /// A cluster of so many servers, which is ready.
    ///
    /// # Panics
    /// If they cannot be started, or are not ready in time.
    #[must_use = "the servers are killed when it is dropped"]
    #[track_caller]
    pub fn cluster(nodes: usize) -> Self {
        let scratch = Scratch::new();
        for number in 0..TRIES {
            let mut started = start(nodes, &scratch, number);
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
        self.nodes.iter().map(|node| node.client.to_string()).collect()
    }

    /// The place of the server that leads.
    ///
    /// # Panics
    /// If none does in time.
    #[must_use]
    #[track_caller]
    pub fn leader(&self) -> usize {
        eventually(READY, "a server leads", || {
            self.nodes.iter().position(|node| {
                let endpoint = node.client.to_string();
                let args = ["--endpoints", &endpoint, "--command-timeout=1s", "endpoint", "status"];
                let said = Program::new("etcdctl").args(args).env("ETCDCTL_API", "3").start().wait(READY);
                // endpoint, id, version, size, whether it leads, …
                said.status.success() && said.stdout.split(", ").nth(4) == Some("true")
            })
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
        node.process.kill9();
        node.process = node.program.start();
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

    /// Runs `etcdctl` on this cluster, and returns what it said.
    ///
    /// # Panics
    /// If it fails, or takes too long.
    #[track_caller]
    pub fn ctl(&self, args: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Finished {
        let endpoints = self.endpoints().join(",");
        let program = Program::new("etcdctl").args(["--endpoints", &endpoints]).args(args);
        program.env("ETCDCTL_API", "3").start().wait(READY).succeeded()
    }

    /// Where a server's data is, for a test that copies it or takes it away.
    #[must_use]
    pub fn data(&self, node: usize) -> PathBuf {
        self.nodes[node].data.clone()
    }
}

impl Node {
    /// Whether it says that it is in a cluster that has a leader.
    fn is_healthy(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect_timeout(&self.client, LOOK)?;
            stream.set_read_timeout(Some(LOOK))?;
            stream.set_write_timeout(Some(LOOK))?;
            stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.contains("\"true\""))
    }
}

fn start(nodes: usize, scratch: &Scratch, number: usize) -> Vec<Node> {
    // All at once, so that no port is drawn twice.
    let free: Vec<_> =
        (0..nodes * 2).map(|_| TcpListener::bind("127.0.0.1:0").expect("loopback has a free port")).collect();
    let ports: Vec<_> = free.iter().map(|free| free.local_addr().expect("it is bound")).collect();
    drop(free);
    debug_assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), nodes * 2);
    let (clients, peers) = ports.split_at(nodes);
    let members: Vec<_> =
        peers.iter().enumerate().map(|(place, peer)| format!("n{place}=http://{peer}")).collect();
    let members = members.join(",");
    let node = |place: usize| {
        let (client, peer) = (clients[place], peers[place]);
        let (client_url, peer_url) = (format!("http://{client}"), format!("http://{peer}"));
        let data = scratch.join(format!("{number}-n{place}"));
        let program = Program::new("etcd")
            .arg(format!("--name=n{place}"))
            .arg(format!("--data-dir={}", data.display()))
            .arg(format!("--listen-client-urls={client_url}"))
            .arg(format!("--advertise-client-urls={client_url}"))
            .arg(format!("--listen-peer-urls={peer_url}"))
            .arg(format!("--initial-advertise-peer-urls={peer_url}"))
            .arg(format!("--initial-cluster={members}"))
            .arg(format!("--initial-cluster-token={}", scratch.path().display()))
            .args([
                "--initial-cluster-state=new",
                "--logger=zap",
                "--log-outputs=stderr",
                "--log-level=warn",
            ]);
        Node { process: program.start(), program, data, client }
    };
    (0..nodes).map(node).collect()
}
