//! Another configuration: what a pool was before is ended, and one that cannot be taken changes nothing.

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpStream as Plain},
    time::Duration,
};

use entourage_ambassador::{
    Error, Options, ShardProxy,
    nutcracker::{Config, Listen, Wire},
};
use entourage_core::{SystemClock, timeout};
use entourage_testkit::{Program, eventually_async, mimic::Trial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    DEADLINE,
    child::{self, ROLE},
    proxy::{self, connect},
    resp::{bulk, frame, value},
    server::{self, Habit},
    trial,
};

/// Says to this binary that it is to reload with few descriptors.
pub(crate) const RELOADER: &str = "reloader";

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
/// What memcached alone answers like this, without asking a server.
const META: &[u8] = b"mg\r\n";
const ERROR: &[u8] = b"ERROR\r\n";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a7_a_pool_that_speaks_another_protocol_ends_the_one_before",
            a7_a_pool_that_speaks_another_protocol_ends_the_one_before,
        ),
        trial(
            "a7_a_reload_that_lacks_a_descriptor_says_so_and_changes_nothing",
            a7_a_reload_that_lacks_a_descriptor_says_so_and_changes_nothing,
        ),
    ]
}

async fn a7_a_pool_that_speaks_another_protocol_ends_the_one_before() {
    let (server, book) = server::serve(|| Habit::Late(0, Duration::from_millis(300))).await;
    let redis = [server];
    let (proxy, address) = proxy::start(&redis, &[], Options::default()).await;
    let mut memcached = proxy::config(&redis, &[]);
    memcached.pools[0].protocol = Wire::Memcached;
    for round in 0..3_u64 {
        let mut old = connect(address).await;
        let asked = book.requests.get();
        old.write_all(&frame(&[b"GET", b"r"])).await.expect("the proxy reads");
        eventually_async(DEADLINE, "it is on its way", async || (book.requests.get() > asked).then_some(()))
            .await;
        proxy.reload(memcached.clone()).await.expect("nothing is in its way");
        answered_alike(address, META, ERROR).await;
        // It has what it is owed, and then its end.
        let mut reply = Vec::new();
        let ended = timeout(&SystemClock::new(), DEADLINE / 4, old.read_to_end(&mut reply)).await;
        ended.expect("it is ended in time").expect("it is ended in order");
        assert_eq!(reply, bulk(&value(b"r")), "in round {round}");
        let mut spoken = connect(address).await;
        spoken.write_all(META).await.expect("the proxy reads");
        spoken.read_exact(&mut [0; ERROR.len()]).await.expect("it is answered");
        proxy.reload(proxy::config(&redis, &[])).await.expect("nothing is in its way");
        answered_alike(address, PING, b"+PONG\r\n").await;
        assert_eq!(spoken.read(&mut [0; 100]).await.expect("it is ended in order"), 0);
    }
    let drained = timeout(&SystemClock::new(), DEADLINE / 4, proxy.drain()).await;
    drained.expect("nobody is there any more");
}

/// Each of many new clients that says this hears that.
async fn answered_alike(address: SocketAddr, says: &[u8], hears: &[u8]) {
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(connect(address).await);
    }
    for client in &mut clients {
        client.write_all(says).await.expect("the proxy reads");
        let mut heard = vec![0; hears.len()];
        client.read_exact(&mut heard).await.expect("it is answered");
        assert_eq!(heard, hears, "{}", heard.escape_ascii());
    }
}

async fn a7_a_reload_that_lacks_a_descriptor_says_so_and_changes_nothing() {
    let mut child = Program::this_test().env(ROLE, RELOADER).start();
    let _ = child.wait(DEADLINE).succeeded();
}

/// Reloads with none to spare, then with one, and so on; panics where that does not go as it has to.
pub(crate) fn run() {
    child::raise(150);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there are descriptors");
    runtime.block_on(async {
        let mut options = Options::default();
        options.reactors = 2.try_into().expect("not zero");
        let mut last = 1;
        let proxy = ShardProxy::start(at(last), options).await.expect("there is a free port");
        let (mut taken, mut refused) = (0, 0);
        for spare in 0..8 {
            let mut open = Vec::new();
            while let Ok(file) = File::open("/dev/null") {
                open.push(file);
            }
            open.truncate(open.len() - spare);
            let next = last + 1;
            match proxy.reload(at(next)).await {
                Ok(()) => (taken, last) = (taken + 1, next),
                Err(Error::Listen { .. }) => refused += 1,
                Err(error) => panic!("{error:?}"),
            }
            drop(open);
            let address = proxy.addresses()[0].expect("it is a port");
            assert_eq!(address.ip().to_string(), format!("127.0.0.{last}"));
            // All threads are there: one that is not would leave the kernel's choice to the others.
            (0..20).for_each(|_| pinged(address));
        }
        assert!(taken > 0 && refused > 1, "{taken} were taken and {refused} refused");
    });
}

/// A pool at a free port of another address each time.
fn at(number: u8) -> Config {
    let mut config = proxy::config(&["127.0.0.1:1".to_owned()], &[]);
    config.pools[0].listen = Listen::Tcp { host: format!("127.0.0.{number}"), port: 0 };
    config
}

fn pinged(address: SocketAddr) {
    let mut client = Plain::connect(address).expect("it listens");
    client.set_read_timeout(Some(DEADLINE / 4)).expect("it is a socket");
    client.write_all(PING).expect("it is taken");
    let mut reply = [0; 7];
    client.read_exact(&mut reply).expect("it is answered");
    assert_eq!(&reply, b"+PONG\r\n");
}
