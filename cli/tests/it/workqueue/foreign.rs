//! A source and a worker that know nothing of us.

use std::fs;

use entourage_testkit::Scratch;
use serde_json::Value;

use super::{PATIENCE, run, worker};
use crate::{book::Book, entourage, page::Page};

#[test]
fn q9_a_foreign_source_and_a_foreign_worker_run_unchanged() {
    let scratch = Scratch::new();
    let items = [("item-1", r#"{"some": ["json", 1.0e3]}"#), ("item-2", "\"text\""), ("item-3", "null")];
    let book = Book::serve(&items);
    let out = scratch.join("out");
    fs::create_dir(&out).expect("it can be made");
    let script = format!(r#"cat "$WORK_ITEM_FILE" > "{}/$ENTOURAGE_ITEM""#, out.display());
    let finished = run(&scratch, &book.url()).arg("--once").arg("--worker").arg(worker(&scratch, &script));
    let finished = finished.start().wait(PATIENCE).succeeded();
    for (name, data) in items {
        assert_eq!(fs::read_to_string(out.join(name)).expect("it was worked on"), data, "byte for byte");
    }
    let last: Value = serde_json::from_str(finished.stdout.lines().last().expect("it says how it ended"))
        .expect("its output is JSON lines");
    assert_eq!(
        last.to_string(),
        r#"{"dead":0,"done":3,"event":"ended","finished":true,"skipped":0,"vanished":0}"#
    );
}

#[test]
fn what_is_done_is_not_done_again_and_what_is_dead_ends_with_1() {
    let scratch = Scratch::new();
    let book = Book::serve(&[("good", "1"), ("bad", "2"), ("worse", "3")]);
    let (log, cured) = (scratch.join("log"), scratch.join("cured"));
    let script = format!(
        r#"echo "$ENTOURAGE_ITEM" >> "{}"
        [ "$ENTOURAGE_ITEM" = good ] || [ -e "{}" ] || {{ echo "no such customer" >&2; [ "$ENTOURAGE_ITEM" = bad ] && exit 65; exit 7; }}"#,
        log.display(),
        cured.display()
    );
    let worker = worker(&scratch, &script);
    let once = || run(&scratch, &book.url()).args(["--once", "--retries", "2", "--"]).arg(&worker).start();
    let first = once().wait(PATIENCE);
    assert_eq!(first.status.code(), Some(1), "{first:?}");
    assert!(first.stdout.contains(r#""dead":2"#), "{first:?}");
    let attempts = super::counted(super::lines(&log));
    let wanted = [("bad", 1), ("good", 1), ("worse", 3)].map(|(name, times)| (name.to_owned(), times));
    assert_eq!(attempts, wanted);

    let ledger = format!("sqlite:{}", scratch.join("ledger.db").display());
    let queue = |command: &[&str]| {
        let (verb, rest) = command.split_first().expect("a command has a verb");
        let program = entourage().args(["queue", verb, "--queue", &ledger, "--group", "work", "work"]);
        program.args(rest).start().wait(PATIENCE).succeeded().stdout
    };
    let dead = queue(&["dead"]);
    let (bad, worse) = dead.trim_end().split_once('\n').expect("there are two");
    assert_eq!(bad, "bad\t1\texit status 65: no such customer");
    assert!(worse.starts_with("worse\t3\t"), "{worse}");

    fs::write(cured, "").expect("it can be written");
    assert_eq!(once().wait(PATIENCE).status.code(), Some(1), "they are dead, and nobody tries them");
    assert_eq!(queue(&["redrive", "--all"]), "redriven 2\n");
    let last = once().wait(PATIENCE).succeeded();
    assert!(last.stdout.contains(r#""done":3"#), "{last:?}");
    assert_eq!(super::counted(super::lines(&log))[1], ("good".to_owned(), 1));
}

#[test]
fn q7_a_source_that_talks_nonsense_is_unready_and_said_so_and_asked_again() {
    let scratch = Scratch::new();
    let book = Book::serve(&[("one", "1")]);
    book.talk_nonsense(true);
    let log = scratch.join("log");
    let script = format!(r#"echo "$ENTOURAGE_ITEM" >> "{}""#, log.display());
    let mut running =
        run(&scratch, &book.url()).args(["--admin", "0", "--"]).arg(worker(&scratch, &script)).start();
    let page = Page::of(&running);
    let why = page.is_unready("ItemList");
    assert!(why.contains("the source does not answer"), "{why}");
    book.talk_nonsense(false);
    page.is_ready(true);
    super::has_lines(&log, 1);
    book.add("two", "2");
    assert_eq!(super::has_lines(&log, 2), ["one", "two"]);
    page.shows("entourage_workqueue_attempts_done_total", "work", 2.0);
    let scaling: Value = serde_json::from_str(&page.get("/scaling").body).expect("it is JSON");
    assert_eq!((&scaling["queueLength"], &scaling["parallelism"]), (&0.into(), &1.into()));
    let drawn = page.get("/blueprint").body;
    assert!(drawn.contains("\"sqlite\"") && drawn.contains("\"work\""), "{drawn}");
    running.terminate();
    let ended = running.wait(PATIENCE).succeeded();
    assert!(ended.stderr.contains("does not answer; it is tried again"), "{ended:?}");
    assert!(ended.stdout.lines().last().is_some_and(|line| line.contains(r#""event":"ended""#)), "{ended:?}");
}
