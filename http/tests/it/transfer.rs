//! Bodies in pieces: larger than what is held, and never a cut one for a whole one.

use std::time::Duration;

use bytes::Bytes;
use entourage_core::{SystemClock, sleep};
use entourage_http::{Client, Download, Error, Limits, Upload, UploadPieces};
use http::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    raw::{PATIENCE, echo, start},
    scripted::{Act, SHORT, client, ok, patient, scripted},
};

/// Long enough for an answer on a busy machine.
const SECOND: Duration = Duration::from_secs(1);

fn get() -> http::Request<Upload> {
    http::Request::get("/file").body(Upload::empty()).unwrap()
}

async fn read(download: &mut Download) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    while let Some(piece) = download.piece().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// Sends `pieces` of a body that is said to have `length` bytes.
async fn put(client: &Client, length: u64, pieces: &[&'static [u8]]) -> Result<StatusCode, Error> {
    let (upload, to) = Upload::of(length);
    let request = http::Request::builder().method(Method::PUT).uri("/file").body(upload).unwrap();
    let putting = async |to: UploadPieces| {
        for piece in pieces {
            to.put(Bytes::from_static(piece)).await;
        }
    };
    let (answer, ()) = tokio::join!(client.transfer(request), putting(to));
    Ok(answer?.status())
}

#[tokio::test]
async fn an_answer_larger_than_what_is_held_comes_in_pieces() {
    let body = "x".repeat(3 * 1024 * 1024);
    let said = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let server = scripted([Act::Say(said)]).await;
    let answer = client(server.address, patient().with_body_bytes(10)).transfer(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut download = answer.into_body();
    assert_eq!(download.left(), Some(3 * 1024 * 1024));
    assert!(read(&mut download).await.unwrap() == body.as_bytes());
}

#[tokio::test]
async fn a_body_that_is_sent_in_pieces_arrives_whole() {
    let server = start(Limits::new(), echo).await;
    let client = client(server.address, patient().with_body_bytes(1));
    assert_eq!(put(&client, 6, &[b"ab", b"cd", b"ef"]).await.unwrap(), StatusCode::OK);
    assert_eq!(put(&client, 0, &[]).await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_is_cut_is_never_taken_for_whole() {
    for said in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n".to_owned(),
    ] {
        let server = scripted([Act::SayAndClose(said.clone())]).await;
        let answer = client(server.address, patient()).transfer(get()).await.unwrap();
        let mut download = answer.into_body();
        let error = read(&mut download).await.expect_err(&said);
        assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
        assert!(download.piece().await.is_err(), "nor later: {said}");
    }
}

#[tokio::test]
async fn a_body_that_ends_before_its_length_is_never_sent_as_whole() {
    let server = start(Limits::new(), echo).await;
    let client = client(server.address, patient());
    for pieces in [&[b"ab".as_slice()][..], &[], &[b"abc", b"defg"]] {
        let error = put(&client, 6, pieces).await.unwrap_err();
        assert!(matches!(error, Error::Unknown { .. } | Error::Refused { .. }), "{error:?}");
    }
    assert_eq!(server.count("requests_total"), 0);
}

#[tokio::test]
async fn silence_costs_a_deadline_before_the_head_and_within_the_body() {
    let server = scripted([Act::Hang]).await;
    let asking = client(server.address, patient().with_deadline(SHORT));
    let error = asking.transfer(get()).await.unwrap_err();
    assert!(error.may_have_happened(), "{error:?}");

    let server =
        scripted([Act::Say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".into()), Act::Hang]).await;
    let asking = client(server.address, patient().with_deadline(SECOND));
    let mut download = asking.transfer(get()).await.unwrap().into_body();
    let error = read(&mut download).await.unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no answer within 1s");
}

#[tokio::test]
async fn a_slow_body_that_goes_on_is_read_to_its_end() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let server = scripted([Act::Drip(head, "1\r\nx\r\n".into())]).await;
    let asking = client(server.address, patient().with_deadline(PATIENCE));
    let mut download = asking.transfer(get()).await.unwrap().into_body();
    for _ in 0..20 {
        assert!(download.piece().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_server_that_answers_before_it_has_read_all_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 16];
        stream.read_exact(&mut head).await.unwrap();
        stream.write_all(ok().as_bytes()).await.unwrap();
        stream
    });
    let (upload, to) = Upload::of(1 << 30);
    let request = http::Request::put("/file").body(upload).unwrap();
    let client = client(address, patient());
    let filling = async { while to.put(Bytes::from_static(b"body")).await {} };
    let answer = tokio::select! {
        biased;
        answer = client.transfer(request) => answer.unwrap(),
        () = filling => panic!("nobody takes it"),
    };
    assert_eq!(answer.status(), StatusCode::OK);
    drop(serving.await.unwrap());
}

#[tokio::test]
async fn a_server_that_takes_slowly_what_is_sent_is_not_silent() {
    const LENGTH: usize = 32 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut piece = vec![0; 256 * 1024];
        let mut taken = 0;
        // Longer than the deadline, then at once, so that the last of it comes within one.
        for _ in 0..60 {
            taken += stream.read_exact(&mut piece).await.unwrap();
            sleep(&SystemClock::new(), Duration::from_millis(50)).await;
        }
        while taken < LENGTH {
            taken += stream.read(&mut piece).await.unwrap();
        }
        stream.write_all(ok().as_bytes()).await.unwrap();
        stream
    });
    let (upload, to) = Upload::of(LENGTH as u64);
    let request = http::Request::put("/file").body(upload).unwrap();
    let client = client(address, patient().with_deadline(SECOND * 2));
    // One piece, which is long on its way.
    let (answer, is_wanted) = tokio::join!(client.transfer(request), to.put(vec![0; LENGTH].into()));
    assert_eq!((answer.unwrap().status(), is_wanted), (StatusCode::OK, true));
    drop(serving.await.unwrap());
}

#[tokio::test]
async fn transfers_share_the_connections_that_a_client_may_have() {
    let server = scripted([Act::Say("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody".into())]).await;
    let client = client(server.address, patient().with_connections(1).with_deadline(SECOND));
    let held = client.transfer(get()).await.unwrap();
    assert!(matches!(client.transfer(get()).await, Err(Error::Refused { .. })));
    drop(held);
}
