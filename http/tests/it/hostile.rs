//! Bytes that no honest client sends, and handlers that fail.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use entourage_http::{Limits, Peer, Request, Response, text};
use http::{HeaderValue, StatusCode, header};
use tokio::io::AsyncWriteExt;

use crate::raw::{echo, get, post, start};

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(Limits::new(), echo).await;
    let mut client = server.connect().await;
    let chunked = "POST /c HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nt: v\r\n\r\n";
    for _ in 0..20 {
        client.send(get("/a") + &post("/b", "body") + chunked).await;
    }
    for _ in 0..20 {
        for wanted in ["/a ", "/b body", "/c abcde"] {
            assert_eq!(client.answer().await.body, wanted);
        }
    }
    assert_eq!(server.count("connections_total"), 1);
}

#[tokio::test]
async fn a_client_that_has_ended_its_side_still_gets_its_answers() {
    let server = start(Limits::new(), |request: Request| async move {
        tokio::task::yield_now().await;
        echo(request).await
    })
    .await;
    let mut client = server.connect().await;
    client.send(get("/a") + &post("/b", "x")).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.answer().await.body, "/a ");
    assert_eq!(client.answer().await.body, "/b x");
    client.is_closed().await;
}

#[tokio::test]
async fn a_body_that_ends_early_reaches_no_handler() {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let server = start(Limits::new(), move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        echo(request)
    })
    .await;
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").await;
    client.stream.shutdown().await.unwrap();
    client.answer().await.is_refusal(400);
    client.is_closed().await;
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_is_no_request_is_told_so() {
    let server = start(Limits::new(), echo).await;
    for (bytes, status) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], 400),
        (b"\0\0\0\0\0\0\0\0", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 501),
    ] {
        let mut client = server.connect().await;
        client.send(bytes).await;
        let answer = client.answer().await;
        if status == 501 {
            assert_eq!(answer.status, 501);
        } else {
            answer.is_refusal(status);
            client.is_closed().await;
        }
    }
    server.is_well().await;
}

#[tokio::test]
async fn what_the_http_library_alone_refuses_is_told_as_well() {
    let server = start(Limits::new(), echo).await;
    for target in ["http://[", "http://", "a b", "/\"<>^`{|}\\"] {
        let mut client = server.connect().await;
        client.send(format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        client.answer().await.is_refusal(400);
        client.is_closed().await;
    }
    server.is_well().await;
}

#[tokio::test]
async fn a_smuggled_request_is_never_handled() {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let server = start(Limits::new(), move |request: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        echo(request)
    })
    .await;
    let smuggled = get("/smuggled");
    for head in [
        "content-length: 0\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ncontent-length: 0\r\n",
        "content-length: 5\r\ncontent-length: 5\r\n",
        "content-length: 5, 0\r\n",
        "content-length: +5\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding:\tchunked\r\ncontent-length: 5\r\n",
        "transfer-encoding : chunked\r\n",
        "x: y\r\n transfer-encoding: chunked\r\n",
        "x: y\ntransfer-encoding: chunked\r\n",
    ] {
        let mut client = server.connect().await;
        client.send(format!("POST /p HTTP/1.1\r\nhost: a\r\n{head}\r\n0\r\n\r\n{smuggled}")).await;
        let answer = client.answer().await;
        assert!([400, 501].contains(&answer.status), "{head:?}: {answer:?}");
        assert_eq!(answer.field("connection"), Some("close"));
        client.is_closed().await;
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_bad_request_behind_a_good_one_costs_the_good_one_nothing() {
    let server = start(Limits::new(), echo).await;
    let mut client = server.connect().await;
    client.send(get("/good") + "nonsense\r\n\r\n" + &get("/after")).await;
    assert_eq!(client.answer().await.body, "/good ");
    client.answer().await.is_refusal(400);
    client.is_closed().await;
    assert_eq!(server.count("requests_total"), 1);
}

#[tokio::test]
async fn a_panic_is_a_500_for_that_request_alone() {
    let server = start(Limits::new(), |request: Request| {
        assert_ne!(request.uri().path(), "/panic-at-once", "on purpose");
        async move {
            tokio::task::yield_now().await;
            assert_ne!(request.uri().path(), "/panic-later", "on purpose");
            echo(request).await
        }
    })
    .await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    for path in ["/panic-at-once", "/panic-later"] {
        client.send(get(path)).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.field("connection")), (500, None));
        assert!(!answer.body.contains("on purpose"), "the message stays inside: {answer:?}");
        client.send(get("/next")).await;
        assert_eq!(client.answer().await.body, "/next ");
        other.send(get("/other")).await;
        assert_eq!(other.answer().await.body, "/other ");
    }
    assert_eq!(server.count("panics_total"), 2);
    assert_eq!(server.count("connections_total"), 2);
}

#[tokio::test]
async fn lengths_are_counted_and_not_believed() {
    let server = start(Limits::new(), |request: Request| async move {
        let status = match request.uri().path() {
            "/204" => StatusCode::NO_CONTENT,
            "/101" => StatusCode::SWITCHING_PROTOCOLS,
            _ => StatusCode::OK,
        };
        let mut response: Response = text(status, "seven..");
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
            response.headers_mut().append(name, HeaderValue::from_static("3"));
        }
        response
    })
    .await;
    let mut client = server.connect().await;
    client
        .send(get("/") + "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n" + &get("/204") + &get("/101") + &get("/"))
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.field("content-length"), &answer.body[..]), (Some("7"), "seven.."));
    assert_eq!((answer.field("connection"), answer.field("transfer-encoding")), (None, None));
    let head = client.answer_to_head().await;
    assert_eq!((head.status, head.field("content-length")), (200, Some("7")));
    let none = client.answer().await;
    assert_eq!((none.status, none.field("content-length")), (204, None));
    assert_eq!(client.answer().await.status, 500, "no handler switches protocols");
    assert_eq!(client.answer().await.body, "seven..");
}

#[tokio::test]
async fn an_old_client_is_served_and_closed() {
    let server = start(Limits::new(), echo).await;
    let mut client = server.connect().await;
    client.send("GET /old HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "/old ");
    client.is_closed().await;
}

#[tokio::test]
async fn a_handler_knows_whom_it_answers() {
    let server = start(Limits::new(), |request: Request| async move {
        let peer = request.extensions().get::<Peer>().and_then(Peer::address);
        text(StatusCode::OK, peer.map(|address| address.to_string()).unwrap_or_default())
    })
    .await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 10.0.0.1\r\n\r\n").await;
    let own = client.stream.local_addr().unwrap().to_string();
    assert_eq!(client.answer().await.body, own);
}
