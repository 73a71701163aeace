//! A fetch that was cut: what is gone on with, and what is begun anew.

use std::sync::atomic::{AtomicUsize, Ordering};

use entourage_workqueue::Outcome;

use super::{
    COPIES, content, impatient, item, once,
    server::{Reply, Server, Stop, file},
    worker,
};
use crate::bench::{Bench, is_retry};

#[tokio::test]
async fn what_was_cut_is_gone_on_with_where_it_was_cut() {
    let whole = content(3_000_000);
    for stop in [Stop::Close, Stop::Hang, Stop::Drip] {
        let bench = Bench::new();
        let (times, body) = (AtomicUsize::new(0), whole.clone());
        let server = Server::start(move |seen| match times.fetch_add(1, Ordering::Relaxed) {
            _ if seen.method == "PUT" => Reply::status(200),
            0 => file(seen, &body, "\"one\"").stopping(1_000_000, stop),
            _ => file(seen, &body, "\"one\""),
        })
        .await;
        let worker = worker(&bench, &server, COPIES).with_limits(impatient());
        let item = item(&server, "/a.bin");
        let (outcome, why) = once(&worker, &item, 1).await;
        assert!(is_retry(&outcome), "{stop:?}: {outcome:?} {why}");
        assert!(why.starts_with("step fetch: http://127.0.0.1:"), "{why}");
        assert!(server.puts().is_empty(), "nothing is made of a part");
        let (outcome, why) = once(&worker, &item, 2).await;
        assert_eq!(outcome, Outcome::Done, "{stop:?}: {why}");
        let asked = server.seen("GET");
        assert_eq!(asked.len(), 2);
        let from = asked[1].header("range").expect("it goes on").strip_prefix("bytes=").unwrap().to_owned();
        let from: usize = from.strip_suffix('-').unwrap().parse().unwrap();
        assert!((1..1_000_100).contains(&from), "{stop:?}: from {from}");
        assert_eq!(asked[1].header("if-range"), Some("\"one\""));
        assert!(server.seen("PUT")[0].body == whole, "{stop:?}: it is whole");
        assert_eq!(worker.counters().counter("fetches_resumed_total").value(), 1);
    }
}

#[tokio::test]
async fn what_has_changed_meanwhile_is_fetched_from_the_start() {
    // A server that knows If-Range, and one that does not and names its file all the same.
    for knows in [true, false] {
        let bench = Bench::new();
        let times = AtomicUsize::new(0);
        let server = Server::start(move |seen| match times.fetch_add(1, Ordering::Relaxed) {
            _ if seen.method == "PUT" => Reply::status(200),
            0 => file(seen, &content(100_000), "\"one\"").stopping(50_000, Stop::Close),
            _ => {
                let changed: Vec<u8> = content(100_000).iter().map(|byte| !byte).collect();
                match (knows, seen.header("range")) {
                    (false, Some(_)) => Reply::new(
                        206,
                        &[("content-range", "bytes 50000-99999/100000"), ("etag", "\"two\"")],
                        &changed[50_000..],
                    ),
                    _ => file(seen, &changed, "\"two\""),
                }
            }
        })
        .await;
        let worker = worker(&bench, &server, COPIES);
        let item = item(&server, "/a");
        assert!(is_retry(&once(&worker, &item, 1).await.0));
        let (outcome, why) = once(&worker, &item, 2).await;
        assert_eq!(outcome, Outcome::Done, "{why}");
        let changed: Vec<u8> = content(100_000).iter().map(|byte| !byte).collect();
        assert!(server.seen("PUT")[0].body == changed, "it is no mixture of two (knows: {knows})");
    }
}

#[tokio::test]
async fn what_cannot_be_told_from_another_is_fetched_from_the_start() {
    let bench = Bench::new();
    let times = AtomicUsize::new(0);
    let server = Server::start(move |seen| match times.fetch_add(1, Ordering::Relaxed) {
        _ if seen.method == "PUT" => Reply::status(200),
        0 => Reply::new(200, &[("etag", "W/\"weak\"")], content(1000)).stopping(500, Stop::Close),
        _ => Reply::new(200, &[], content(1000)),
    })
    .await;
    let (worker, item) = (worker(&bench, &server, COPIES), item(&server, "/a"));
    assert!(is_retry(&once(&worker, &item, 1).await.0));
    assert_eq!(once(&worker, &item, 2).await.0, Outcome::Done);
    assert!(server.seen("GET").iter().all(|seen| seen.header("range").is_none()));
    assert!(server.seen("PUT")[0].body == content(1000));
}

#[tokio::test]
async fn a_range_that_does_not_go_on_is_not_taken_for_one_that_does() {
    let bench = Bench::new();
    let times = AtomicUsize::new(0);
    let server =
        Server::start(move |seen| match (times.fetch_add(1, Ordering::Relaxed), seen.header("range")) {
            _ if seen.method == "PUT" => Reply::status(200),
            (0, _) => file(seen, &content(1000), "\"a\"").stopping(500, Stop::Close),
            // It answers another range than was asked for.
            (_, Some(_)) => {
                Reply::new(206, &[("content-range", "bytes 0-999/1000"), ("etag", "\"a\"")], content(1000))
            }
            _ => file(seen, &content(1000), "\"a\""),
        })
        .await;
    let (worker, item) = (worker(&bench, &server, COPIES), item(&server, "/a"));
    assert!(is_retry(&once(&worker, &item, 1).await.0));
    let (outcome, why) = once(&worker, &item, 2).await;
    assert_eq!(outcome, Outcome::Done, "{why}");
    assert!(server.seen("PUT")[0].body == content(1000));
}

#[tokio::test]
async fn a_short_rest_of_a_file_of_unknown_length_is_not_taken_for_all_of_it() {
    let bench = Bench::new();
    let times = AtomicUsize::new(0);
    let server =
        Server::start(move |seen| match (times.fetch_add(1, Ordering::Relaxed), seen.header("range")) {
            _ if seen.method == "PUT" => Reply::status(200),
            (0, _) => {
                let head = [("transfer-encoding", "chunked"), ("connection", "close"), ("etag", "\"a\"")];
                let chunk = [b"1f4\r\n", &content(500)[..], b"\r\n"].concat();
                Reply::new(200, &head, chunk).stopping(1000, Stop::Close)
            }
            (_, Some(_)) => {
                let head = [("content-range", "bytes 500-699/*"), ("etag", "\"a\"")];
                Reply::new(206, &head, &content(1000)[500..700])
            }
            _ => file(seen, &content(1000), "\"a\""),
        })
        .await;
    let (worker, item) = (worker(&bench, &server, COPIES), item(&server, "/a"));
    assert!(is_retry(&once(&worker, &item, 1).await.0));
    let (outcome, why) = once(&worker, &item, 2).await;
    assert_eq!(outcome, Outcome::Done, "{why}");
    assert!(server.seen("GET")[1].header("range").is_some(), "it was asked to go on");
    assert!(server.seen("PUT")[0].body == content(1000));
}

#[tokio::test]
async fn a_file_that_has_not_the_digest_that_was_told_is_fetched_anew() {
    let bench = Bench::new();
    // Of "good".
    let told = "sha-256=:dw5gdiTWiSZcpsRIhNCAfZsFTSPEc8EGxyvp3gi3N2w=:";
    let times = AtomicUsize::new(0);
    let server = Server::start(move |seen| match times.fetch_add(1, Ordering::Relaxed) {
        _ if seen.method == "PUT" => Reply::status(200),
        0 => Reply::new(200, &[("repr-digest", told), ("etag", "\"a\"")], "evil"),
        _ => Reply::new(200, &[("repr-digest", told), ("etag", "\"a\"")], "good"),
    })
    .await;
    let (worker, item) = (worker(&bench, &server, COPIES), item(&server, "/a"));
    let (outcome, why) = once(&worker, &item, 1).await;
    assert!(is_retry(&outcome) && why.contains("has not the digest"), "{outcome:?} {why}");
    assert_eq!(once(&worker, &item, 2).await.0, Outcome::Done);
    assert_eq!(server.seen("GET")[1].header("range"), None);
    assert_eq!(server.seen("PUT")[0].body, b"good");
}
