//! `entourage election` over one SQLite file.

use std::{path::Path, time::Duration};

use entourage_testkit::{Process, Program, Scratch};

use crate::entourage;

const PATIENCE: Duration = Duration::from_secs(30);

/// `entourage election COMMAND` on a store and the name `printer`.
fn election(command: &str, store: &Path) -> Program {
    let url = format!("sqlite:{}", store.display());
    entourage().args(["election", command, "--name", "printer", "--store"]).arg(url)
}

/// A shell script that runs while the name is owned.
fn run(store: &Path, ttl: &str, script: &str) -> Program {
    election("run", store).args(["--ttl", ttl, "--", "sh", "-c", script])
}

fn line(process: &Process, has: &str) -> String {
    process.wait_line(has, |line| line.contains(has), PATIENCE)
}

fn epoch(line: &str) -> u64 {
    line.split_whitespace().last().and_then(|epoch| epoch.parse().ok()).expect("a line ends in an epoch")
}

#[test]
fn a_command_sees_its_fence_and_its_status_is_the_programs() {
    let scratch = Scratch::new();
    let store = scratch.join("state.db");
    let script = "echo \"$ENTOURAGE_FENCE_SCOPE $ENTOURAGE_FENCE_REALM $ETCD_LOCK_KEY $ETCD_LOCK_REV $ENTOURAGE_FENCE\"; exit 7";
    let mut last = 0;
    for _ in 0..2 {
        let finished = run(&store, "10s", script).start().wait(PATIENCE);
        assert_eq!(finished.status.code(), Some(7), "{finished:?}");
        let words: Vec<&str> = finished.stdout.split_whitespace().collect();
        assert_eq!((words[0], words[1].len(), words[3]), ("printer", 32, words[4]), "{words:?}");
        assert!(words[2].starts_with("printer/"), "{words:?}");
        let now = epoch(&finished.stdout);
        assert!(now > last, "{now} comes after {last}");
        last = now;
    }
}

#[test]
fn e1_a_killed_owner_is_followed_with_a_higher_fence() {
    let scratch = Scratch::new();
    let store = scratch.join("state.db");
    // The command outlives a program that is killed, so this one ends by itself.
    let mut first = run(&store, "1s", "echo first $ENTOURAGE_FENCE; exec sleep 20").start();
    let before = epoch(&line(&first, "first"));
    let second = run(&store, "1s", "echo second $ENTOURAGE_FENCE").start();
    first.kill9();
    let after = epoch(&line(&second, "second"));
    assert!(after > before, "{after} comes after {before}");
}

#[test]
fn e4_a_terminated_owner_hands_over_when_its_command_has_ended() {
    let scratch = Scratch::new();
    let store = scratch.join("state.db");
    let script =
        "trap 'echo stopping; sleep 1; echo stopped; exit 0' TERM; echo up; while :; do sleep 0.05; done";
    let mut first = run(&store, "60s", script).start();
    line(&first, "up");
    let mut second = run(&store, "60s", "echo second; date +%s%N").start();
    first.terminate();
    let first = first.wait(PATIENCE);
    assert!(first.status.success() && first.stdout.contains("stopped"), "{first:?}");
    // Long before the time to live has passed.
    let second = second.wait(PATIENCE);
    assert!(second.status.success() && second.stdout.contains("second"), "{second:?}");
}

#[test]
fn who_waits_too_long_is_told_so() {
    let scratch = Scratch::new();
    let store = scratch.join("state.db");
    let mut owner = run(&store, "10s", "echo up; exec sleep 20").start();
    line(&owner, "up");
    let program = election("run", &store).args(["--ttl", "10s", "--wait", "200ms", "--", "true"]);
    let finished = program.start().wait(PATIENCE);
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(finished.stderr.contains("--wait"), "{finished:?}");
    owner.terminate();
    owner.wait(PATIENCE);
}

#[test]
fn what_cannot_work_is_refused_with_status_2_before_anything_is_contacted() {
    let scratch = Scratch::new();
    let store = format!("sqlite:{}", scratch.join("state.db").display());
    for (arguments, says) in [
        (vec!["--store", &store, "--name", "a/b", "--", "true"], "a/b"),
        (vec!["--store", &store, "--name", "a", "--ttl", "1ms", "--", "true"], "100ms"),
        (vec!["--store", &store, "--name", "a", "--ttl", "soon", "--", "true"], "soon"),
        (vec!["--store", "postgres://me:hunter2@a:1", "--name", "a", "--", "true"], "sqlite:PATH"),
        (vec!["--store", &store, "--name", "a"], "COMMAND"),
    ] {
        let program = entourage().args(["election", "run", "--check"]).args(&arguments);
        let finished = program.start().wait(PATIENCE);
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}: {finished:?}");
        let is_told = finished.stderr.contains(says) && !finished.stderr.contains("hunter2");
        assert!(is_told, "{arguments:?}: {finished:?}");
    }
    assert!(!scratch.join("state.db").exists());
}

#[test]
fn observers_see_who_is_elected_and_that_it_resigned() {
    let scratch = Scratch::new();
    let store = scratch.join("state.db");
    let mut observer = election("observe", &store).start();
    line(&observer, r#""event":"vacant""#);
    let mut leader = election("elect", &store).arg("at:8080").start();
    let elected = line(&leader, r#""event":"elected""#);
    assert!(
        elected.contains(r#""value":"at:8080""#) && elected.contains(r#""scope":"printer""#),
        "{elected}"
    );
    line(&observer, r#""value":"at:8080""#);
    leader.terminate();
    assert!(leader.wait(PATIENCE).status.success());
    let seen = |text: String| text.lines().filter(|line| line.contains("vacant")).count() == 2;
    entourage_testkit::eventually(PATIENCE, "it is vacant again", || seen(observer.stdout()).then_some(()));
    observer.terminate();
    assert!(observer.wait(PATIENCE).status.success());
}
