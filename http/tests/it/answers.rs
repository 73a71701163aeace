//! Answers that no honest server gives, and what the client makes of them.

use entourage_http::{Error, Limits, text};
use http::{Method, StatusCode};

use crate::{
    raw::{big, patiently, start},
    scripted::{Act, SHORT, client, ok, patient, request, scripted},
};

#[tokio::test]
async fn answers_beyond_the_limits_are_refused() {
    let limits = || patient().with_body_bytes(1_000).with_headers(8);
    let server = start(Limits::new(), |_| async { text(StatusCode::OK, big(1_001)) }).await;
    let error = client(server.address, limits()).get("/").await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 1_000, .. }), "{error:?}");
    assert!(error.may_have_happened() && !error.is_retryable());

    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", chunk.repeat(3));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(9));
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    for (words, is_too_large) in
        [(chunked, true), (many, false), (long, false), ("nonsense\r\n\r\n".to_owned(), false)]
    {
        let server = scripted([Act::SayAndClose(words)]).await;
        let error = client(server.address, limits()).get("/").await.unwrap_err();
        assert_eq!(matches!(error, Error::TooLarge { .. }), is_too_large, "{error:?}");
        assert!(error.may_have_happened(), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys_answer() {
    let stray = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray";
    // Behind the answer, or behind an answer that has no body but says that it has.
    let behind_none = format!("HTTP/1.1 204 No Content\r\n\r\n{stray}");
    for words in [ok() + stray, behind_none] {
        let server = scripted([Act::SayAndClose(words), Act::Say(ok())]).await;
        let client = client(server.address, patient());
        client.post_json("/", "body").await.unwrap();
        // The client may have seen the stray one by now, or not.
        tokio::task::yield_now().await;
        assert_eq!(client.post_json("/", "body").await.unwrap().body(), "ok");
        assert_eq!(server.seen(), 2);
    }
}

#[tokio::test]
async fn interim_answers_are_no_answers_and_a_flood_of_them_ends_at_the_deadline() {
    let early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
    let server = scripted([Act::Say(early.repeat(3) + &ok())]).await;
    let answer = client(server.address, patient()).get("/").await.unwrap();
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"ok"[..]));

    let server = scripted([Act::Repeat("HTTP/1.1 103 Early Hints\r\n\r\n".to_owned())]).await;
    let asked = patiently(client(server.address, patient().with_deadline(SHORT)).get("/")).await;
    assert!(matches!(asked, Err(Error::Unknown { .. })), "{asked:?}");
}

#[tokio::test]
async fn an_answer_that_comes_drop_by_drop_ends_at_the_deadline() {
    let head = "HTTP/1.1 200 OK\r\nx: ".to_owned();
    let body = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    for (words, drop) in [(head, "x"), (body, "1\r\nx\r\n")] {
        let server = scripted([Act::Drip(words, drop.to_owned())]).await;
        let asked = patiently(client(server.address, patient().with_deadline(SHORT)).get("/")).await;
        assert!(matches!(asked, Err(Error::Unknown { .. })), "{asked:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_answer() {
    let sized = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned();
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned();
    for words in [sized, chunked, "HTTP/1.1 200 OK\r\ncont".to_owned(), String::new()] {
        let server = scripted([Act::SayAndClose(words.clone())]).await;
        let asked = patiently(client(server.address, patient()).get("/")).await;
        assert!(matches!(asked, Err(Error::Unknown { .. })), "{words:?}: {asked:?}");
    }
}

#[tokio::test]
async fn an_answer_to_a_head_has_a_length_and_no_body() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_owned();
    let server = scripted([Act::Say(head), Act::Say(ok())]).await;
    let client = client(server.address, patient());
    let answer = patiently(client.send(request(Method::HEAD, "/"))).await.unwrap();
    assert_eq!((answer.status(), answer.body().len()), (StatusCode::OK, 0));
    assert_eq!(patiently(client.post_json("/", "body")).await.unwrap().body(), "ok");
}

#[tokio::test]
async fn an_answer_that_two_could_read_differently_keeps_no_connection() {
    let two =
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let lengths = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!";
    for words in [two, lengths] {
        let server = scripted([Act::SayAndClose(words.to_owned()), Act::Say(ok())]).await;
        let client = client(server.address, patient());
        let first = patiently(client.get("/")).await;
        assert!(first.is_err() || first.as_ref().is_ok_and(|answer| answer.body() == "ok"), "{first:?}");
        assert_eq!(patiently(client.get("/")).await.unwrap().body(), "ok");
    }
}

#[tokio::test]
async fn a_server_that_switches_protocols_unasked_has_not_answered() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
    let server = scripted([Act::Say(switch.to_owned() + &ok()), Act::Say(ok())]).await;
    let client = client(server.address, patient());
    let asked = patiently(client.post_json("/", "body")).await;
    assert!(matches!(asked, Err(Error::Unknown { .. })), "{asked:?}");
    assert_eq!(server.seen(), 1);
}
