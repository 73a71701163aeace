//! What a server can do to a fetch, and what comes of it.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use entourage_core::{Moment, Shutdown};
use entourage_queue::Item;
use entourage_testkit::{FullDisk, Requirement, eventually_async};
use entourage_workqueue::{FileLimits, Folders, Outcome, Worker};

use super::{
    COPIES, content, item, once,
    server::{Reply, Server, Stop, file},
    work, worker,
};
use crate::bench::{Bench, DEADLINE, attempt_at, is_retry};

#[tokio::test]
async fn a_file_without_end_is_a_dead_letter_at_the_limit() {
    for reply in [
        Reply::new(200, &[("content-length", "1000001")], ""),
        Reply::new(200, &[("connection", "close")], content(100_000)).stopping(0, Stop::Repeat),
        Reply::new(
            200,
            &[("transfer-encoding", "chunked"), ("connection", "close")],
            format!("10000\r\n{}\r\n", "x".repeat(65536)),
        )
        .stopping(0, Stop::Repeat),
    ] {
        let bench = Bench::new();
        let said = reply.clone();
        let server = Server::start(move |_| reply.clone()).await;
        let limits = FileLimits::new().with_input_bytes(1_000_000);
        let worker = worker(&bench, &server, COPIES).with_limits(limits);
        let (outcome, why) = once(&worker, &item(&server, "/a"), 1).await;
        assert!(matches!(outcome, Outcome::Dead(_)), "{said:?}: {outcome:?}");
        assert!(why.contains("1000000") && why.ends_with("raise the limit"), "{why}");
        assert_eq!(fs::read_dir(work(&bench)).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn an_answer_is_judged_by_its_class_and_no_redirect_is_followed() {
    let other = Server::start(|_| Reply::status(200)).await;
    let to = format!("http://{}/a", other.address);
    let server = Server::start(move |seen| {
        let status = seen.path[1..].parse().unwrap();
        Reply::new(status, &[("retry-after", "7"), ("location", &to)], "")
    })
    .await;
    for (status, is_dead) in [
        (301, true),
        (302, true),
        (307, true),
        (403, true),
        (404, true),
        (410, true),
        (206, true),
        (408, false),
        (425, false),
        (429, false),
        (500, false),
        (503, false),
    ] {
        let bench = Bench::new();
        let worker = worker(&bench, &server, COPIES).with_hosts([other.address.to_string()]).unwrap();
        let (outcome, why) = once(&worker, &item(&server, &format!("/{status}")), 1).await;
        assert!(why.contains(&format!("answered with status {status}")), "{why}");
        match outcome {
            Outcome::Dead(_) => assert!(is_dead, "{status}"),
            Outcome::Retry(after) => {
                assert!(!is_dead && after >= Duration::from_secs(7), "{status} {after:?}")
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    assert_eq!(other.seen("GET").len(), 0);
}

#[tokio::test]
async fn garbage_is_tried_again_and_never_made_a_file_of() {
    for garbage in [
        "",
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
    ] {
        let bench = Bench::new();
        let server = Server::start(move |_| Reply::raw(garbage)).await;
        let (outcome, why) = once(&worker(&bench, &server, COPIES), &item(&server, "/a"), 1).await;
        assert!(is_retry(&outcome), "{garbage:?}: {outcome:?}");
        assert!(why.starts_with("step fetch: "), "{why}");
        assert!(!bench.path("runs").exists());
    }
}

#[tokio::test]
async fn only_hosts_that_were_allowed_are_asked() {
    let bench = Bench::new();
    let server = Server::start(|_| Reply::new(200, &[], "secret")).await;
    let allowed = Server::start(|_| Reply::status(200)).await;
    let worker = worker(&bench, &allowed, COPIES);
    for url in [
        format!("http://{}/a", server.address),
        format!("http://localhost:{}/a", server.address.port()),
        format!("http://{}@{}/a", allowed.address, server.address),
        "https://127.0.0.1/a".to_owned(),
        "ftp://127.0.0.1/a".to_owned(),
        "/etc/passwd".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let (outcome, why) = once(&worker, &Item::new("an item", url.clone()), 1).await;
        assert!(matches!(outcome, Outcome::Dead(_)), "{url}: {outcome:?}");
        assert!(why.starts_with("step fetch: "), "{why}");
    }
    assert!(server.seen("GET").is_empty());
}

#[tokio::test]
async fn q4_a_fetch_that_is_cancelled_is_interrupted_and_gone_on_with() {
    let bench = Bench::new();
    let times = AtomicUsize::new(0);
    let server = Server::start(move |seen| match times.fetch_add(1, Ordering::Relaxed) {
        _ if seen.method == "PUT" => Reply::status(200),
        0 => file(seen, &content(2_000_000), "\"a\"").stopping(1_000_000, Stop::Hang),
        _ => file(seen, &content(2_000_000), "\"a\""),
    })
    .await;
    let (worker, item) = (worker(&bench, &server, COPIES), item(&server, "/a"));
    let shutdown = Shutdown::new();
    let attempt = attempt_at(&item, 1, Moment::NEVER, &shutdown);
    let fetched = worker.counters().counter("fetched_bytes_total");
    let stopping = async {
        eventually_async(DEADLINE, "a part has come", async || (fetched.value() > 500_000).then_some(()))
            .await;
        shutdown.stop();
    };
    let (outcome, ()) = tokio::join!(worker.work(&item, &attempt), stopping);
    assert_eq!(outcome, Outcome::Interrupted);
    let (outcome, why) = once(&worker, &item, 1).await;
    assert_eq!(outcome, Outcome::Done, "{why}");
    assert!(server.seen("GET")[1].header("range").is_some(), "what was written stays");
    assert!(server.seen("PUT")[0].body == content(2_000_000));
}

#[tokio::test]
async fn a_fetch_that_takes_too_long_ends_and_goes_on_in_the_next_attempt() {
    let bench = Bench::new();
    let times = AtomicUsize::new(0);
    let server = Server::start(move |seen| match times.fetch_add(1, Ordering::Relaxed) {
        _ if seen.method == "PUT" => Reply::status(200),
        0 => file(seen, &content(600_000), "\"a\"").stopping(550_000, Stop::Drip),
        _ => file(seen, &content(600_000), "\"a\""),
    })
    .await;
    let limits = FileLimits::new().with_fetch_time(Duration::from_secs(2)).with_rate(1);
    let worker = worker(&bench, &server, COPIES).with_limits(limits);
    let item = item(&server, "/a");
    let (outcome, why) = once(&worker, &item, 1).await;
    assert!(is_retry(&outcome) && why.contains("was not fetched within 2s"), "{outcome:?} {why}");
    assert_eq!(once(&worker, &item, 2).await.0, Outcome::Done);
    assert!(server.seen("GET")[1].header("range").is_some());
}

#[tokio::test]
async fn a_full_disk_is_tried_again_with_the_reason_and_is_left_to_others() {
    if !Requirement::from(FullDisk::available()).is_met("full-disk") {
        return;
    }
    let bench = Bench::new();
    let disk = FullDisk::new(1 << 20);
    let server = Server::start(|seen| match seen.path.as_str() {
        "/large" => Reply::new(200, &[("etag", "\"a\"")], vec![7; 4 << 20]),
        _ => Reply::new(200, &[], "small"),
    })
    .await;
    let worker = worker(&bench, &server, COPIES).with_folders(Folders::kept_under(disk.path().join("work")));
    let (outcome, why) = once(&worker, &item(&server, "/large"), 1).await;
    assert!(is_retry(&outcome) && why.contains("No space left on device"), "{outcome:?} {why}");
    let small = Item::new("another", format!("http://{}/small", server.address));
    let (outcome, why) = once(&worker, &small, 1).await;
    assert_eq!(outcome, Outcome::Done, "{why}");
}
