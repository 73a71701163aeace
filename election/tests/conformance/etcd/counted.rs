//! E7 as the server itself counts it.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use entourage_core::{SystemClock, timeout};
use entourage_election::{LeaseLock, Ownership};
use entourage_store::{EtcdOptions, Store, What};
use entourage_testkit::{Etcd, eventually_async};
use tokio::task::JoinHandle;

use super::connect;
use crate::subject::{LONG, NAME, acquiring};

const WAITERS: usize = 16;
const DEADLINE: Duration = Duration::from_secs(30);

/// What the server was asked since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    transactions: u64,
    /// Reads, single writes, and leases that were opened, looked at or ended.
    others: u64,
    /// Watches and keep-alives that were opened.
    streams: u64,
}

impl Asked {
    /// What the server's own metrics page says.
    fn of(server: &str) -> Self {
        let page = page(server).expect("a server that is ready shows its metrics");
        let count = |metric: &str, methods: &[&str]| -> u64 {
            let methods: Vec<_> = methods.iter().map(|method| format!("grpc_method=\"{method}\"")).collect();
            let of = |line: &&str| {
                line.starts_with(metric) && methods.iter().any(|method| line.contains(method.as_str()))
            };
            page.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        let unary = "grpc_server_handled_total{";
        let others = ["Range", "Put", "DeleteRange", "LeaseGrant", "LeaseRevoke", "LeaseTimeToLive"];
        Self {
            transactions: count(unary, &["Txn"]),
            others: count(unary, &others),
            streams: count("grpc_server_started_total{", &["Watch", "LeaseKeepAlive"]),
        }
    }
}

fn page(server: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

async fn granted(acquiring: JoinHandle<Ownership>) -> Ownership {
    let granted = timeout(&SystemClock::new(), DEADLINE, acquiring).await;
    granted.expect("the next is granted").unwrap()
}

/// The budget of a hand-over: one transaction of who releases and one of who claims, and no
/// read, lease or watch of anybody, however many wait.
pub(super) async fn e7_one_release_costs_the_server_two_transactions_however_many_wait(etcd: Arc<Etcd>) {
    let server = etcd.endpoints().remove(0);
    let onlooker = connect(EtcdOptions::new([&server])).await;
    let mut waiting = VecDeque::new();
    for waiter in 0..=WAITERS {
        // Each with a client, a session and a watch of its own.
        let store = connect(EtcdOptions::new([&server])).await;
        waiting.push_back(acquiring(LeaseLock::builder(store, NAME).ttl(LONG).build().unwrap()));
        eventually_async(DEADLINE, "all contend", async || {
            let queue = onlooker.list(&What::prefix(format!("{NAME}/"))).await.unwrap();
            (queue.entries.len() == waiter + 1).then_some(())
        })
        .await;
    }
    let mut owner = granted(waiting.pop_front().unwrap()).await;
    let mut budget = Asked::of(&server);
    while let Some(next) = waiting.pop_front() {
        assert!(!next.is_finished(), "it waits");
        owner.release().await.unwrap();
        owner = granted(next).await;
        assert!(waiting.iter().all(|later| !later.is_finished()), "so do all behind it");
        budget.transactions += 2;
        assert_eq!(Asked::of(&server), budget, "with {} who wait", waiting.len());
    }
    assert!(owner.is_held());
}
