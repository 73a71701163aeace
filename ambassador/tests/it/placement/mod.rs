//! nutcracker and the proxy over the same servers of Redis: the same keys at the same places, and the
//! same answers.
//!
//! `ENTOURAGE_LONG=1` compares more pools; `ENTOURAGE_SEED` says which.

mod alike;
mod client;
mod door;
mod failures;
mod pools;

use std::{net::SocketAddr, sync::atomic::AtomicU64, time::Duration};

use entourage_ambassador::{
    Options, ShardProxy,
    nutcracker::{Config, Listen},
};
use entourage_testkit::{Nutcracker, Redis, Requirement};

use self::client::Client;

/// How long an answer may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether there are both; says so where one is required.
fn are_installed() -> bool {
    let redis = Requirement::from(Redis::available()).is_met("redis");
    Requirement::from(Nutcracker::available()).is_met("nutcracker") && redis
}

/// One file to both.
struct Pair {
    nutcracker: Nutcracker,
    _proxy: ShardProxy,
    addresses: Vec<SocketAddr>,
}

impl Pair {
    /// `config` has `{listen}` where a pool listens.
    fn start(config: &str) -> Self {
        let nutcracker = Nutcracker::start(config);
        // No file may say port 0; the system chooses the port.
        let mut text = config.to_owned();
        for port in 1..=config.matches("{listen}").count() {
            text = text.replacen("{listen}", &format!("127.0.0.1:{port}"), 1);
        }
        let mut config = Config::parse(&text).unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
        for pool in &mut config.pools {
            pool.listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there is a runtime");
        let proxy = runtime.block_on(ShardProxy::start(config, Options::default())).expect("it can listen");
        let addresses =
            proxy.addresses().into_iter().map(|address| address.expect("it has a port")).collect();
        Self { nutcracker, _proxy: proxy, addresses }
    }

    /// A client of this pool of nutcracker's.
    fn theirs(&self, pool: usize) -> Client {
        Client::new(&self.nutcracker.endpoints()[pool])
    }

    /// A client of this pool of the proxy's.
    fn ours(&self, pool: usize) -> Client {
        Client::new(&self.addresses[pool].to_string())
    }
}

/// Numbers that no other test of this process has had.
static NUMBERS: AtomicU64 = AtomicU64::new(0);
