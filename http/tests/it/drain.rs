//! A server that ends.

use std::{
    future::pending,
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_core::Shutdown;
use entourage_http::{Limits, Request, Server, service_fn, text};
use entourage_testkit::Scratch;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
};

use crate::raw::{echo, get, patiently, post, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_under_load_loses_no_accepted_request() {
    for _ in 0..5 {
        let begun = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&begun);
        let server = start(Limits::new(), move |request: Request| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                echo(request).await
            }
        })
        .await;
        let clients: Vec<_> = (0..16)
            .map(|client| {
                let (address, shutdown) = (server.address, server.shutdown.clone());
                tokio::spawn(async move {
                    let mut answered = 0;
                    // Until the server is gone for this client.
                    while let Ok(stream) = TcpStream::connect(address).await {
                        let mut raw = crate::raw::Raw::of(stream);
                        for _ in 0..=client % 4 {
                            if raw.try_send(post("/load", "body")).await.is_err() {
                                break;
                            }
                            match raw.answer_to(false).await {
                                Some(answer) => {
                                    assert_eq!((answer.status, &answer.body[..]), (200, "/load body"));
                                    answered += 1;
                                    if answer.field("connection") == Some("close") {
                                        assert_eq!(shutdown.phase(), entourage_core::Phase::Draining);
                                        break;
                                    }
                                }
                                None => break,
                            }
                        }
                    }
                    answered
                })
            })
            .collect();
        let counter = server.counters.counter("requests_total");
        entourage_testkit::eventually_async(crate::raw::PATIENCE, "there is load", async || {
            (counter.value() > 200).then_some(())
        })
        .await;
        let served = server.end().await;
        let mut answered = 0;
        for client in clients {
            answered += patiently(client).await.unwrap();
        }
        assert_eq!(served.unfinished, 0);
        assert_eq!(answered, begun.load(Ordering::Relaxed), "whatever was handled was answered whole");
        assert_eq!(answered, served.requests);
    }
}

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_is_taken() {
    let gate = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let server = start(Limits::new(), move |request: Request| {
        let waits = Arc::clone(&waits);
        async move {
            let _pass = waits.acquire().await;
            echo(request).await
        }
    })
    .await;
    let (mut busy, mut idle) = (server.connect().await, server.connect().await);
    gate.add_permits(1);
    idle.send(get("/idle")).await;
    assert_eq!(idle.answer().await.status, 200);
    gate.forget_permits(1);
    busy.send(get("/busy")).await;
    server.counts("requests_total", 2).await;
    server.shutdown.drain();
    idle.is_closed().await;
    // The listener is gone as soon as the drain has begun, though a request is under way.
    entourage_testkit::eventually_async(crate::raw::PATIENCE, "nobody is let in", async || {
        TcpStream::connect(server.address).await.is_err().then_some(())
    })
    .await;
    assert!(!server.task.is_finished());
    gate.add_permits(1);
    let answer = busy.answer().await;
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    busy.is_closed().await;
    let served = patiently(server.task).await.unwrap();
    assert_eq!((served.requests, served.unfinished), (2, 0));
}

#[test]
fn a_connection_that_the_kernel_has_accepted_is_served() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(get("/early").as_bytes()).unwrap();
    let shutdown = Shutdown::new();
    shutdown.drain();
    let served = runtime.block_on(Server::new(service_fn(echo)).run(listener, shutdown));
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("/early "), "{answer}");
    assert_eq!((served.connections, served.requests, served.unfinished), (1, 1, 0));
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off_at_the_deadline() {
    let limits = Limits::new().with_drain_time(Duration::from_millis(100));
    let server = start(limits, |_| pending()).await;
    let mut client = server.connect().await;
    client.send(get("/")).await;
    server.counts("requests_total", 1).await;
    let served = server.end().await;
    assert_eq!(served.unfinished, 1);
    client.is_closed().await;
}

#[tokio::test]
async fn a_stop_waits_for_nothing() {
    let server = start(Limits::new(), |_| pending()).await;
    let mut client = server.connect().await;
    client.send(get("/")).await;
    server.counts("requests_total", 1).await;
    server.shutdown.stop();
    assert_eq!(patiently(server.task).await.unwrap().unfinished, 1);
    client.is_closed().await;
}

#[tokio::test]
async fn a_dropped_server_closes_its_connections() {
    let server = start(Limits::new(), |_| pending()).await;
    let mut client = server.connect().await;
    client.send(get("/")).await;
    server.counts("requests_total", 1).await;
    server.task.abort();
    client.is_closed().await;
    server.counts("connections_open", 0).await;
}

#[tokio::test]
async fn a_unix_socket_is_served_as_well() {
    let scratch = Scratch::new();
    let path = scratch.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let shutdown = Shutdown::new();
    let server = Server::new(service_fn(|_: Request| async { text(StatusCode::OK, "unix") }));
    let task = tokio::spawn(server.run(listener, shutdown.clone()));
    let mut client = UnixStream::connect(&path).await.unwrap();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    patiently(client.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nunix"), "{answer}");
    shutdown.drain();
    patiently(task).await.unwrap();
}
