//! The book's interface, byte for byte.

use std::process::Stdio;

use entourage_workqueue::{FromNames, HttpSource, ItemData, Shape, SourceError, WorkSource};
use http::Method;
use tokio::process::Command;

use crate::serving::{Faulty, Fixed, PATIENCE, name, patiently, serve, texts};

const ITEMS: Fixed = Fixed(&[
    ("item-1", Some(r#"{"some":"json","object":"data"}"#)),
    ("item-2", Some(" [1, 2e3]\n")),
    ("gone", None),
]);

#[tokio::test]
async fn the_books_two_answers_are_as_the_book_writes_them() {
    let served = serve(ITEMS, Shape::Api).await;
    let list = r#"{"kind":"ItemList","apiVersion":"v1","items":["item-1","item-2","gone"]}"#;
    assert_eq!(served.get("/api/v1/items").await, (200, list.to_owned()));
    let item = r#"{"kind":"Item","apiVersion":"v1","data":{"some":"json","object":"data"}}"#;
    assert_eq!(served.get("/api/v1/items/item-1").await, (200, item.to_owned()));
    let answer = served.ask(Method::GET, "/api/v1/items").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let head = served.ask(Method::HEAD, "/api/v1/items").await;
    assert_eq!((head.status().as_u16(), head.body().len()), (200, 0));
}

#[tokio::test]
async fn a_program_that_is_not_ours_reads_the_same() {
    let served = serve(ITEMS, Shape::Api).await;
    let curl = Command::new("curl")
        .args(["-sS", "--max-time", "20", &format!("{}/api/v1/items/item-1", served.url())])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match patiently(curl).await {
        Ok(output) => output,
        // Said, not hidden: the same bytes are compared above with a client of our own.
        Err(error) => return eprintln!("curl is absent: {error}"),
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, r#"{"kind":"Item","apiVersion":"v1","data":{"some":"json","object":"data"}}"#);
}

#[tokio::test]
async fn what_is_not_the_interface_is_refused_in_json() {
    let served = serve(ITEMS, Shape::Api).await;
    for (method, path, status) in [
        (Method::GET, "/", 404),
        (Method::GET, "/items", 404),
        (Method::GET, "/api/v1/itemsx", 404),
        (Method::GET, "/api/v1/items/nothing", 404),
        (Method::GET, "/api/v1/items/gone", 404),
        (Method::GET, "/api/v1/items/a/b", 404),
        (Method::POST, "/api/v1/items", 405),
        (Method::DELETE, "/api/v1/items/item-1", 405),
        (Method::GET, "/api/v1/items/a%00", 400),
        (Method::GET, "/api/v1/items/a%0A", 400),
        (Method::GET, "/api/v1/items/%FF", 400),
        (Method::GET, "/api/v1/items/%zz", 400),
    ] {
        let answer = served.ask(method.clone(), path).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{method} {path}");
        assert_eq!(answer.headers().contains_key("allow"), status == 405, "{method} {path}");
    }
    let long = format!("/api/v1/items/{}", "x".repeat(4_096));
    assert_eq!(served.get(&long).await.0, 400);
}

#[tokio::test]
async fn data_comes_as_it_was_sent_and_not_as_it_was_understood() {
    let exact = r#"{"z":1.0e3,"a":123456789012345678901234567890,"s":"\u00e9 é"}"#;
    let source = FromNames::from_iter(["a"]).with_data(move |_| ItemData::new(exact).ok());
    let served = serve(source, Shape::Api).await;
    assert_eq!(served.source().item(&name("a")).await.unwrap().unwrap().bytes(), exact);
    // Only what stands around the data is not kept.
    let served = serve(ITEMS, Shape::Api).await;
    assert_eq!(served.source().item(&name("item-2")).await.unwrap().unwrap().bytes(), "[1, 2e3]");
}

#[tokio::test]
async fn an_item_that_has_vanished_is_none_and_no_error() {
    let served = serve(ITEMS, Shape::Api).await;
    let source = served.source();
    assert_eq!(source.item(&name("gone")).await.unwrap(), None);
    assert_eq!(source.counters().counter("items_vanished_total").value(), 1);
    assert_eq!(source.counters().counter("errors_total").value(), 0);
}

#[tokio::test]
async fn a_source_that_fails_is_told_from_one_that_is_empty() {
    let served = serve(Faulty::Fails, Shape::Api).await;
    let error = served.source().items().await.unwrap_err();
    assert!(matches!(error, SourceError::Status { status: 503, .. }), "{error:?}");
    let empty = serve(Fixed(&[]), Shape::Api).await;
    let listing = empty.source().items().await.unwrap();
    assert!(listing.names().is_empty() && listing.is_complete());
}

#[tokio::test]
async fn data_that_is_no_json_is_refused_and_not_disguised() {
    let served = serve(Fixed(&[("a", Some("two coffees"))]), Shape::Api).await;
    let (status, text) = served.get("/api/v1/items/a").await;
    assert_eq!(status, 500);
    assert!(text.contains("no JSON"), "{text}");
}

#[tokio::test]
async fn the_books_sample_answers_every_path_and_is_understood() {
    let served = serve(ITEMS, Shape::Sample).await;
    let list = r#"{"kind":"ItemList","apiVersion":"v1","items":["item-1","item-2","gone"]}"#;
    for path in ["/", "/items", "/items/item-1", "/api/v1/items", "/anything?at=all"] {
        assert_eq!(served.get(path).await, (200, list.to_owned()), "{path}");
    }
    let source = HttpSource::of_shape(&served.url(), Shape::Sample).unwrap().with_deadline(PATIENCE).unwrap();
    assert_eq!(texts(&source.items().await.unwrap()), ["item-1", "item-2", "gone"]);
    assert_eq!(source.item(&name("item-1")).await.unwrap().unwrap().bytes(), r#"{"name":"item-1"}"#);
    assert_eq!(source.item(&name("nothing")).await.unwrap(), None);
    // In the other form, a list is no item.
    let strict = HttpSource::new(&served.url()).unwrap().with_deadline(PATIENCE).unwrap();
    let error = strict.item(&name("item-1")).await.unwrap_err();
    assert!(error.to_string().ends_with(r#"answered what is no Item: its kind is "ItemList""#), "{error}");
}

#[tokio::test]
async fn a_path_before_the_items_is_the_addresss() {
    let served = serve(ITEMS, Shape::Sample).await;
    let source = HttpSource::new(&format!("{}/queue/v7/", served.url())).unwrap();
    assert_eq!(source.name(), format!("{}/queue/v7", served.url()));
    assert_eq!(source.with_deadline(PATIENCE).unwrap().items().await.unwrap().names().len(), 3);
    for url in
        ["", "localhost", "localhost:80", "https://a", "http://", "http://a?b", "ftp://a", "http://u:p@a"]
    {
        assert!(matches!(HttpSource::new(url), Err(SourceError::Invalid(_))), "{url}");
    }
}

#[test]
fn an_address_that_is_refused_is_not_repeated() {
    for url in
        ["https://u:secret@h", "http://u:secret@h", "http://u:secret@", "http://h/?key=secret", "secret"]
    {
        let Err(SourceError::Invalid(why)) = HttpSource::new(url) else { panic!("{url}") };
        assert!(!why.contains("secret"), "{why}");
    }
}
