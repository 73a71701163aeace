//! Each limit, met by a client that does not keep it.

use std::{future::pending, sync::Arc, time::Duration};

use entourage_core::{Clock, SystemClock, sleep};
use entourage_http::{Limits, Request, Server, service_fn, text};
use entourage_testkit::eventually_async;
use http::StatusCode;

use crate::{
    clock::ManualClock,
    raw::{PATIENCE, Raw, Running, big, echo, get, post, start, start_on},
};

const SHORT: Duration = Duration::from_millis(150);

/// Times that no test reaches, but for the one it is about.
fn patient() -> Limits {
    Limits::new()
        .with_first_byte_time(PATIENCE * 3)
        .with_head_time(PATIENCE * 3)
        .with_body_time(PATIENCE * 3)
        .with_idle_time(PATIENCE * 3)
        .with_write_time(PATIENCE * 3)
        .with_handler_time(PATIENCE * 3)
}

/// Of two clients that are waited for so long, one speaks at the last moment and one after it.
async fn is_closed_in_time_and_not_before(
    server: &Running,
    clock: &ManualClock,
    time: Duration,
    mut late: Raw,
    mut slow: Raw,
) {
    eventually_async(PATIENCE, "both are waited for", async || (clock.sleepers_in(time) == 2).then_some(()))
        .await;
    clock.advance(time - Duration::from_millis(1));
    slow.send(get("/just-in-time")).await;
    assert_eq!(slow.answer().await.status, 200);
    clock.advance(Duration::from_millis(1));
    late.is_closed().await;
    server.counts("timeouts_total", 1).await;
    slow.send(get("/and-again")).await;
    assert_eq!(slow.answer().await.status, 200);
}

#[tokio::test]
async fn a_client_that_connects_and_says_nothing_is_closed_in_time_and_not_before() {
    let clock = ManualClock::default();
    let time = Duration::from_secs(10);
    let limits = patient().with_first_byte_time(time);
    let server = start_on(limits, Arc::new(clock.clone()), echo).await;
    let (silent, slow) = (server.connect().await, server.connect().await);
    server.counts("connections_open", 2).await;
    is_closed_in_time_and_not_before(&server, &clock, time, silent, slow).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_time_and_not_before() {
    let clock = ManualClock::default();
    let time = Duration::from_secs(60);
    let limits = patient().with_first_byte_time(PATIENCE * 30).with_idle_time(time);
    let server = start_on(limits, Arc::new(clock.clone()), echo).await;
    let (mut idle, mut slow) = (server.connect().await, server.connect().await);
    for client in [&mut idle, &mut slow] {
        client.send(get("/a")).await;
        assert_eq!(client.answer().await.status, 200);
    }
    is_closed_in_time_and_not_before(&server, &clock, time, idle, slow).await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let server = start(patient().with_head_time(SHORT), echo).await;
    let clock = SystemClock::new();
    let began = clock.now();
    let (mut reader, mut writer) = {
        let raw = server.connect().await;
        raw.stream.into_split()
    };
    let drip = tokio::spawn(async move {
        let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "x".repeat(4_000));
        let mut sent = 0;
        for byte in head.into_bytes() {
            if tokio::io::AsyncWriteExt::write_all(&mut writer, &[byte]).await.is_err() {
                break;
            }
            sent += 1;
            sleep(&SystemClock::new(), Duration::from_millis(5)).await;
        }
        sent
    });
    let mut answer = Vec::new();
    crate::raw::patiently(tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("the head did not end within 150ms"), "{answer}");
    assert!(clock.now().since(began) >= SHORT);
    drip.abort();
    server.is_well().await;
}

#[tokio::test]
async fn a_head_that_stops_halfway_is_cut_off() {
    let server = start(patient().with_head_time(SHORT), echo).await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n").await;
    client.answer().await.is_refusal(408);
    client.is_closed().await;
    assert_eq!(server.count("requests_total"), 0);
}

#[tokio::test]
async fn heads_of_too_many_bytes_or_fields_or_too_long_a_target_are_refused() {
    let server = start(patient(), echo).await;
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(1_000_000));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: 1\r\n".repeat(64));
    let target = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(9_000));
    for (request, status) in [(long, 431), (many, 431), (target, 414)] {
        let mut client = server.connect().await;
        // The server may have ended before all is sent.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, request.as_bytes()).await;
        client.answer().await.is_refusal(status);
        client.is_closed().await;
    }
    assert_eq!(server.count("refusals_total"), 3);
    server.is_well().await;
}

#[tokio::test]
async fn a_body_that_is_declared_too_large_is_refused_before_it_is_sent() {
    let server = start(patient().with_body_bytes(1_000), echo).await;
    let head = |more: &str| format!("POST / HTTP/1.1\r\nhost: a\r\n{more}content-length: 1001\r\n\r\n");
    for more in ["", "expect: 100-continue\r\n"] {
        let mut client = server.connect().await;
        client.send(head(more)).await;
        client.answer().await.is_refusal(413);
        client.is_closed().await;
    }
    assert_eq!(server.count("requests_total"), 0);
    let exact = server.ask(post("/exact", &"b".repeat(1_000))).await;
    assert_eq!((exact.status, exact.body.len()), (200, 1_007));
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_is_not_reset() {
    // Its clock stands, so the time to read the refusal never ends.
    let clock = Arc::new(ManualClock::default());
    let server = start_on(patient().with_body_bytes(1_000), clock, echo).await;
    let mut client = server.connect().await;
    client.send(post("/", &"b".repeat(100_000))).await;
    client.answer().await.is_refusal(413);
    client.is_closed().await;
    // A reset could reach a client before it has read the answer, and take the answer with it.
    client.send("b".repeat(1_000)).await;
    tokio::task::yield_now().await;
    client.send("b".repeat(1_000)).await;
    assert!(client.stream.take_error().unwrap().is_none());
}

#[tokio::test]
async fn a_body_in_chunks_without_end_is_refused_when_it_is_too_large() {
    let server = start(patient().with_body_bytes(10_000), echo).await;
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let chunk = format!("400\r\n{}\r\n", "b".repeat(1_024));
    for _ in 0..9 {
        client.send(&chunk).await;
    }
    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.stream, chunk.repeat(50).as_bytes()).await;
    client.answer().await.is_refusal(413);
    client.is_closed().await;
    server.is_well().await;
}

#[tokio::test]
async fn a_body_that_stops_halfway_is_cut_off() {
    let server = start(patient().with_body_time(SHORT), echo).await;
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").await;
    client.answer().await.is_refusal(408);
    client.is_closed().await;
    server.is_well().await;
}

#[tokio::test]
async fn a_body_is_asked_for_only_when_it_is_welcome() {
    let server = start(patient(), echo).await;
    let mut client = server.connect().await;
    client.send("POST /p HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 3\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 100);
    client.send("abc").await;
    assert_eq!(client.answer().await.body, "/p abc");
}

#[tokio::test]
async fn a_handler_that_does_not_answer_is_dropped_and_its_connection_goes_on() {
    let handler = |request: Request| async move {
        if request.uri().path() == "/hang" { pending().await } else { echo(request).await }
    };
    let server = start(patient().with_handler_time(SHORT), handler).await;
    let mut client = server.connect().await;
    client.send(get("/hang")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.field("connection")), (503, None));
    assert!(answer.body.contains("no answer was found within 150ms"), "{answer:?}");
    client.send(get("/next")).await;
    assert_eq!(client.answer().await.body, "/next ");
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_off() {
    let server = start(patient().with_write_time(SHORT), |request: Request| async move {
        if request.uri().path() == "/big" { text(StatusCode::OK, big(32 << 20)) } else { echo(request).await }
    })
    .await;
    let mut client = server.connect().await;
    client.send(get("/big")).await;
    server.counts("timeouts_total", 1).await;
    server.counts("connections_open", 0).await;
    server.is_well().await;
}

#[tokio::test]
async fn a_client_that_only_sends_is_served_no_further_than_its_socket_takes() {
    let server =
        start(patient().with_write_time(SHORT * 4), |_| async { text(StatusCode::OK, big(8 << 20)) }).await;
    let mut client = server.connect().await;
    client.send(get("/").repeat(100)).await;
    server.counts("timeouts_total", 1).await;
    assert_eq!(server.count("requests_total"), 1, "the second waits until the first is taken");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_at_once() {
    let server = start(patient().with_connections(2), echo).await;
    let (mut first, second) = (server.connect().await, server.connect().await);
    server.counts("connections_open", 2).await;
    let mut third = server.connect().await;
    third.send(get("/")).await;
    third.answer().await.is_refusal(503);
    third.is_closed().await;
    first.send(get("/first")).await;
    assert_eq!(first.answer().await.body, "/first ");
    drop(second);
    server.counts("connections_open", 1).await;
    server.is_well().await;
    assert_eq!(server.count("connections_turned_away_total"), 1);
}

#[tokio::test]
async fn a_connection_has_a_last_request() {
    let server = start(patient().with_requests_per_connection(2), echo).await;
    let mut client = server.connect().await;
    client.send(get("/1") + &get("/2") + &get("/3")).await;
    let (first, second) = (client.answer().await, client.answer().await);
    assert_eq!((first.field("connection"), second.field("connection")), (None, Some("close")));
    client.is_closed().await;
    assert_eq!(server.count("requests_total"), 2);
}

#[test]
fn limits_that_serve_nobody_are_refused() {
    for limits in [
        Limits::new().with_connections(0),
        Limits::new().with_headers(0),
        Limits::new().with_requests_per_connection(0),
        Limits::new().with_idle_time(Duration::ZERO),
        Limits::new().with_target_bytes(20_000),
    ] {
        let error = Server::new(service_fn(echo)).with_limits(limits).unwrap_err();
        assert!(error.to_string().contains("raise"), "{error}");
    }
}
