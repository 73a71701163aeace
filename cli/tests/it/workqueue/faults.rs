//! Ledgers and sources that are not there.

use std::fs;

use entourage_testkit::{Redis, Requirement, Scratch};

use super::{PATIENCE, has_lines, lines, run_files, worker};
use crate::{entourage, page::Page};

#[test]
fn q7_a_ledger_that_is_away_is_unready_and_tried_again() {
    if !Requirement::from(Redis::available()).is_met("redis") {
        return;
    }
    let scratch = Scratch::new();
    super::files(&scratch, 2);
    let log = scratch.join("log");
    let worker = worker(&scratch, &format!(r#"echo "$ENTOURAGE_ITEM" >> "{}""#, log.display()));
    let mut redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    redis.kill9();
    let source = format!("dir:{}", scratch.join("inbox").display());
    let program =
        entourage().args(["workqueue", "run", "--settle", "0s", "--name", "work", "--interval", "200ms"]);
    let program = program.args(["--admin", "0", "--source", &source]);
    let ledger = format!("redis://{}/jobs", redis.endpoint());
    let mut running = program.args(["--ledger", &ledger, "--"]).arg(&worker).start();
    let page = Page::of(&running);
    let why = page.is_unready("cannot be opened");
    assert!(why.contains("/jobs"), "{why}");
    assert_eq!(page.get("/livez").status, 200);
    redis.restart();
    page.is_ready(true);
    has_lines(&log, 2);
    redis.kill9();
    page.is_unready("the ledger does not answer");
    redis.restart();
    page.is_ready(true);
    super::files(&scratch, 3);
    assert_eq!(has_lines(&log, 3).len(), 3);
    running.terminate();
    let _ = running.wait(PATIENCE).succeeded();
    assert_eq!(lines(&log).len(), 3, "each once");
}

#[test]
fn q7_a_ledger_that_was_emptied_ends_the_program_and_says_so() {
    if !Requirement::from(Redis::available()).is_met("redis") {
        return;
    }
    let scratch = Scratch::new();
    super::files(&scratch, 1);
    let log = scratch.join("log");
    let worker = worker(&scratch, &format!(r#"echo "$ENTOURAGE_ITEM" >> "{}""#, log.display()));
    let redis = Redis::start();
    let source = format!("dir:{}", scratch.join("inbox").display());
    let ledger = format!("redis://{}/jobs", redis.endpoint());
    let program = entourage().args(["workqueue", "run", "--settle", "0s", "--name", "work"]);
    let program = program.args(["--source", &source, "--ledger", &ledger, "--"]).arg(&worker);
    let mut running = program.start();
    has_lines(&log, 1);
    redis.cli(["FLUSHALL"]);
    let ended = running.wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("the ledger is not what it was"), "{ended:?}");
    let mut running = program.start();
    assert_eq!(has_lines(&log, 2), ["1", "1"], "a new ledger knows of nothing");
    running.terminate();
    let _ = running.wait(PATIENCE).succeeded();
}

#[test]
fn a_directory_that_is_not_there_is_waited_for_and_once_refuses_it() {
    let scratch = Scratch::new();
    let refused = run_files(&scratch).args(["--once", "--", "true"]).start().wait(PATIENCE);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("inbox cannot be read"), "{refused:?}");
    let mut running = run_files(&scratch).args(["--admin", "0", "--", "true"]).start();
    let page = Page::of(&running);
    page.is_unready("inbox cannot be asked now");
    super::files(&scratch, 1);
    page.is_ready(true);
    page.shows("entourage_workqueue_attempts_done_total", "work", 1.0);
    running.terminate();
    let _ = running.wait(PATIENCE).succeeded();
}

#[test]
fn a_worker_that_hangs_is_ended_at_its_time_limit() {
    let scratch = Scratch::new();
    super::files(&scratch, 1);
    let hangs = run_files(&scratch).args(["--once", "--time-limit", "400ms", "--kill-grace", "100ms"]);
    let ended = hangs.args(["--retries", "0", "--", "sleep", "600"]).start().wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.contains(r#""dead":1"#), "{ended:?}");
}

#[test]
fn names_that_no_item_can_have_are_told_and_are_not_done() {
    let scratch = Scratch::new();
    super::files(&scratch, 1);
    fs::write(scratch.join("inbox/line\nfeed"), "").expect("it can be written");
    let ended = run_files(&scratch).args(["--once", "--", "true"]).start().wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.contains(r#""done":1"#) && ended.stdout.contains(r#""skipped":1"#), "{ended:?}");
}
