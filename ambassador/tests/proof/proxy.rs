//! A proxy in this process, and the pool that it serves.

use std::net::SocketAddr;

use entourage_ambassador::{
    Options, ShardProxy,
    nutcracker::{Config, Listen},
};
use entourage_core::SystemClock;
use entourage_sharding::{ConsistentRing, Dialect, KeyHash, ShardingFunction};
use tokio::{net::TcpStream, task::LocalSet};

use crate::{DEADLINE, is_long};

/// The pool of these servers, each called by its place; `more` are further lines of the file.
pub(crate) fn config(servers: &[String], more: &[&str]) -> Config {
    let mut text = "p:\n  listen: 127.0.0.1:1\n  redis: true\n".to_owned();
    more.iter().for_each(|line| text += &format!("  {line}\n"));
    text += "  servers:\n";
    for (place, server) in servers.iter().enumerate() {
        text += &format!("   - {server}:1 s{place}\n");
    }
    let mut config = Config::parse(&text).expect("the file is right");
    // Any free port, which no file can say.
    config.pools[0].listen = Listen::Tcp { host: "127.0.0.1".into(), port: 0 };
    config
}

/// Serves it.
pub(crate) async fn start(servers: &[String], more: &[&str], options: Options) -> (ShardProxy, SocketAddr) {
    let proxy = ShardProxy::start(config(servers, more), options).await.expect("there is a free port");
    let address = proxy.addresses()[0].expect("it listens at a port");
    (proxy, address)
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("the proxy listens");
    stream.set_nodelay(true).expect("it is a socket");
    stream
}

/// The server of each key among so many, as the file says.
pub(crate) fn homes(servers: usize) -> impl Fn(&[u8]) -> usize {
    let ring = (0..servers)
        .fold(ConsistentRing::builder().dialect(Dialect::Twemproxy(KeyHash::Fnv1a64)), |ring, place| {
            ring.server(format!("s{place}"), 1)
        });
    let ring = ring.build().expect("some servers make a ring");
    move |key| {
        let name = ring.servers()[ring.shard(key).index()].name();
        name[1..].parse().expect("it is called by its place")
    }
}

/// Runs a trial, which may take no longer than it may.
pub(crate) fn run(trial: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there are descriptors");
    LocalSet::new().block_on(&runtime, async {
        let clock = SystemClock::new();
        let patience = if is_long() { 20 * DEADLINE } else { 2 * DEADLINE };
        entourage_core::timeout(&clock, patience, trial).await.expect("it ends in time");
    });
}
