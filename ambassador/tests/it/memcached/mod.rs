//! A proxy between real clients' words and real servers of memcached.

mod placement;
mod servers;
mod storm;
mod warm_up;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use entourage_ambassador::{
    Options, ShardProxy,
    nutcracker::{Config, Listen},
};
use entourage_testkit::{Memcached, Requirement};

/// How long an answer may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A hash that spreads short keys, as nutcracker's default does not.
const MD5: &str = "  hash: md5\n";

/// Whether there is a memcached; says so where it is required.
fn is_installed() -> bool {
    Requirement::from(Memcached::available()).is_met("memcached")
}

/// The pool's part of a `nutcracker.yml`, but for where it listens.
fn pool(servers: &[Memcached], more: &str) -> String {
    let listed: String = (0..)
        .zip(servers)
        .map(|(number, server)| format!("    - {}:{} shard{number}\n", server.endpoint(), 1 + number % 2))
        .collect();
    format!("  timeout: 2000\n{more}  servers:\n{listed}")
}

/// A configuration of this pool, which listens at any port that is free.
fn listening(pool: &str) -> Config {
    let text = format!("pool:\n  listen: 127.0.0.1:1\n{pool}");
    let mut config = Config::parse(&text).unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
    // No file may say so; the system chooses the port.
    config.pools[0].listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    config
}

/// A proxy over these servers, and where it listens.
fn proxy(servers: &[Memcached], more: &str) -> (ShardProxy, SocketAddr) {
    let config = listening(&pool(servers, more));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there is a runtime");
    let proxy = runtime.block_on(ShardProxy::start(config, Options::default())).expect("it can listen");
    let address = proxy.addresses().into_iter().next().flatten().expect("it listens at a port");
    (proxy, address)
}

/// A client that knows nothing but bytes.
struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        stream.set_nodelay(true).expect("it is a socket");
        Self { stream, unread: Vec::new() }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("it is read");
        self
    }

    /// So many bytes more, waited for.
    fn fill(&mut self, len: usize) {
        let mut chunk = [0; 64 * 1024];
        while self.unread.len() < len {
            let read = self.stream.read(&mut chunk).unwrap_or_else(|error| {
                panic!("{error}, after {:?}", String::from_utf8_lossy(&self.unread));
            });
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&self.unread));
            self.unread.extend_from_slice(&chunk[..read]);
        }
    }

    /// The next line, with its end.
    fn line(&mut self) -> String {
        loop {
            if let Some(newline) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line = self.unread.drain(..=newline).collect();
                return String::from_utf8(line).expect("lines are text here");
            }
            self.fill(self.unread.len() + 1);
        }
    }

    /// The next bytes of a value, and its end.
    fn value(&mut self, bytes: usize) -> String {
        self.fill(bytes + 2);
        let value: Vec<u8> = self.unread.drain(..bytes + 2).collect();
        let value = String::from_utf8(value).expect("values are text here");
        value.strip_suffix("\r\n").expect("a value has an end").to_owned()
    }

    /// The values of one retrieval, or its error.
    fn values(&mut self) -> Result<Vec<(String, String)>, String> {
        let mut values = Vec::new();
        loop {
            let line = self.line();
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["END"] => return Ok(values),
                ["VALUE", key, _, bytes] => {
                    let bytes = bytes.parse().expect("a value has a length");
                    let value = self.value(bytes);
                    values.push((key.to_owned(), value));
                }
                ["SERVER_ERROR", ..] => return Err(line),
                _ => panic!("{line:?} is no part of an answer to a retrieval"),
            }
        }
    }

    /// One request, and one line in answer.
    fn ask(&mut self, request: &str) -> String {
        self.send(format!("{request}\r\n")).line()
    }

    fn get(&mut self, keys: &str) -> Result<Vec<(String, String)>, String> {
        self.send(format!("get {keys}\r\n")).values()
    }

    fn set(&mut self, key: &str, value: &str) {
        assert_eq!(self.ask(&format!("set {key} 0 0 {}\r\n{value}", value.len())), "STORED\r\n");
    }
}
