//! Flags that say how an item is worked on.

use entourage_testkit::Scratch;

use super::{PATIENCE, counted, lines, run, run_files, worker};
use crate::book::Book;

#[test]
fn exit_statuses_mean_what_the_flags_say() {
    let scratch = Scratch::new();
    let book = Book::serve(&[("done", "3"), ("dead", "9"), ("again", "75")]);
    let log = scratch.join("log");
    let script = format!(
        r#"echo "$ENTOURAGE_ITEM" >> "{}"
        [ "$ENTOURAGE_ITEM $ENTOURAGE_ATTEMPT" = "again 2" ] || exit "$(cat "$WORK_ITEM_FILE")""#,
        log.display()
    );
    let policy = ["--once", "--exit-done", "0,3", "--exit-retry", "75", "--parallelism", "auto", "--"];
    let ended = run(&scratch, &book.url()).args(policy).arg(worker(&scratch, &script)).start().wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.contains(r#""dead":1,"done":2"#), "{ended:?}");
    let wanted = [("dead", 1), ("done", 1), ("again", 2)].map(|(name, times)| (name.to_owned(), times));
    assert_eq!(counted(lines(&log)), wanted);
}

#[test]
fn a_memory_limit_is_that_of_the_command() {
    let scratch = Scratch::new();
    super::files(&scratch, 1);
    // It is set right after the start.
    let script = r#"until [ "$(ulimit -v)" = 524288 ]; do sleep 0.01; done"#;
    let limited = run_files(&scratch).args(["--once", "--memory-limit", "512MiB", "--time-limit", "20s"]);
    let ended = limited.args(["--retries", "0", "--", "sh", "-c", script]).start().wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn a_command_does_not_see_where_the_ledger_and_the_queue_are() {
    let scratch = Scratch::new();
    super::files(&scratch, 1);
    let secret = ["LEDGER", "QUEUE", "SOURCE"].iter().fold(run_files(&scratch), |program, name| {
        program.env(format!("ENTOURAGE_{name}"), "redis://me:hunter2@a")
    });
    let looks = ["--once", "--retries", "0", "--", "sh", "-c", "! env | grep -q hunter2"];
    let _ = secret.args(looks).start().wait(PATIENCE).succeeded();
}
