//! Servers whose names get other addresses.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use entourage_testkit::{eventually, eventually_async, let_pass};

use super::{
    ShardProxy,
    resolve::{Answer, Resolve},
};
use crate::{
    Options,
    nutcracker::{Config, Listen},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A resolver that says what it is told to.
#[derive(Debug)]
struct Names {
    now: Mutex<IpAddr>,
    asked: AtomicU64,
}

impl Resolve for Names {
    fn look_up<'a>(&'a self, _: &'a str, port: u16) -> Answer<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = *self.now.lock().expect("nobody panics with it");
        Box::pin(async move { Ok(vec![SocketAddr::new(now, port)]) })
    }
}

impl Names {
    fn new(now: IpAddr) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(now), asked: AtomicU64::new(0) })
    }

    fn are(&self, now: IpAddr) {
        *self.now.lock().expect("nobody panics with it") = now;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// A server of Redis that knows `ECHO`, with which connections begin, and `GET`, whose values are the key
/// and the server's number.
#[derive(Clone, Debug, Default)]
struct Server {
    /// Held, nothing is answered.
    gate: Arc<Mutex<()>>,
    asked: Arc<AtomicU64>,
    came: Arc<AtomicU64>,
    left: Arc<AtomicU64>,
}

impl Server {
    fn start(listener: TcpListener, number: u32) -> Self {
        let server = Self::default();
        let this = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                this.came.fetch_add(1, Ordering::Relaxed);
                let this = this.clone();
                thread::spawn(move || {
                    let _ = this.serve(stream, number);
                    this.left.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        server
    }

    fn serve(&self, mut stream: TcpStream, number: u32) -> std::io::Result<()> {
        let (mut unread, mut chunk) = (String::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            unread += &String::from_utf8_lossy(&chunk[..read]);
            // A request has five lines, the last of which is its key.
            while let Some((end, _)) = unread.match_indices("\r\n").nth(4) {
                let is_greeting = unread[..end].contains("\r\nECHO\r\n");
                let key = unread[..end].rsplit("\r\n").next().unwrap_or_default().to_owned();
                unread.drain(..end + 2);
                if is_greeting {
                    stream.write_all(format!("${}\r\n{key}\r\n", key.len()).as_bytes())?;
                    continue;
                }
                self.asked.fetch_add(1, Ordering::Relaxed);
                drop(self.gate.lock());
                let value = format!("{key}@{number}");
                stream.write_all(format!("${}\r\n{value}\r\n", value.len()).as_bytes())?;
            }
        }
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

const fn at(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, number))
}

/// Servers at one port of 127.0.0.1 and 127.0.0.2.
fn two_servers() -> ([Server; 2], u16) {
    loop {
        let first = TcpListener::bind((at(1), 0)).expect("loopback has a free port");
        let port = first.local_addr().expect("it is bound").port();
        if let Ok(second) = TcpListener::bind((at(2), port)) {
            return ([Server::start(first, 1), Server::start(second, 2)], port);
        }
    }
}

/// Two servers, and a proxy that reaches the one that a name leads to, which is looked up all the time.
struct Site {
    first: Server,
    second: Server,
    names: Arc<Names>,
    proxy: ShardProxy,
    address: SocketAddr,
}

impl Site {
    /// The server is called `host`, which leads to the `number`-th.
    async fn start(host: &str, number: u8) -> Self {
        let ([first, second], port) = two_servers();
        let names = Names::new(at(number));
        let text = format!(
            "p:\n  listen: 127.0.0.1:1\n  redis: true\n  timeout: 20000\n  servers:\n   - {host}:{port}:1\n"
        );
        let mut config = Config::parse(&text).expect("it is right");
        config.pools[0].listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
        let options = Options { resolve: Duration::from_millis(10), ..Options::default() };
        let resolver = Arc::clone(&names) as Arc<dyn Resolve>;
        let proxy = ShardProxy::start_with(config, options, resolver).await.expect("it can listen");
        let address = proxy.addresses()[0].expect("it is a port");
        Self { first, second, names, proxy, address }
    }

    /// A client, which the first server has answered.
    fn client(&self) -> Client {
        let mut client = Client::new(self.address);
        client.send("a");
        assert_eq!(client.value(), "a@1");
        client
    }
}

/// Has whoever waits for so many moves go on, also when this test fails.
struct End<'a>(&'a AtomicU64);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }
}

struct Client(TcpStream);

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        Self(stream)
    }

    fn send(&mut self, key: &str) {
        let request = format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len());
        self.0.write_all(request.as_bytes()).expect("it is taken");
    }

    /// The value that it is sent, which has one digit's length in its header.
    fn value(&mut self) -> String {
        let mut header = [0; 4];
        self.0.read_exact(&mut header).expect("it is answered");
        assert_eq!((header[0], header[2]), (b'$', b'\r'), "{}", header.escape_ascii());
        let mut value = vec![0; usize::from(header[1] - b'0') + 2];
        self.0.read_exact(&mut value).expect("it is answered");
        String::from_utf8(value).expect("it is text").trim_end().to_owned()
    }
}

#[tokio::test]
async fn a_server_that_moves_is_asked_where_it_is_once_it_has_answered_what_it_was_asked() {
    let site = Site::start("shard.test", 1).await;
    let (mut client, Site { first, second, names, proxy, .. }) = (site.client(), &site);
    let held = first.gate.lock().expect("nobody panics with it");
    client.send("b");
    eventually(PATIENCE, "it is asked", || (first.asked() == 2).then_some(()));
    names.are(at(2));
    eventually(PATIENCE, "it is connected where it is", || {
        (second.came.load(Ordering::Relaxed) == 1).then_some(())
    });
    client.send("c");
    // Nor does it overtake what was asked before.
    let_pass(Duration::from_millis(50));
    assert_eq!(second.asked(), 0);
    drop(held);
    assert_eq!((client.value(), client.value()), ("b@1".to_owned(), "c@2".to_owned()));
    // Where it was nobody is connected any more, and where it is only once.
    eventually(PATIENCE, "it is left", || (first.left.load(Ordering::Relaxed) == 1).then_some(()));
    assert_eq!((first.asked(), second.asked(), second.came.load(Ordering::Relaxed)), (2, 1, 1));
    let is_told = async || {
        let server = &proxy.stats().await[0].servers[0].counts;
        (server.server_connections == 1 && server.connects == 2).then_some(())
    };
    eventually_async(PATIENCE, "both connections are counted", is_told).await;
}

#[tokio::test]
async fn a_server_that_nobody_asks_anything_is_followed_too() {
    let site = Site::start("shard.test", 1).await;
    let (mut client, Site { first, second, names, .. }) = (site.client(), &site);
    names.are(at(2));
    eventually(PATIENCE, "it is left", || (first.left.load(Ordering::Relaxed) == 1).then_some(()));
    client.send("b");
    assert_eq!(client.value(), "b@2");
    assert_eq!(second.came.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_name_that_leads_to_where_nobody_answers_changes_nothing() {
    let site = Site::start("shard.test", 1).await;
    let (mut client, Site { first, second, names, .. }) = (site.client(), &site);
    names.are(at(3));
    let enough = names.asked() + 5;
    eventually(PATIENCE, "it is looked up", || (names.asked() >= enough).then_some(()));
    client.send("b");
    assert_eq!(client.value(), "b@1");
    assert_eq!((first.came.load(Ordering::Relaxed), second.came.load(Ordering::Relaxed)), (1, 0));
}

#[tokio::test]
async fn an_address_is_never_looked_up() {
    let site = Site::start("127.0.0.1", 2).await;
    let mut client = site.client();
    let_pass(Duration::from_millis(60));
    client.send("b");
    assert_eq!(client.value(), "b@1");
    assert_eq!((site.names.asked(), site.first.asked()), (0, 2));
}

#[tokio::test]
async fn clients_that_never_pause_lose_no_reply_when_a_server_moves_to_and_fro() {
    let site = Site::start("shard.test", 1).await;
    let Site { first, second, names, address, .. } = &site;
    let moves = AtomicU64::new(0);
    thread::scope(|scope| {
        let _end = End(&moves);
        for _ in 0..3 {
            scope.spawn(|| {
                let mut client = Client::new(*address);
                let mut round = 0_u32;
                (0..8).for_each(|key| client.send(&key.to_string()));
                while moves.load(Ordering::Relaxed) < 10 {
                    let value = client.value();
                    assert!(value.starts_with(&format!("{}@", round % 8)), "{value} at {round}");
                    client.send(&(round % 8).to_string());
                    round += 1;
                }
            });
        }
        for round in 0..10_u8 {
            let (number, server) = if round % 2 == 0 { (2, second) } else { (1, first) };
            let before = server.asked();
            names.are(at(number));
            eventually(PATIENCE, "it is asked there", || (server.asked() > before + 10).then_some(()));
            moves.fetch_add(1, Ordering::Relaxed);
        }
    });
}
