//! A server under test, and a client that sends what it likes.

use std::{collections::BTreeMap, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use entourage_blueprint::Counters;
use entourage_core::{Clock, Shutdown, SystemClock, timeout};
use entourage_http::{Limits, Request, Response, Served, Server, service_fn, text};
use entourage_testkit::eventually_async;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Nothing here takes this long but a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) counters: Counters,
    pub(crate) task: JoinHandle<Served>,
}

/// Answers with the request's own path and body.
pub(crate) async fn echo(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    text(StatusCode::OK, format!("{path} {}", String::from_utf8_lossy(request.body())))
}

pub(crate) async fn start<F, Fut>(limits: Limits, handler: F) -> Running
where
    F: Fn(Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    start_on(limits, Arc::new(SystemClock::new()), handler).await
}

pub(crate) async fn start_on<F, Fut>(limits: Limits, clock: Arc<dyn Clock>, handler: F) -> Running
where
    F: Fn(Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let server = Server::new(service_fn(handler)).with_limits(limits).unwrap().with_clock(clock);
    let counters = server.counters();
    let task = tokio::spawn(server.run(listener, shutdown.clone()));
    Running { address, shutdown, counters, task }
}

impl Running {
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.counters.counter(name).value()
    }

    pub(crate) async fn counts(&self, name: &str, wanted: u64) {
        let counter = self.counters.counter(name);
        eventually_async(PATIENCE, &format!("{name} is {wanted}"), async || {
            (counter.value() == wanted).then_some(())
        })
        .await;
    }

    pub(crate) async fn connect(&self) -> Raw {
        Raw::of(TcpStream::connect(self.address).await.unwrap())
    }

    /// Asks on a connection of its own.
    pub(crate) async fn ask(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut raw = self.connect().await;
        raw.send(bytes).await;
        raw.answer().await
    }

    /// That the server is as well as before, for everybody else.
    pub(crate) async fn is_well(&self) {
        let answer = self.ask("GET /well HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!((answer.status, &answer.body[..]), (200, "/well "));
    }

    pub(crate) async fn end(self) -> Served {
        self.shutdown.drain();
        patiently(self.task).await.unwrap()
    }
}

pub(crate) fn patiently<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    // Boxed, for some of them are large.
    let future = Box::pin(future);
    async {
        timeout(&SystemClock::new(), PATIENCE, future).await.expect("it ends within the test's patience")
    }
}

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// That it is a problem's JSON with this status, and the connection's last word.
    #[track_caller]
    pub(crate) fn is_refusal(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.field("connection"), Some("close"), "{self:?}");
        assert!(self.body.contains(&format!("\"status\":{status},\"detail\":\"")), "{self:?}");
    }
}

impl Raw {
    pub(crate) fn of(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Sends what a server that ends may not take any more.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        patiently(self.stream.write_all(bytes.as_ref())).await
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        patiently(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Reads one answer; the rest stays for the next.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.answer_to(false).await.expect("an answer before the end")
    }

    /// The answer to a `HEAD`, which has no body.
    pub(crate) async fn answer_to_head(&mut self) -> Answer {
        self.answer_to(true).await.expect("an answer before the end")
    }

    pub(crate) async fn answer_to(&mut self, is_head: bool) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if !self.more().await {
                assert!(self.read.is_empty(), "cut off: {:?}", String::from_utf8_lossy(&self.read));
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.").unwrap()[2..5].parse().unwrap();
        let mut fields = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let twice = fields.insert(name.to_ascii_lowercase(), value.to_owned());
            assert_eq!(twice, None, "field {name} is there once");
        }
        let has_none = is_head || status < 200 || status == 204;
        let length = if has_none { 0 } else { fields["content-length"].parse().unwrap() };
        while self.read.len() < length {
            assert!(self.more().await, "the body is cut off");
        }
        let body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        Some(Answer { status, fields, body })
    }

    /// That the server ends the connection, without another word.
    pub(crate) async fn is_closed(&mut self) {
        while self.more().await {}
        assert!(self.read.is_empty(), "more was said: {:?}", String::from_utf8_lossy(&self.read));
    }

    async fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        // A reset is an end as well.
        let read = patiently(self.stream.read(&mut piece)).await.unwrap_or(0);
        self.read.extend_from_slice(&piece[..read]);
        read > 0
    }
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")
}

pub(crate) fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn big(bytes: usize) -> Bytes {
    Bytes::from(vec![b'x'; bytes])
}
