//! A proxy between clients and real servers of Redis.

mod goodbye;
mod reload;
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
use entourage_testkit::{Redis, Requirement};

/// How long an answer may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether there is a Redis; says so where it is required.
fn is_installed() -> bool {
    Requirement::from(Redis::available()).is_met("redis")
}

/// A configuration, but at any port that is free.
fn config(text: &str) -> Config {
    let mut config = Config::parse(text).unwrap_or_else(|invalid| panic!("{invalid}\n{text}"));
    for pool in &mut config.pools {
        pool.listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    }
    config
}

/// A proxy of one pool, and where it listens.
async fn proxy(text: &str) -> (ShardProxy, SocketAddr) {
    let proxy = ShardProxy::start(config(text), Options::default()).await.expect("it can listen");
    let address = proxy.addresses()[0].expect("it listens at a port");
    (proxy, address)
}

/// A client that knows nothing but RESP.
struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// What a client is answered.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Line(String),
    Bulk(Option<Vec<u8>>),
    Array(Vec<Self>),
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
        stream.set_nodelay(true).expect("it is a socket");
        Self { stream, unread: Vec::new() }
    }

    fn send(&mut self, requests: &[u8]) {
        self.stream.write_all(requests).expect("it is read");
    }

    fn reply(&mut self) -> Reply {
        let line = self.line();
        let number = || line[1..].parse::<usize>().ok();
        match line.as_bytes()[0] {
            b'$' => Reply::Bulk(number().map(|len| {
                self.fill(len + 2);
                let bulk = self.unread.drain(..len).collect();
                self.unread.drain(..2);
                bulk
            })),
            b'*' => Reply::Array((0..number().unwrap_or(0)).map(|_| self.reply()).collect()),
            _ => Reply::Line(line),
        }
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(2).position(|end| end == b"\r\n") {
                let line = self.unread.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).expect("lines are text here");
            }
            self.fill(self.unread.len() + 1);
        }
    }

    fn fill(&mut self, len: usize) {
        let mut chunk = [0; 16 * 1024];
        while self.unread.len() < len {
            let read = self.stream.read(&mut chunk).expect("it is answered");
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&self.unread));
            self.unread.extend_from_slice(&chunk[..read]);
        }
    }
}

/// A request of these arguments.
fn request(arguments: &[&str]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", arguments.len());
    for argument in arguments {
        request += &format!("${}\r\n{argument}\r\n", argument.len());
    }
    request.into_bytes()
}
