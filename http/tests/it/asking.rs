//! The client: what it retries, and what it says when there is no answer.

use entourage_core::{Retryable, Verdict};
use entourage_http::{Client, ClientLimits, Error, Limits, Request, json};
use entourage_testkit::eventually_async;
use http::{HeaderValue, Method, StatusCode};
use tokio::net::TcpListener;

use crate::{
    raw::{PATIENCE, big, echo, patiently, start},
    scripted::{Act, SHORT, client, ok, patient, request, scripted},
};

#[tokio::test]
async fn answers_come_back_whole_over_one_connection() {
    let server = start(Limits::new(), |request: Request| async move {
        assert_eq!(request.headers()["host"].to_str().unwrap().split(':').next(), Some("127.0.0.1"));
        let status = if request.uri().query() == Some("missing") { 404 } else { 200 };
        json(StatusCode::from_u16(status).unwrap(), request.into_body())
    })
    .await;
    let client = client(server.address, patient());
    for body in ["{}", r#"{"a":[1,2]}"#] {
        let answer = client.post_json("/items", body).await.unwrap();
        assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, body.as_bytes()));
    }
    let missing = client.get("/items?missing").await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND, "an answer is no error");
    assert_eq!(server.count("connections_total"), 1);
}

#[tokio::test]
async fn requests_at_once_use_connections_of_their_own_and_few_are_kept() {
    let server = start(Limits::new(), |request: Request| async move {
        tokio::task::yield_now().await;
        echo(request).await
    })
    .await;
    let client = client(server.address, patient().with_connections(4).with_idle(2));
    let calls: Vec<_> = (0..32)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get("/a").await.unwrap().status() })
        })
        .collect();
    for call in calls {
        assert_eq!(patiently(call).await.unwrap(), StatusCode::OK);
    }
    eventually_async(PATIENCE, "two are kept", async || {
        (server.count("connections_open") <= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn where_nobody_listens_surely_nothing_happened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = client(address, patient().with_tries(3)).post_json("/", "{}").await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.is_retryable() && !error.may_have_happened());
    assert_eq!(error.to_string(), format!("the request was not sent to {address}; nothing happened"));
}

#[tokio::test]
async fn a_deadline_before_anything_is_sent_is_refused_and_one_after_is_unknown() {
    let server = start(Limits::new(), |_| std::future::pending()).await;
    let client = client(server.address, patient().with_deadline(SHORT).with_connections(1));
    let (first, second) = tokio::join!(client.post_json("/", "{}"), client.post_json("/", "{}"));
    let (first, second) = (first.unwrap_err(), second.unwrap_err());
    assert!(matches!(first, Error::Unknown { .. }), "{first:?}");
    assert_eq!((first.verdict(), first.may_have_happened()), (Verdict::Unknown, true));
    // It waited for the one connection, in vain.
    assert!(matches!(second, Error::Refused { .. }), "{second:?}");
    assert_eq!(server.count("requests_total"), 1);
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_unknown_and_not_repeated() {
    let server = scripted([Act::Close, Act::Say(ok())]).await;
    let error = client(server.address, patient().with_tries(5)).post_json("/", "body").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    assert!(!error.is_retryable());
    assert_eq!(server.seen(), 1);
}

#[tokio::test]
async fn an_idempotent_request_is_repeated_only_if_asked() {
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let server = scripted([Act::Close, Act::Close, Act::Say(ok())]).await;
        let once = client(server.address, patient()).send(request(method.clone(), "/")).await;
        assert!(matches!(once, Err(Error::Unknown { .. })), "{once:?}");
        assert_eq!(server.seen(), 1);
        let again = client(server.address, patient().with_tries(3)).send(request(method, "/")).await.unwrap();
        assert_eq!((again.status(), server.seen()), (StatusCode::OK, 3));
    }
}

#[tokio::test]
async fn an_answer_is_never_repeated_whatever_it_says() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned();
    let server = scripted([Act::Say(busy), Act::Say(ok())]).await;
    let answer = client(server.address, patient().with_tries(5)).get("/").await.unwrap();
    assert_eq!((answer.status(), server.seen()), (StatusCode::SERVICE_UNAVAILABLE, 1));
}

#[tokio::test]
async fn what_may_have_happened_once_stays_unknown_though_the_next_try_is_refused() {
    let server = scripted([Act::Close]).await;
    let client = client(server.address, patient().with_tries(2));
    let error = client.send(request(Method::PUT, "/")).await.unwrap_err();
    // The server was gone for the second try, which says nothing about the first.
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
    assert_eq!(server.seen(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_costs_nothing() {
    let server = scripted([Act::SayAndClose(ok()), Act::Say(ok())]).await;
    let client = client(server.address, patient());
    assert_eq!(client.post_json("/", "body").await.unwrap().status(), StatusCode::OK);
    // The server closes after its answer; the runtime has to have heard of it.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.post_json("/", "body").await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.seen(), 2);
}

#[tokio::test]
async fn a_server_that_hangs_costs_a_deadline_and_no_connection_is_kept() {
    let server = scripted([Act::Hang]).await;
    let client = client(server.address, patient().with_deadline(SHORT));
    let error = patiently(client.get("/")).await.unwrap_err();
    assert!(error.may_have_happened());
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no answer within 150ms");
}

#[tokio::test]
async fn requests_of_others_are_not_sent() {
    let client = client("127.0.0.1:1".parse().unwrap(), patient().with_body_bytes(10));
    for request in [
        request(Method::GET, "http://elsewhere/path"),
        request(Method::CONNECT, "127.0.0.1:1"),
        http::Request::new(big(11)),
    ] {
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    }
    assert!(matches!(client.get("no slash").await, Err(Error::Invalid(_))));
    for authority in ["", "https://a", "http://a/path", "http://u:p@a", "/a", "a b"] {
        assert!(matches!(Client::new(authority), Err(Error::Invalid(_))), "{authority:?}");
    }
    for authority in [
        "me:hunter2@a",
        "http://me:hunter2@a",
        "https://me:hunter2@a",
        "http://me:hunter2@a/path",
        "me:hunter2@",
        "me:hunter2@a b",
        "http://me:hunter2@a:b",
    ] {
        let refused = Client::new(authority).unwrap_err().to_string();
        assert!(refused.contains("no user") && !refused.contains("hunter2"), "{authority}: {refused}");
    }
    for authority in ["a", "a:80", "http://a", "http://a:80/", "[::1]:80", "http://[::1]"] {
        assert!(Client::new(authority).is_ok(), "{authority:?}");
    }
    assert!(matches!(
        Client::new("a").unwrap().with_limits(ClientLimits::new().with_tries(0)),
        Err(Error::Invalid(_))
    ));
}

#[tokio::test]
async fn fields_of_the_connection_are_the_clients_own() {
    let server = start(Limits::new(), echo).await;
    let mut request = request(Method::POST, "/own");
    for (name, value) in [("content-length", "99"), ("transfer-encoding", "chunked"), ("host", "b")] {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let answer = client(server.address, patient()).send(request).await.unwrap();
    assert_eq!(answer.body(), "/own body");
}
