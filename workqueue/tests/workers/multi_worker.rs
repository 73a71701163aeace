//! Several workers as one.

use std::{
    env, fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use entourage_core::{Moment, Shutdown};
use entourage_queue::Item;
use entourage_testkit::{Program, eventually};
use entourage_workqueue::{CommandWorker, Folders, MultiWorker, Outcome, Worker, worker_fn};

use crate::bench::{Bench, DEADLINE, attempt, attempt_at, is_gone, is_retry};

/// A step that leaves a line in `log` of the item's folder, and in `$OUT/log`.
pub(crate) fn leaves(bench: &Bench, line: &str) -> CommandWorker {
    bench.sh(&format!(r#"echo {line} >> log; echo {line} >> "$OUT/log""#))
}

#[tokio::test]
async fn steps_run_in_order_and_share_the_items_folder() {
    let bench = Bench::new();
    let out = bench.path("seen");
    let worker = MultiWorker::new("three")
        .step("sh", leaves(&bench, "one"))
        .step(
            "closure",
            worker_fn("closure", move |item, attempt| {
                let out = out.clone();
                async move {
                    let folder = attempt.folder().expect("steps have a folder");
                    let seen = fs::read_to_string(folder.join("log")).unwrap();
                    fs::write(out, format!("{seen}{}", item.id())).unwrap();
                    fs::write(folder.join("log"), format!("{seen}two\n")).unwrap();
                    Outcome::Done
                }
            }),
        )
        .step("python", bench.python("assert open('log').read() == 'one\\ntwo\\n'"));
    let item = Item::new("an item", "data");
    assert_eq!(worker.work(&item, &attempt(&item)).await, Outcome::Done, "{:?}", bench.last());
    assert_eq!(bench.read("seen"), "one\nan item");
    let done: Vec<_> = worker.counts().into_iter().map(|counts| (counts.step, counts.done)).collect();
    assert_eq!(done, [("sh".into(), 1), ("closure".into(), 1), ("python".into(), 1)]);
}

#[tokio::test]
async fn the_first_step_that_is_not_done_decides_and_is_named() {
    let bench = Bench::new();
    let worker = MultiWorker::new("two")
        .step("tag", bench.sh("echo no faces >&2; exit 65"))
        .step("blur", leaves(&bench, "blurred"));
    let item = Item::new("an item", "data");
    let outcome = worker.work(&item, &attempt(&item)).await;
    assert_eq!(outcome, Outcome::Dead("step tag: exit status 65: no faces".into()));
    assert!(!bench.path("log").exists());
    let [tag, blur] = worker.counts().try_into().unwrap();
    assert_eq!((tag.dead, blur.done), (1, 0));
}

#[tokio::test]
async fn what_an_earlier_attempt_has_done_is_not_done_again() {
    let bench = Bench::new();
    let root = bench.path("work");
    let made = || {
        MultiWorker::new("three")
            .folders(Folders::kept_under(&root))
            .step("one", leaves(&bench, "one"))
            .step("two", leaves(&bench, "two"))
            .step("three", bench.sh(r#"echo three >> "$OUT/log"; [ "$ENTOURAGE_ATTEMPT" = 3 ]"#))
    };
    let item = Item::new("an item", "data");
    for number in 1..=3 {
        // Each by another worker, as after a restart.
        let worker = made();
        let outcome = worker.work(&item, &attempt_at(&item, number, Moment::NEVER, &Shutdown::new())).await;
        assert_eq!(outcome == Outcome::Done, number == 3);
        let resumed: Vec<_> = worker.counts().iter().map(|counts| counts.resumed).collect();
        assert_eq!(resumed, if number == 1 { [0, 0, 0] } else { [1, 1, 0] });
    }
    assert_eq!(bench.read("log"), "one\ntwo\nthree\nthree\nthree\n");
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "the folder is gone when the item is done");
}

#[tokio::test]
async fn a_step_is_done_again_when_what_it_was_made_of_has_changed() {
    let bench = Bench::new();
    let root = bench.path("work");
    let made = |version: &str| {
        MultiWorker::new("three")
            .folders(Folders::kept_under(&root))
            .step("one", leaves(&bench, "one"))
            .step_of_version("two", version, leaves(&bench, "two"))
            .step("three", leaves(&bench, "three"))
            .step("never", bench.sh("exit 1"))
    };
    let work = async |version: &str, payload: &'static str| {
        drop(fs::remove_file(bench.path("log")));
        let item = Item::new("an item", payload);
        assert!(is_retry(&made(version).work(&item, &attempt(&item)).await));
        fs::read_to_string(bench.path("log")).unwrap_or_default()
    };
    assert_eq!(work("1", "data").await, "one\ntwo\nthree\n");
    assert_eq!(work("1", "data").await, "");
    assert_eq!(work("2", "data").await, "two\nthree\n", "what was made of it is made again");
    assert_eq!(work("1", "data").await, "two\nthree\n", "what was made before is gone");
    assert_eq!(work("1", "other").await, "one\ntwo\nthree\n");
}

#[tokio::test]
async fn a_later_step_is_not_believed_when_an_earlier_one_is_done_anew_and_then_fails() {
    let bench = Bench::new();
    let fails = Arc::new(AtomicU32::new(0));
    let made = |version: &str| {
        let fails = Arc::clone(&fails);
        let maybe = worker_fn("maybe", move |_, _| {
            let outcome = match fails.load(Ordering::Relaxed) {
                0 => Outcome::Done,
                _ => Outcome::Retry(Duration::ZERO),
            };
            async { outcome }
        });
        MultiWorker::new("three")
            .folders(Folders::kept_under(bench.path("work")))
            .step_of_version("one", version, maybe)
            .step("two", leaves(&bench, "two"))
            .step("never", bench.sh("exit 1"))
    };
    let item = Item::new("an item", "");
    for (version, fail, log) in [("1", 0, "two\n"), ("2", 1, "two\n"), ("1", 0, "two\ntwo\n")] {
        fails.store(fail, Ordering::Relaxed);
        assert!(is_retry(&made(version).work(&item, &attempt(&item)).await));
        assert_eq!(bench.read("log"), log, "version {version}");
    }
}

#[tokio::test]
async fn without_kept_folders_no_step_outlasts_its_attempt() {
    let bench = Bench::new();
    let worker = MultiWorker::new("two").step("one", leaves(&bench, "one")).step("two", bench.sh("exit 1"));
    let item = Item::new("an item", "");
    for _ in 0..2 {
        assert!(is_retry(&worker.work(&item, &attempt(&item)).await));
    }
    assert_eq!(bench.read("log"), "one\none\n");
}

#[tokio::test]
async fn q4_a_step_after_the_cancellation_is_not_begun() {
    let bench = Bench::new();
    let shutdown = Shutdown::new();
    let stopping = shutdown.clone();
    let stops = worker_fn("stops", move |_, _| {
        stopping.stop();
        async { Outcome::Done }
    });
    let worker = MultiWorker::new("two")
        .folders(Folders::kept_under(bench.path("work")))
        .step("stops", stops)
        .step("closure", worker_fn("closure", |_, _| async { Outcome::Dead("it was begun".into()) }));
    let item = Item::new("an item", "");
    let outcome = worker.work(&item, &attempt_at(&item, 1, Moment::NEVER, &shutdown)).await;
    assert_eq!(outcome, Outcome::Interrupted);
    assert_eq!(worker.counts()[0].done, 1);
}

#[tokio::test]
async fn a_multi_worker_is_a_step_of_another_in_the_same_folder() {
    let bench = Bench::new();
    let inner =
        MultiWorker::new("inner").step("one", leaves(&bench, "one")).step("two", leaves(&bench, "two"));
    let outer = MultiWorker::new("outer")
        .folders(Folders::kept_under(bench.path("work")))
        .step("inner", inner)
        .step("count", bench.sh(r#"[ "$(wc -l < log)" = 2 ] && exit "$((ENTOURAGE_ATTEMPT == 1))""#));
    let item = Item::new("an item", "");
    assert!(is_retry(&outer.work(&item, &attempt(&item)).await));
    let second = attempt_at(&item, 2, Moment::NEVER, &Shutdown::new());
    assert_eq!(outer.work(&item, &second).await, Outcome::Done, "{:?}", bench.last());
    assert_eq!(bench.read("log"), "one\ntwo\n");
}

#[tokio::test]
async fn two_multi_workers_of_one_name_do_not_share_what_was_done() {
    let bench = Bench::new();
    let inner = |line| {
        let twice = MultiWorker::new("inner").step("one", leaves(&bench, line));
        MultiWorker::new("inner").step("twice", twice).step("two", leaves(&bench, line))
    };
    let outer = MultiWorker::new("inner")
        .folders(Folders::kept_under(bench.path("work")))
        .step("first", inner("a"))
        .step("second", inner("b"));
    let item = Item::new("an item", "");
    assert_eq!(outer.work(&item, &attempt(&item)).await, Outcome::Done, "{:?}", bench.last());
    assert_eq!(bench.read("log"), "a\na\nb\nb\n");
}

#[tokio::test]
async fn an_inner_step_is_done_again_when_an_outer_one_has_changed() {
    let bench = Bench::new();
    let made = |one: &str, two: &str| {
        let inner =
            MultiWorker::new("inner").step("kept", leaves(&bench, "kept")).step("never", bench.sh("exit 1"));
        MultiWorker::new("outer")
            .folders(Folders::kept_under(bench.path("work")))
            .step_of_version("one", one, bench.sh(r#"echo one >> "$OUT/log"; [ ! -e "$OUT/fails" ]"#))
            .step_of_version("inner", two, inner)
    };
    let item = Item::new("an item", "");
    let work = async |one: &str, two: &str| {
        drop(fs::remove_file(bench.path("log")));
        assert!(is_retry(&made(one, two).work(&item, &attempt(&item)).await));
        fs::read_to_string(bench.path("log")).unwrap_or_default()
    };
    assert_eq!(work("1", "1").await, "one\nkept\n");
    assert_eq!(work("1", "1").await, "", "what was done inside is believed");
    assert_eq!(work("1", "2").await, "kept\n", "its own step has changed");
    assert_eq!(work("2", "2").await, "one\nkept\n", "an earlier step has changed");
    fs::write(bench.path("fails"), "").unwrap();
    assert_eq!(work("3", "2").await, "one\n");
    fs::remove_file(bench.path("fails")).unwrap();
    assert_eq!(work("2", "2").await, "one\nkept\n", "an earlier step was made anew in between");
}

/// Two steps, with `out` as a directory that outlasts them; the first attempt stays in the second.
fn two_steps(bench: &Bench, out: &Path) -> MultiWorker {
    // More than a pipe holds: it is read once the guard was told, and then this goes on.
    let second = r#"[ "$(cat log)" = one ] || exit 65; [ "$ENTOURAGE_ATTEMPT" = 2 ] && exit 0
        head -c 200000 /dev/zero; echo $$ > "$OUT/group"; sleep 100"#;
    MultiWorker::new("two")
        .folders(Folders::kept_under(out.join("work")))
        .step("one", leaves(bench, "one").env("OUT", out))
        .step("two", bench.sh(second).env("OUT", out))
}

/// What the test below kills; by itself it does nothing.
#[tokio::test]
async fn the_program_that_is_killed_between_steps() {
    let Some(out) = env::var_os("ENTOURAGE_TEST_STEPS") else { return };
    let bench = Bench::new();
    let item = Item::new("an item", "data");
    let worker = two_steps(&bench, Path::new(&out));
    drop(worker.work(&item, &attempt(&item)).await);
}

#[tokio::test]
async fn a_program_that_is_killed_between_steps_goes_on_behind_the_last() {
    let bench = Bench::new();
    let mut program = Program::this_test()
        .args(["--exact", "multi_worker::the_program_that_is_killed_between_steps", "--nocapture"])
        .env("ENTOURAGE_TEST_STEPS", bench.scratch.path())
        .env("TMPDIR", bench.scratch.path())
        .start();
    let path = bench.path("group");
    let id = eventually(DEADLINE, "the second step runs", || Bench::number_in(&path));
    program.kill9();
    is_gone(id);
    let item = Item::new("an item", "data");
    let worker = two_steps(&bench, bench.scratch.path());
    let second = attempt_at(&item, 2, Moment::NEVER, &Shutdown::new());
    assert_eq!(worker.work(&item, &second).await, Outcome::Done, "{:?}", bench.last());
    assert_eq!(bench.read("log"), "one\n");
    assert_eq!(worker.counts()[0].resumed, 1);
}
