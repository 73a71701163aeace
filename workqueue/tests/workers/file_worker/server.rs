//! A server that does what a test wants, and remembers what it was asked.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use entourage_core::{SystemClock, sleep};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A request that came whole.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    head: String,
    body: Vec<u8>,
    /// After so many bytes of the body it is silent, or gone.
    stops: Option<(usize, Stop)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    Hang,
    Close,
    /// Says its body a hundred times, and is gone.
    Repeat,
    /// Goes on, byte by byte.
    Drip,
}

impl Reply {
    pub(super) fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let mut head = format!("HTTP/1.1 {status} Word\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let has_length = headers.iter().any(|(name, _)| matches!(*name, "content-length" | "connection"));
        if !has_length {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        Self { head, body, stops: None }
    }

    pub(super) fn status(status: u16) -> Self {
        Self::new(status, &[], "")
    }

    /// These bytes and nothing else.
    pub(super) fn raw(bytes: &str) -> Self {
        Self { head: bytes.to_owned(), body: Vec::new(), stops: Some((0, Stop::Close)) }
    }

    pub(super) fn stopping(mut self, after: usize, stop: Stop) -> Self {
        self.stops = Some((after, stop));
        self
    }
}

/// A file of a server that knows ranges.
pub(super) fn file(seen: &Seen, content: &[u8], tag: &str) -> Reply {
    let from = seen.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    let is_same = seen.header("if-range").is_none_or(|wanted| wanted == tag);
    match from.map(|from| from.parse::<usize>().expect("it is a number")).filter(|_| is_same) {
        Some(from) if from < content.len() => {
            let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
            Reply::new(206, &[("content-range", &range), ("etag", tag)], &content[from..])
        }
        Some(_) => Reply::status(416),
        None => Reply::new(200, &[("etag", tag)], content),
    }
}

type Answers = dyn Fn(&Seen) -> Reply + Send + Sync;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(answers: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (answers, log): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(served(stream, Arc::clone(&answers), Arc::clone(&log)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, seen, task }
    }

    /// What was asked by this method, in order.
    pub(super) fn seen(&self, method: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.method == method).cloned().collect()
    }

    /// The paths of what was PUT, in order.
    pub(super) fn puts(&self) -> Vec<String> {
        self.seen("PUT").into_iter().map(|seen| seen.path).collect()
    }
}

async fn served(mut stream: TcpStream, answers: Arc<Answers>, log: Arc<Mutex<Vec<Seen>>>) {
    let mut read = Vec::new();
    while let Some(seen) = request(&mut stream, &mut read).await {
        let reply = answers(&seen);
        log.lock().unwrap().push(seen);
        let (after, stop) = reply.stops.map_or((usize::MAX, None), |(after, stop)| (after, Some(stop)));
        let (first, rest) = reply.body.split_at(after.min(reply.body.len()));
        // At once: a second small write would wait for the acknowledgement of the first.
        if stream.write_all(&[reply.head.as_bytes(), first].concat()).await.is_err() {
            return;
        }
        let Some(stop) = stop else { continue };
        match stop {
            Stop::Close => return,
            Stop::Hang => pending().await,
            Stop::Repeat => {
                for _ in 0..100 {
                    if stream.write_all(&reply.body).await.is_err() {
                        return;
                    }
                }
                return;
            }
            Stop::Drip => {
                for byte in rest {
                    sleep(&SystemClock::new(), std::time::Duration::from_millis(50)).await;
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// The next request, whole.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).expect("a head is text");
            let mut lines = head.split("\r\n");
            let mut first = lines.next().expect("a first line").split(' ');
            let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
            let headers = lines.filter_map(|line| line.split_once(':'));
            let headers: Vec<_> =
                headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.map_or(0, |(_, value)| value.parse().expect("a length"));
            if read.len() >= end + 4 + length {
                let body = read[end + 4..end + 4 + length].to_vec();
                read.drain(..end + 4 + length);
                return Some(Seen { method, path, headers, body });
            }
        }
        let mut piece = vec![0; 64 * 1024];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(bytes) => read.extend_from_slice(&piece[..bytes]),
        }
    }
}
