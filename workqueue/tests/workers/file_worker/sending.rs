//! What a script can leave, and what a server can say to it.

use std::time::Duration;

use entourage_workqueue::{FileLimits, Outcome};

use super::{
    COPIES, impatient, item, once, out,
    server::{Reply, Server, Stop},
    worker,
};
use crate::bench::{Bench, is_retry};

async fn serving() -> Server {
    Server::start(|_| Reply::new(200, &[], "data")).await
}

#[tokio::test]
async fn what_is_no_plain_file_is_a_dead_letter_and_nothing_is_sent() {
    let server = serving().await;
    for (leaves, why) in [
        (r#"ln -s /etc/passwd "$OUTPUT_DIR/b""#, "the output \"b\" is a link, and none is followed"),
        (r#"ln -s nowhere "$OUTPUT_DIR/b""#, "the output \"b\" is a link, and none is followed"),
        (r#"mkfifo "$OUTPUT_DIR/b""#, "the output \"b\" is no plain file"),
        (r#"mkdir "$OUTPUT_DIR/b""#, "the output \"b\" is a directory; leave plain files, as in an archive"),
        (
            r#"rm -r "$OUTPUT_DIR"; ln -s /etc "$OUTPUT_DIR""#,
            "the script has put something else in place of OUTPUT_DIR",
        ),
        (r#"rm -r "$OUTPUT_DIR""#, "the script has put something else in place of OUTPUT_DIR"),
        ("touch \"$OUTPUT_DIR/$(printf '\\377')\"", "the output \"\u{fffd}\" has a name that is no UTF-8"),
        (
            "touch \"$OUTPUT_DIR/$(printf 'a\\nb')\"",
            "the output \"a\\nb\" has a name with control characters",
        ),
    ] {
        let bench = Bench::new();
        let script = format!("#!/bin/sh\necho a > \"$OUTPUT_DIR/a\"\n{leaves}\n");
        let (outcome, _) = once(&worker(&bench, &server, &script), &item(&server, "/a"), 1).await;
        assert_eq!(outcome, Outcome::Dead(format!("step run: {why}")));
    }
    assert!(server.puts().is_empty());
}

#[tokio::test]
async fn more_outputs_than_the_limit_are_a_dead_letter_and_nothing_is_sent() {
    let (bench, server) = (Bench::new(), serving().await);
    let script = r#"#!/usr/bin/env python3
import os
for n in range(100_000):
    os.close(os.open("%s/%d" % (os.environ["OUTPUT_DIR"], n), os.O_CREAT | os.O_WRONLY))
"#;
    let (outcome, _) = once(&worker(&bench, &server, script), &item(&server, "/a"), 1).await;
    assert_eq!(outcome, Outcome::Dead("step run: the script has left more than 10000 files".into()));
    let large = "#!/bin/sh\nhead -c 1000 /dev/zero > \"$OUTPUT_DIR/a\"; echo > \"$OUTPUT_DIR/b\"\n";
    let worker = worker(&bench, &server, large).with_limits(FileLimits::new().with_output_bytes(1000));
    let (outcome, _) = once(&worker, &item(&server, "/a"), 1).await;
    assert_eq!(
        outcome,
        Outcome::Dead("step run: the script has left 1001 bytes, and 1000 are the most".into())
    );
    assert!(server.puts().is_empty());
}

#[tokio::test]
async fn a_thousand_outputs_are_sent_in_the_order_of_their_names() {
    let (bench, server) = (Bench::new(), serving().await);
    let script = "#!/bin/sh\ncd \"$OUTPUT_DIR\" && seq -w 0 999 | xargs touch\n";
    let (outcome, why) = once(&worker(&bench, &server, script), &item(&server, "/a"), 1).await;
    assert_eq!(outcome, Outcome::Done, "{why}");
    let wanted: Vec<_> = (0..1000).map(|number| format!("{}/{number:03}", out("an item"))).collect();
    assert_eq!(server.puts(), wanted);
}

#[tokio::test]
async fn a_large_output_is_sent_in_pieces_and_arrives_whole() {
    let (bench, server) = (Bench::new(), serving().await);
    let script = "#!/bin/sh\nseq 1 700000 > \"$OUTPUT_DIR/numbers\"\n";
    let (outcome, why) = once(&worker(&bench, &server, script), &item(&server, "/a"), 1).await;
    assert_eq!(outcome, Outcome::Done, "{why}");
    let wanted: String = (1..=700_000).map(|number| format!("{number}\n")).collect();
    assert!(server.seen("PUT")[0].body == wanted.as_bytes());
    assert_eq!(server.seen("PUT")[0].header("content-length"), Some(wanted.len().to_string().as_str()));
}

#[tokio::test]
async fn an_output_that_is_not_taken_is_tried_again_or_dead_by_the_answers_class() {
    for large in ["", "head -c 1000000 /dev/zero >> \"$OUTPUT_DIR/copy\""] {
        for (status, is_dead) in
            [(301, true), (400, true), (403, true), (413, true), (408, false), (429, false), (503, false)]
        {
            let bench = Bench::new();
            let server = Server::start(move |seen| match seen.method.as_str() {
                "GET" => Reply::new(200, &[], "data"),
                _ => Reply::new(status, &[("retry-after", "9")], ""),
            })
            .await;
            let worker = worker(&bench, &server, &format!("{COPIES}{large}"));
            let (outcome, why) = once(&worker, &item(&server, "/a"), 1).await;
            assert!(why.contains(&format!("answered with status {status}")), "{why}");
            match outcome {
                Outcome::Dead(_) => assert!(is_dead, "{status}"),
                Outcome::Retry(after) => assert!(!is_dead && after >= Duration::from_secs(9), "{status}"),
                outcome => panic!("{outcome:?}"),
            }
            assert_eq!(server.puts().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_server_that_hears_and_says_nothing_is_given_up_and_tried_again() {
    for large in ["", "head -c 1000000 /dev/zero >> \"$OUTPUT_DIR/copy\""] {
        for reply in [Reply::raw("").stopping(0, Stop::Hang), Reply::raw(""), Reply::raw("garbage\r\n\r\n")] {
            let bench = Bench::new();
            let server = Server::start(move |seen| match seen.method.as_str() {
                "GET" => Reply::new(200, &[], "data"),
                _ => reply.clone(),
            })
            .await;
            let worker = worker(&bench, &server, &format!("{COPIES}{large}")).with_limits(impatient());
            let (outcome, why) = once(&worker, &item(&server, "/a"), 1).await;
            assert!(is_retry(&outcome) && why.starts_with("step upload: http://"), "{outcome:?} {why}");
        }
    }
}

#[tokio::test]
async fn outputs_that_go_nowhere_are_a_dead_letter() {
    let (bench, server) = (Bench::new(), serving().await);
    let script = entourage_workqueue::Script::text(COPIES).unwrap();
    let worker = entourage_workqueue::FileWorker::new(script)
        .with_hosts([server.address.to_string()])
        .unwrap()
        .with_command(|command| command.env("OUT", bench.scratch.path()));
    let (outcome, _) = once(&worker, &item(&server, "/a"), 1).await;
    let why = "step run: the script has left outputs, and nobody has said where they go";
    assert_eq!(outcome, Outcome::Dead(why.into()));
}
