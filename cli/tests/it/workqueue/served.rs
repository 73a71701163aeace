//! A source over HTTP, for programs in any language.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use entourage_testkit::{Process, Scratch};
use serde_json::Value;

use super::{PATIENCE, run, worker};
use crate::entourage;

/// `entourage workqueue serve-source`, and where it listens.
fn serve(scratch: &Scratch, arguments: &[&str]) -> (Process, String) {
    let program = entourage().args(["workqueue", "serve-source", "--listen", "0", "--settle", "0s"]);
    let process = program.args(arguments).arg(scratch.join("inbox")).start();
    let line = process.wait_line("where it listens", |line| line.contains("listening"), PATIENCE);
    let line: Value = serde_json::from_str(&line).expect("it is JSON");
    let address = line["address"].as_str().expect("it has an address").to_owned();
    (process, address)
}

/// Status and body, read to the end.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time is given");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer comes, and ends");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

#[test]
fn q9_a_directory_is_served_byte_for_byte_as_the_book_has_it() {
    let scratch = Scratch::new();
    super::files(&scratch, 2);
    fs::write(scratch.join("inbox/a b"), r#"{"some":"json"}"#).expect("it can be written");
    let (mut served, address) = serve(&scratch, &["--contents"]);
    let list = r#"{"kind":"ItemList","apiVersion":"v1","items":["1","2","a b"]}"#;
    assert_eq!(get(&address, "/api/v1/items"), (200, list.to_owned()));
    let item = r#"{"kind":"Item","apiVersion":"v1","data":{"some":"json"}}"#;
    assert_eq!(get(&address, "/api/v1/items/a%20b"), (200, item.to_owned()));
    assert_eq!(get(&address, "/api/v1/items/3").0, 404);
    assert_eq!(get(&address, "/api/v1/items/..%2Fworker.sh").0, 404);
    assert_eq!(get(&address, "/items").0, 404);
    served.terminate();
    let _ = served.wait(PATIENCE).succeeded();
}

#[test]
fn the_books_sample_is_served_and_read_too() {
    let scratch = Scratch::new();
    super::files(&scratch, 2);
    let (mut served, address) = serve(&scratch, &["--shape", "sample"]);
    let list = r#"{"kind":"ItemList","apiVersion":"v1","items":["1","2"]}"#;
    for path in ["/", "/items", "/items/1"] {
        assert_eq!(get(&address, path), (200, list.to_owned()), "{path}");
    }
    let log = scratch.join("log");
    let worker = worker(&scratch, &format!(r#"cat "$WORK_ITEM_FILE" >> "{}"; echo >> "{0}""#, log.display()));
    let once = run(&scratch, &format!("http://{address}")).args(["--source-shape", "sample", "--once", "--"]);
    let _ = once.arg(&worker).start().wait(PATIENCE).succeeded();
    let mut done = super::lines(&log);
    done.sort();
    assert_eq!(done, [r#"{"name":"1"}"#, r#"{"name":"2"}"#]);
    served.terminate();
    let _ = served.wait(PATIENCE).succeeded();
}
