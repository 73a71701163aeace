//! Nothing that a command started is left, however it ended.

use std::{
    env,
    future::{Future, poll_fn},
    pin::pin,
    process::{self, Command},
    task::Poll,
};

use entourage_core::{Moment, Shutdown};
use entourage_queue::Item;
use entourage_testkit::{Program, eventually, eventually_async};
use entourage_workqueue::{CommandWorker, Ended, Outcome, Worker};

use crate::bench::{Bench, DEADLINE, attempt, attempt_at, group, is_gone, is_retry};

#[tokio::test]
async fn what_a_command_leaves_behind_is_ended_with_it() {
    let bench = Bench::new();
    let worker = bench.sh(r#"echo $$ > "$OUT/group"; (trap '' TERM HUP; sleep 100) & sleep 100 & exit 0"#);
    let report = bench.once(&worker).await;
    assert_eq!(report.outcome, Outcome::Done);
    assert_eq!(group(Bench::number_in(&bench.path("group")).expect("it ran")), []);
}

#[tokio::test]
async fn a_crowd_of_processes_that_ignore_sigterm_is_ended() {
    let bench = Bench::new();
    let script = r#"
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
# 2 ** 6 processes.
for _ in range(6):
    os.fork()
open(os.environ["OUT"] + "/one-%d" % os.getpid(), "w").close()
if os.getpgrp() == os.getpid():
    while sum(name.startswith("one-") for name in os.listdir(os.environ["OUT"])) < 64:
        time.sleep(0.01)
    open(os.environ["OUT"] + "/group", "w").write("%d\n" % os.getpid())
time.sleep(100)
"#;
    let worker = bench.python(script);
    let item = Item::new("an item", "");
    let shutdown = Shutdown::new();
    let attempt = attempt_at(&item, 1, Moment::NEVER, &shutdown);
    let stopping = async {
        let path = bench.path("group");
        let id = eventually_async(DEADLINE, "all run", async || Bench::number_in(&path)).await;
        let many = group(id).len();
        shutdown.stop();
        (id, many)
    };
    let (outcome, (id, many)) = tokio::join!(worker.work(&item, &attempt), stopping);
    assert_eq!(outcome, Outcome::Interrupted);
    assert_eq!(many, 64);
    assert_eq!(group(id), []);
}

#[tokio::test]
async fn a_command_that_closes_its_outputs_has_not_ended() {
    let bench = Bench::new();
    let worker = bench.sh(r#"echo said; exec >&- 2>&-; sleep 1; touch "$OUT/late"; exit 65"#);
    let report = bench.once(&worker).await;
    assert_eq!(report.ended, Ended::Exited(65));
    assert_eq!(report.stdout.to_string(), "said\n");
    assert!(bench.path("late").exists());
}

#[tokio::test]
async fn who_left_the_group_keeps_no_attempt_waiting() {
    let bench = Bench::new();
    // It holds the output open, and is on its own: the page says so. It ends by itself.
    let worker = bench
        .sh(r#"setsid sh -c 'echo $$ > "$OUT/group"; while [ ! -e "$OUT/end" ]; do sleep 0.05; done' & 
        while [ ! -s "$OUT/group" ]; do sleep 0.01; done; echo said"#);
    let report = bench.once(&worker).await;
    assert_eq!(report.outcome, Outcome::Done);
    assert_eq!(report.stdout.to_string(), "said\n");
    let id = Bench::number_in(&bench.path("group")).expect("it ran");
    assert!(!group(id).is_empty());
    std::fs::write(bench.path("end"), "").unwrap();
    is_gone(id);
}

#[tokio::test]
async fn a_dropped_attempt_leaves_no_orphan_and_no_zombie() {
    let bench = Bench::new();
    let worker = bench.sh(r#"trap '' TERM; (trap '' TERM; sleep 100) & echo $$ > "$OUT/group"; wait"#);
    let item = Item::new("an item", "");
    let attempt = attempt(&item);
    let id = {
        let mut working = pin!(worker.work(&item, &attempt));
        let path = bench.path("group");
        eventually_async(DEADLINE, "the command runs", async || {
            let polled = poll_fn(|context| Poll::Ready(working.as_mut().poll(context))).await;
            assert!(polled.is_pending());
            Bench::number_in(&path)
        })
        .await
    };
    is_gone(id);
}

#[tokio::test]
async fn a_command_that_wants_too_much_memory_fails_and_the_program_does_not() {
    let bench = Bench::new();
    // The limit is set when the command runs already.
    let script = "
import resource, time
while resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY: time.sleep(0.01)
x = bytearray(1 << 30)
print(len(x))
";
    let report = bench.once(&bench.python(script).memory_limit(256 << 20).time_limit(DEADLINE)).await;
    assert!(is_retry(&report.outcome), "{report:?}");
    assert_eq!(report.stderr.last_line().as_deref(), Some("MemoryError"));
    let report = bench.once(&bench.python("print(1)").memory_limit(256 << 20)).await;
    assert_eq!(report.outcome, Outcome::Done, "{report:?}");
}

/// What the tests below kill; by itself it does nothing.
#[tokio::test]
async fn the_program_that_is_killed() {
    let Some(out) = env::var_os("ENTOURAGE_TEST_OUT") else { return };
    // More than a pipe holds: it is read once the guard was told, and then this goes on.
    let script = r#"[ -e "$OUT/first" ] || { touch "$OUT/first"; exit 0; }
        trap '' TERM HUP; head -c 200000 /dev/zero; sleep 100 & echo $$ > "$OUT/group"; wait; sleep 100"#;
    let worker = CommandWorker::new("sh").args(["-c", script]).env("OUT", out);
    let item = Item::new("an item", "");
    assert_eq!(worker.work(&item, &attempt(&item)).await, Outcome::Done);
    if env::var_os("ENTOURAGE_TEST_UNGUARDED").is_some() {
        let ours = process::id().to_string();
        let guards = Command::new("pgrep").args(["-P", &ours, "-f", "read -r sign group"]).output().unwrap();
        let guards = String::from_utf8(guards.stdout).unwrap();
        assert_eq!(guards.lines().count(), 1);
        assert!(Command::new("kill").args(["-s", "KILL", guards.trim()]).status().unwrap().success());
        eventually(DEADLINE, "the guard is dead", || {
            group(guards.trim().parse().unwrap()).iter().all(|(_, state)| state == "Z").then_some(())
        });
    }
    drop(worker.work(&item, &attempt(&item)).await);
}

fn killed(program: Program) {
    let bench = Bench::new();
    let mut program = program
        .args(["--exact", "groups::the_program_that_is_killed", "--nocapture"])
        .env("ENTOURAGE_TEST_OUT", bench.scratch.path())
        .env("TMPDIR", bench.scratch.path())
        .start();
    let path = bench.path("group");
    let id = eventually(DEADLINE, "the command runs", || {
        assert!(program.is_running(), "{}{}", program.stdout(), program.stderr());
        Bench::number_in(&path)
    });
    assert_eq!(group(id).len(), 2);
    program.kill9();
    is_gone(id);
}

#[test]
fn a_program_that_is_killed_leaves_no_command() {
    killed(Program::this_test());
}

#[test]
fn a_guard_that_was_killed_is_replaced() {
    killed(Program::this_test().env("ENTOURAGE_TEST_UNGUARDED", "1"));
}
