//! One server of etcd.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    time::Duration,
};

use super::READY;
use crate::{network::Host, process::Process, program::Program, scratch::Scratch};

/// How long one look at a server may take.
const LOOK: Duration = Duration::from_secs(1);

/// Where a server listens.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    client: SocketAddr,
    peer: SocketAddr,
    /// None: this machine's own network.
    host: Option<Host>,
}

impl Seat {
    /// At etcd's own ports of a host where nobody else listens.
    pub(super) fn in_host(host: &Host) -> Self {
        let at = |port| SocketAddr::new(host.address(), port);
        Self { client: at(2379), peer: at(2380), host: Some(host.clone()) }
    }

    /// Runs `body` where the server is.
    fn enter<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        match &self.host {
            Some(host) => host.enter(body),
            None => body(),
        }
    }
}

/// Seats on loopback, at ports that were free a moment ago.
pub(super) fn free_seats(count: usize) -> Vec<Seat> {
    // All at once, so that no port is drawn twice.
    let free: Vec<_> =
        (0..count * 2).map(|_| TcpListener::bind("127.0.0.1:0").expect("loopback has a free port")).collect();
    let ports: Vec<_> = free.iter().map(|free| free.local_addr().expect("it is bound")).collect();
    drop(free);
    debug_assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), count * 2);
    let (clients, peers) = ports.split_at(count);
    clients
        .iter()
        .zip(peers)
        .map(|(client, peer)| Seat { client: *client, peer: *peer, host: None })
        .collect()
}

/// One server.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) data: PathBuf,
    pub(super) process: Process,
    program: Program,
    seat: Seat,
}

impl Node {
    pub(super) fn endpoint(&self) -> String {
        self.seat.client.to_string()
    }

    /// Kills it, and starts it on its data.
    #[track_caller]
    pub(super) fn restart(&mut self) {
        self.process.kill9();
        self.process = self.seat.enter(|| self.program.start());
    }

    /// Whether it says that it is in a cluster that has a leader.
    pub(super) fn is_healthy(&self) -> bool {
        let ask = || -> io::Result<String> {
            let mut stream = TcpStream::connect_timeout(&self.seat.client, LOOK)?;
            stream.set_read_timeout(Some(LOOK))?;
            stream.set_write_timeout(Some(LOOK))?;
            stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        self.seat.enter(ask).is_ok_and(|answer| answer.contains("\"true\""))
    }

    /// The term in which it says that it leads.
    #[track_caller]
    pub(super) fn leads(&self) -> Option<u64> {
        let args = ["--command-timeout=1s", "endpoint", "status", "--write-out=fields"];
        let said = self.ctl(&self.endpoint(), args).wait(READY);
        // The answer's header comes first and has a term too.
        let field = |name: &str| -> Option<u64> {
            let value = |line: &str| line.strip_prefix(&format!("\"{name}\" : "))?.parse().ok();
            said.stdout.lines().rev().find_map(value)
        };
        let leads = said.status.success() && field("MemberID").is_some_and(|id| field("Leader") == Some(id));
        leads.then(|| field("RaftTerm")).flatten()
    }

    /// Starts `etcdctl` where this server is.
    #[track_caller]
    pub(super) fn ctl(&self, endpoints: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
        let program = Program::new("etcdctl").args(["--endpoints", endpoints]).args(args);
        let program = program.env("ETCDCTL_API", "3");
        self.seat.enter(|| program.start())
    }
}

/// Starts a server in each seat, on empty data, with flags of the caller's beside its own.
#[track_caller]
pub(super) fn start(seats: Vec<Seat>, flags: &[&str], scratch: &Scratch, number: usize) -> Vec<Node> {
    let peer = |(place, seat): (usize, &Seat)| format!("n{place}=http://{}", seat.peer);
    let members = seats.iter().enumerate().map(peer).collect::<Vec<_>>().join(",");
    let node = |(place, seat): (usize, Seat)| {
        let (client_url, peer_url) = (format!("http://{}", seat.client), format!("http://{}", seat.peer));
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
                // The default from 3.5 on: a server that was cut off deposes no leader when it is back.
                "--pre-vote",
                "--logger=zap",
                "--log-outputs=stderr",
                "--log-level=warn",
            ])
            .args(flags);
        let process = seat.enter(|| program.start());
        Node { data, process, program, seat }
    };
    seats.into_iter().enumerate().map(node).collect()
}
