//! Servers that are not ours: garbage, slowness, floods, and answers of a million names.

use std::{net::SocketAddr, time::Duration};

use entourage_core::{Retryable, Verdict};
use entourage_workqueue::{HttpSource, ItemData, Listing, Shape, SourceError, WorkSource};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::serving::{PATIENCE, name, patiently, texts};

const SHORT: Duration = Duration::from_millis(300);

/// What a server says to everybody, byte for byte.
#[derive(Clone)]
enum Says {
    Once(Vec<u8>),
    /// The first, then the second for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// This, and then nothing.
    Hangs(Vec<u8>),
}

struct Foreign {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn foreign(says: Says) -> Foreign {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut talks = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            talks.spawn(talk(stream, says.clone()));
        }
    });
    Foreign { address, task }
}

async fn talk(mut stream: TcpStream, says: Says) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut piece = [0; 1024];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(bytes) => request.extend_from_slice(&piece[..bytes]),
        }
    }
    match says {
        Says::Once(words) => drop(stream.write_all(&words).await),
        Says::Endless(words, more) => {
            let mut next = &words;
            while stream.write_all(next).await.is_ok() {
                next = &more;
            }
        }
        Says::Hangs(words) => {
            drop(stream.write_all(&words).await);
            std::future::pending::<()>().await;
        }
    }
}

impl Foreign {
    fn source(&self) -> HttpSource {
        HttpSource::new(&format!("http://{}", self.address)).unwrap().with_deadline(PATIENCE).unwrap()
    }
}

fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn list_of(body: impl AsRef<[u8]>) -> Result<Listing, SourceError> {
    patiently(foreign(Says::Once(ok(body))).await.source().items()).await
}

async fn item_of(body: impl AsRef<[u8]>) -> Result<Option<ItemData>, SourceError> {
    patiently(foreign(Says::Once(ok(body))).await.source().item(&name("a"))).await
}

#[tokio::test]
async fn a_list_of_another_kind_is_refused_and_says_what_it_is() {
    for (body, why) in [
        (r#"{"kind":"PodList","apiVersion":"v1","items":["a"]}"#, r#"its kind is "PodList""#),
        (r#"{"kind":"Item","apiVersion":"v1","data":{}}"#, r#"its kind is "Item""#),
        (r#"{"apiVersion":"v1","items":["a"]}"#, r#"it has no member "kind", so nobody knows what it is"#),
        (
            r#"{"kind":"ItemList","items":["a"]}"#,
            r#"it has no member "apiVersion", so nobody knows what it is"#,
        ),
        (
            r#"{"kind":"ItemList","apiVersion":"v2","items":["a"]}"#,
            r#"its apiVersion is "v2", and this program speaks "v1""#,
        ),
        (r#"{"kind":"ItemList","apiVersion":"v1"}"#, r#"it has no member "items""#),
    ] {
        let error = list_of(body).await.unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with(&format!("answered what is no ItemList: {why}")), "{body}: {text}");
        assert_eq!(error.verdict(), Verdict::Permanent);
    }
}

#[tokio::test]
async fn garbage_is_refused_in_one_short_line() {
    let deep = format!(r#"{{"x":{}"#, "[".repeat(100_000));
    for body in [
        "",
        "null",
        "[]",
        "<html>It works!</html>",
        "{",
        r#"{"kind":"ItemList","apiVersion":"v1","items":["a"]} trailing"#,
        r#"{"kind":"ItemList","apiVersion":"v1","items":["a",]}"#,
        r#"{"kind":"ItemList","apiVersion":"v1","items":["a",7]}"#,
        r#"{"kind":"ItemList","apiVersion":"v1","items":[["a"]]}"#,
        r#"{"kind":"ItemList","apiVersion":"v1","items":{"a":1}}"#,
        r#"{"kind":"ItemList","apiVersion":"v1","items":"a"}"#,
        r#"{"kind":"ItemList","apiVersion":"v1","items":["a"],"items":["b"]}"#,
        r#"{"kind":7,"apiVersion":"v1","items":["a"]}"#,
        "{\"kind\":\"ItemList\",\"apiVersion\":\"v1\",\"items\":[\"\\ud800\"]}",
        &deep,
    ] {
        let error = list_of(body).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Malformed { expected: "ItemList", .. }),
            "{body:.80}: {error:?}"
        );
        let text = error.to_string();
        assert!(text.len() < 400 && !text.contains(char::is_control), "{text}");
    }
    assert!(list_of(b"\xff\xfe\x00").await.is_err());
    let shouting = format!(r#"{{"kind":"{}","apiVersion":"v1","items":[]}}"#, "K".repeat(100_000));
    assert!(list_of(shouting).await.unwrap_err().to_string().len() < 400);
}

#[tokio::test]
async fn unknown_members_are_ignored_wherever_they_stand() {
    let listing = list_of(
        r#"{"metadata":{"items":[1,{"kind":"x"}]},"items":["a","b","a","c\u0000"],"apiVersion":"v1","kind":"ItemList","é":1e400}"#,
    )
    .await
    .unwrap();
    assert_eq!(texts(&listing), ["a", "b"]);
    assert_eq!((listing.duplicates(), listing.skipped().count(), listing.is_complete()), (1, 1, true));
    let item = item_of(r#"{"status":[], "data" : {"b":1,"a":[ ]} ,"kind":"Item","apiVersion":"v1"}"#).await;
    assert_eq!(item.unwrap().unwrap().bytes(), r#"{"b":1,"a":[ ]}"#);
    // A member that only we know, of another program that knows another.
    for missing in ["5", "{}", "[{}]", "[1]", "null", "[]"] {
        let body = format!(r#"{{"kind":"ItemList","apiVersion":"v1","items":["a"],"missing":{missing}}}"#);
        assert!(list_of(body).await.unwrap().is_complete(), "{missing}");
    }
    // Some languages write no items so.
    let none = list_of(r#"{"kind":"ItemList","apiVersion":"v1","items":null}"#).await.unwrap();
    assert!(none.names().is_empty() && none.is_complete());
}

#[tokio::test]
async fn an_item_that_is_none_is_refused() {
    for body in [
        r#"{"kind":"Item","apiVersion":"v1"}"#,
        r#"{"kind":"Item","apiVersion":"v1","data":{}"#,
        r#"{"kind":"Item","apiVersion":"v1","data":nul}"#,
        r#"{"kind":"ItemList","apiVersion":"v1","items":["a"]}"#,
        r#"{"kind":"Item","apiVersion":"v1","data":1,"data":2}"#,
    ] {
        let error = item_of(body).await.unwrap_err();
        assert!(matches!(error, SourceError::Malformed { expected: "Item", .. }), "{body}: {error:?}");
    }
    assert_eq!(
        item_of(r#"{"kind":"Item","apiVersion":"v1","data":null}"#).await.unwrap().unwrap().bytes(),
        "null"
    );
    let large =
        format!(r#"{{"kind":"Item","apiVersion":"v1","data":"{}"}}"#, "x".repeat(ItemData::MAX_BYTES));
    assert!(matches!(item_of(large).await, Err(SourceError::TooLarge { .. })));
}

#[tokio::test]
async fn a_server_that_stops_answering_costs_a_deadline() {
    let beginning = br#"{"kind":"ItemList","apiVersion":"v1","items":["#;
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
    for says in [
        Says::Hangs(vec![]),
        Says::Hangs(b"HTTP/1.1 200 O".to_vec()),
        Says::Hangs([&head[..], beginning].concat()),
    ] {
        let server = foreign(says).await;
        let source = server.source().with_deadline(SHORT).unwrap();
        let error = patiently(source.items()).await.unwrap_err();
        assert!(matches!(error, SourceError::Unavailable { .. }), "{error:?}");
        assert!(error.is_retryable());
        assert!(patiently(source.item(&name("a"))).await.is_err());
        assert_eq!(source.counters().counter("errors_total").value(), 2);
    }
}

#[tokio::test]
async fn a_length_that_is_wrong_is_no_list() {
    let body = r#"{"kind":"ItemList","apiVersion":"v1","items":["a"]}"#;
    for length in ["10", "5000", "-1", "x", "99999999999999999999"] {
        let words = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        let server = foreign(Says::Once(words.into_bytes())).await;
        let error = patiently(server.source().items()).await.unwrap_err();
        let is_told = matches!(
            error,
            SourceError::Malformed { .. } | SourceError::Unavailable { .. } | SourceError::TooLarge { .. }
        );
        assert!(is_told, "{length}: {error:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_limit() {
    let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"kind\":\"ItemList\",\"apiVersion\":\"v1\",\"items\":[";
    let server = foreign(Says::Endless(head.to_vec(), br#""again","#.repeat(8_192))).await;
    let error = patiently(server.source().items()).await.unwrap_err();
    assert!(matches!(error, SourceError::TooLarge { limit: 0x0400_0000, .. }), "{error:?}");
    let error = patiently(server.source().item(&name("a"))).await.unwrap_err();
    assert!(matches!(error, SourceError::TooLarge { limit: 0x0011_0000, .. }), "{error:?}");
}

#[tokio::test]
async fn other_statuses_are_told_and_only_some_are_tried_again() {
    for (status, is_retryable) in
        [(500, true), (503, true), (429, true), (301, false), (403, false), (404, false)]
    {
        let words =
            format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nlocation: http://elsewhere/\r\n\r\n");
        let server = foreign(Says::Once(words.into_bytes())).await;
        let error = patiently(server.source().items()).await.unwrap_err();
        assert!(matches!(error, SourceError::Status { status: found, .. } if found == status), "{error:?}");
        assert_eq!(error.is_retryable(), is_retryable, "{status}");
    }
}

#[tokio::test]
async fn a_million_names_are_listed_and_one_more_is_said_to_be_missing() {
    for (count, is_complete) in [(Listing::MAX_NAMES, true), (Listing::MAX_NAMES + 1, false)] {
        let mut body = br#"{"kind":"ItemList","apiVersion":"v1","items":["#.to_vec();
        for n in 0..count {
            body.extend_from_slice(format!("{}\"item-{n}\"", if n == 0 { "" } else { "," }).as_bytes());
        }
        body.extend_from_slice(b"]}");
        let listing = list_of(body).await.unwrap();
        assert_eq!((listing.names().len(), listing.is_complete()), (Listing::MAX_NAMES, is_complete));
    }
}

#[tokio::test]
async fn nobody_there_is_an_error_and_no_empty_list() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let source = HttpSource::of_shape(&format!("http://{address}"), Shape::Api).unwrap();
    let error = source.items().await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }) && error.is_retryable(), "{error:?}");
}
