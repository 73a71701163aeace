//! What was done is not done again by the next attempt.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use entourage_core::{Moment, Shutdown};
use entourage_queue::Item;
use entourage_workqueue::{CommandWorker, Folders, MultiWorker, Outcome, Worker};

use super::{
    COPIES, item, once, out,
    server::{Reply, Server},
    work, worker,
};
use crate::bench::{Bench, attempt_at, is_retry};

#[tokio::test]
async fn what_was_fetched_run_and_sent_is_not_fetched_run_and_sent_again() {
    let bench = Bench::new();
    let times = AtomicUsize::new(0);
    let third = format!("{}/3", out("an item"));
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", _) => Reply::new(200, &[], "data"),
        // The third of five is not taken for three times.
        (_, path) if path == third && times.fetch_add(1, Ordering::Relaxed) < 3 => Reply::status(503),
        _ => Reply::status(200),
    })
    .await;
    // It fails at first, after it has left something.
    let script = r#"#!/bin/sh
echo run >> "$OUT/runs"
echo stale > "$OUTPUT_DIR/stale"
[ "$ENTOURAGE_ATTEMPT" = 1 ] && exit 1
rm "$OUTPUT_DIR/stale"
for n in 1 2 3 4 5; do echo $n > "$OUTPUT_DIR/$n"; done
"#;
    let item = item(&server, "/a");
    for number in 1..=5 {
        // Each by another worker, as after a restart.
        let (outcome, why) = once(&worker(&bench, &server, script), &item, number).await;
        assert_eq!(outcome == Outcome::Done, number == 5, "{outcome:?} {why}");
        if (2..5).contains(&number) {
            assert!(why.starts_with("step upload: ") && why.ends_with("answered with status 503"), "{why}");
        }
    }
    assert_eq!(server.seen("GET").len(), 1);
    assert_eq!(bench.read("runs"), "run\nrun\n");
    let puts: Vec<_> = server.puts().iter().map(|path| path.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(puts, ["1", "2", "3", "3", "3", "3", "4", "5"]);
    assert_eq!(fs::read_dir(work(&bench)).unwrap().count(), 0);
}

#[tokio::test]
async fn a_script_that_has_used_up_its_input_finds_it_again() {
    let bench = Bench::new();
    let server = Server::start(|_| Reply::new(200, &[], "data")).await;
    let script = r#"#!/bin/sh
cat "$INPUT_FILE" >> "$OUT/read" || exit 65
rm -f "$INPUT_FILE"
[ "$ENTOURAGE_ATTEMPT" = 2 ]
"#;
    let (worker, item) = (worker(&bench, &server, script), item(&server, "/a"));
    assert!(is_retry(&once(&worker, &item, 1).await.0));
    let (outcome, why) = once(&worker, &item, 2).await;
    assert_eq!(outcome, Outcome::Done, "{why}");
    assert_eq!((bench.read("read").as_str(), server.seen("GET").len()), ("datadata", 2));
}

#[tokio::test]
async fn another_script_is_run_and_what_it_makes_is_sent() {
    let bench = Bench::new();
    let server = Server::start(|seen| match seen.path.as_str() {
        "/a" => Reply::new(200, &[], "data"),
        path if path.ends_with("/z") => Reply::status(500),
        _ => Reply::status(200),
    })
    .await;
    let script = |text: &str| {
        format!(
            "#!/bin/sh\necho same > \"$OUTPUT_DIR/same\"; echo {text} > \"$OUTPUT_DIR/text\"; : > \"$OUTPUT_DIR/z\""
        )
    };
    let item = item(&server, "/a");
    for text in ["one", "two", "two"] {
        assert!(is_retry(&once(&worker(&bench, &server, &script(text)), &item, 1).await.0));
    }
    let sent: Vec<_> = server.seen("PUT").into_iter().filter(|put| !put.path.ends_with("/z")).collect();
    let sent: Vec<_> = sent.iter().map(|put| String::from_utf8_lossy(&put.body).into_owned()).collect();
    assert_eq!(sent, ["same\n", "one\n", "two\n"], "what is the same was sent before");
    assert_eq!(server.seen("GET").len(), 1);
}

#[tokio::test]
async fn without_kept_folders_nothing_outlasts_its_attempt() {
    let bench = Bench::new();
    let server = Server::start(|seen| Reply::status(if seen.method == "GET" { 200 } else { 500 })).await;
    let worker = worker(&bench, &server, COPIES).with_folders(Folders::temporary());
    for _ in 0..2 {
        assert!(is_retry(&once(&worker, &item(&server, "/a"), 1).await.0));
    }
    assert_eq!((server.seen("GET").len(), bench.read("runs").as_str()), (2, "run\nrun\n"));
}

#[tokio::test]
async fn two_file_workers_are_steps_of_one_and_share_nothing_but_the_folder() {
    let bench = Bench::new();
    let server = Server::start(|seen| Reply::new(200, &[], seen.path.clone())).await;
    let made = |path: &str| {
        let script =
            format!("#!/bin/sh\ncp \"$INPUT_FILE\" \"$OUTPUT_DIR/{path}\"; cp \"$INPUT_FILE\" {path}\n");
        worker(&bench, &server, &script)
            .with_url(format!("http://{}/{path}/{{name}}", server.address))
            .unwrap()
    };
    let both = || {
        MultiWorker::new("both")
            .folders(Folders::kept_under(work(&bench)))
            .step("one", made("one"))
            .step("two", made("two"))
            .step(
                "last",
                CommandWorker::new("sh")
                    .args(["-c", r#"cat one two >&2; exit "$((ENTOURAGE_ATTEMPT == 1))""#]),
            )
    };
    let item = Item::new("x", "");
    for (number, is_done) in [(1, false), (2, true)] {
        let attempt = attempt_at(&item, number, Moment::NEVER, &Shutdown::new());
        let outcome = both().work(&item, &attempt).await;
        assert_eq!(outcome == Outcome::Done, is_done, "{outcome:?} {:?}", attempt.explanation());
        if number == 1 {
            assert_eq!(attempt.explanation().as_deref(), Some("step last: exit status 1: /one/x/two/x"));
        }
    }
    let asked: Vec<_> = server.seen("GET").into_iter().map(|seen| seen.path).collect();
    assert_eq!(asked, ["/one/x", "/two/x"]);
    assert_eq!(server.puts(), ["/out/x/one", "/out/x/two"]);
}
