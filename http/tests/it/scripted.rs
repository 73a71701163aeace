//! A server that says what a test wants, and a client that is asked with patience.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::{SystemClock, sleep};
use entourage_http::{Client, ClientLimits, Request};
use http::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::raw::PATIENCE;

pub(crate) const SHORT: Duration = Duration::from_millis(150);

pub(crate) fn client(address: SocketAddr, limits: ClientLimits) -> Client {
    Client::new(&address.to_string()).unwrap().with_limits(limits).unwrap()
}

pub(crate) fn patient() -> ClientLimits {
    ClientLimits::new().with_deadline(PATIENCE).with_connect_time(PATIENCE)
}

pub(crate) fn request(method: Method, path: &str) -> Request {
    http::Request::builder().method(method).uri(path).body("body".into()).unwrap()
}

/// What a scripted server does once it has read a request.
#[derive(Clone)]
pub(crate) enum Act {
    Say(String),
    SayAndClose(String),
    Close,
    Hang,
    /// Says this again and again, as fast as it is taken.
    Repeat(String),
    /// Says the first, then the second again and again, slowly.
    Drip(String, String),
}

pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    seen: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

/// A server that plays one act a request, and is gone after the last.
pub(crate) async fn scripted(acts: impl IntoIterator<Item = Act>) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&seen);
    let mut acts = acts.into_iter().collect::<Vec<_>>().into_iter();
    let task = tokio::spawn(async move {
        let mut present: Option<TcpStream> = None;
        while acts.len() > 0 {
            let mut stream = match present.take() {
                Some(stream) => stream,
                None => listener.accept().await.unwrap().0,
            };
            if !has_read_request(&mut stream).await {
                continue;
            }
            counted.fetch_add(1, Ordering::Relaxed);
            match acts.next().unwrap() {
                Act::Say(words) => {
                    stream.write_all(words.as_bytes()).await.unwrap();
                    present = Some(stream);
                }
                Act::SayAndClose(words) => stream.write_all(words.as_bytes()).await.unwrap(),
                Act::Close => {}
                Act::Hang => std::future::pending().await,
                Act::Repeat(words) => while stream.write_all(words.as_bytes()).await.is_ok() {},
                Act::Drip(words, drop) => {
                    let mut next = words;
                    while stream.write_all(next.as_bytes()).await.is_ok() {
                        next.clone_from(&drop);
                        sleep(&SystemClock::new(), SHORT / 20).await;
                    }
                }
            }
        }
    });
    Scripted { address, seen, task }
}

/// Whether a whole request came: its head, and the body "body" behind a length.
async fn has_read_request(stream: &mut TcpStream) -> bool {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        let is_whole =
            text.contains("\r\n\r\n") && (!text.contains("content-length") || text.ends_with("body"));
        if is_whole {
            return true;
        }
        let mut piece = [0; 1024];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return false,
            Ok(bytes) => read.extend_from_slice(&piece[..bytes]),
        }
    }
}

pub(crate) fn ok() -> String {
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned()
}
