//! Clients that are slow on purpose, and a server that ends meanwhile.

use std::{future::pending, time::Duration};

use entourage_core::{SystemClock, sleep};
use entourage_http::{Limits, Request, Response, text};
use http::StatusCode;
use tokio::io::AsyncReadExt;

use crate::raw::{PATIENCE, Raw, big, echo, get, patiently, post, start};

const SHORT: Duration = Duration::from_millis(150);
/// More than the sockets of both ends hold.
const BIG: usize = 32 << 20;

/// Times that no test reaches: whoever waits for one of them fails.
fn patient() -> Limits {
    let long = PATIENCE * 3;
    Limits::new()
        .with_first_byte_time(long)
        .with_head_time(long)
        .with_body_time(long)
        .with_idle_time(long)
        .with_write_time(long)
        .with_handler_time(long)
        .with_drain_time(long)
}

async fn big_or_echo(request: Request) -> Response {
    if request.uri().path() == "/big" { text(StatusCode::OK, big(BIG)) } else { echo(request).await }
}

#[tokio::test]
async fn a_client_that_reads_drop_by_drop_is_cut_off_like_one_that_never_reads() {
    let server = start(patient().with_write_time(SHORT), big_or_echo).await;
    let mut client = server.connect().await;
    client.send(get("/big")).await;
    let dripping = tokio::spawn(async move {
        let (mut drop, mut read) = ([0; 512], 0);
        // It is never idle, and would be done in ten minutes.
        while let Ok(bytes @ 1..) = client.stream.read(&mut drop).await {
            read += bytes;
            sleep(&SystemClock::new(), Duration::from_millis(10)).await;
        }
        read
    });
    server.counts("timeouts_total", 1).await;
    server.counts("connections_open", 0).await;
    server.is_well().await;
    dripping.abort();
}

#[tokio::test]
async fn empty_lines_before_a_request_are_no_way_to_stay() {
    let server = start(patient().with_head_time(SHORT), echo).await;
    let mut client = server.connect().await;
    client.send("\r\n").await;
    client.answer().await.is_refusal(408);
    client.is_closed().await;
    // Nor is it to send them without end.
    let mut client = server.connect().await;
    let _ = client.try_send("\r\n".repeat(50_000)).await;
    client.answer().await.is_refusal(431);
    server.is_well().await;
}

#[tokio::test]
async fn trailers_without_end_are_refused() {
    let server = start(patient(), echo).await;
    let head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";
    for trailers in ["t: v\r\n".repeat(65), format!("t: {}", "v".repeat(17_000))] {
        let mut client = server.connect().await;
        let _ = client.try_send(head.to_owned() + &trailers).await;
        client.answer().await.is_refusal(431);
        client.is_closed().await;
    }
    server.is_well().await;
}

#[tokio::test]
async fn a_new_connection_that_says_nothing_does_not_hold_up_a_drain() {
    let server = start(patient(), echo).await;
    let mut silent = server.connect().await;
    server.counts("connections_open", 1).await;
    let served = server.end().await;
    assert_eq!((served.requests, served.unfinished), (0, 0));
    silent.is_closed().await;
}

#[tokio::test]
async fn kept_connections_are_closed_at_once_in_a_drain() {
    let server = start(patient(), echo).await;
    let mut kept = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect().await;
        client.send(get("/a") + &post("/b", "x")).await;
        assert_eq!((client.answer().await.status, client.answer().await.status), (200, 200));
        kept.push(client);
    }
    let served = server.end().await;
    assert_eq!((served.requests, served.unfinished), (40, 0));
    for mut client in kept {
        client.is_closed().await;
    }
}

/// A request that does not come to its end, and what the drain says of it.
async fn is_cut_off(limits: Limits, handler: fn(Request) -> Never, begin: impl AsyncFnOnce(&mut Raw)) {
    let server = start(limits.with_drain_time(SHORT), handler).await;
    let mut client = server.connect().await;
    begin(&mut client).await;
    server.counts("connections_open", 1).await;
    // Bounded by the drain's time alone: every other is longer than this test's patience.
    let _ = server.end().await;
    while let Ok(1..) = patiently(client.stream.read(&mut [0; 4_096])).await {}
}

type Never = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

#[tokio::test]
async fn nobody_outstays_the_drains_time() {
    let hangs: fn(Request) -> Never = |_| Box::pin(pending());
    let serves: fn(Request) -> Never = |request| Box::pin(big_or_echo(request));
    // A handler that is stuck, a head and a body that stop, an answer that nobody reads.
    is_cut_off(patient(), hangs, async |client| client.send(get("/")).await).await;
    is_cut_off(patient(), serves, async |client| client.send("GET / HTTP/1.1\r\n").await).await;
    let half = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc";
    is_cut_off(patient(), serves, async |client| client.send(half).await).await;
    is_cut_off(patient(), serves, async |client| client.send(get("/big")).await).await;
}

#[tokio::test]
async fn a_head_is_answered_without_a_body_wherever_the_answer_is_from() {
    let server = start(patient().with_handler_time(SHORT), |request: Request| async move {
        match request.uri().path() {
            "/panic" => panic!("on purpose"),
            "/hang" => pending().await,
            _ => echo(request).await,
        }
    })
    .await;
    let mut client = server.connect().await;
    for (path, status) in [("/", 200), ("/panic", 500), ("/hang", 503)] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        assert_eq!(client.answer_to_head().await.status, status);
        // What follows on the connection is the next answer, and not a body.
        client.send(get("/next")).await;
        assert_eq!(client.answer().await.body, "/next ");
    }
}
