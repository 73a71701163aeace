//! How a command ends, and what it means.

use std::time::Duration;

use entourage_core::{Moment, Shutdown};
use entourage_queue::Item;
use entourage_testkit::eventually_async;
use entourage_workqueue::{CommandWorker, Ended, ExitPolicy, Outcome, Worker};

use crate::bench::{Bench, DEADLINE, attempt, attempt_at, group, in_time, is_gone, is_retry};

#[tokio::test]
async fn an_exit_status_means_what_the_policy_says() {
    let bench = Bench::new();
    for status in [1, 2, 64, 75, 126, 127, 255] {
        let report = bench.once(&bench.sh(&format!("exit {status}"))).await;
        assert!(is_retry(&report.outcome), "{report:?}");
        assert_eq!(report.ended, Ended::Exited(status));
    }
    let report = bench.once(&bench.sh("echo first >&2; echo not a video >&2; exit 65")).await;
    assert_eq!(report.outcome, Outcome::Dead("exit status 65: not a video".into()));
    let policy = ExitPolicy::new().done([0, 1]).dead([2]);
    let report = bench.once(&bench.sh("exit 1").exit_policy(policy.clone())).await;
    assert_eq!(report.outcome, Outcome::Done);
    let report = bench.once(&bench.sh("exit 2").exit_policy(policy)).await;
    assert_eq!(report.outcome, Outcome::Dead("exit status 2".into()));
}

#[tokio::test]
async fn an_attempt_that_is_to_be_repeated_says_how_it_ended_and_what_was_said_last() {
    let bench = Bench::new();
    let item = Item::new("an item", "");
    let said = async |script: &str| {
        let attempt = attempt(&item);
        let outcome = bench.sh(script).time_limit(Duration::from_secs(20)).work(&item, &attempt).await;
        (is_retry(&outcome), attempt.explanation())
    };
    let retry = |why: &str| (true, Some(why.to_owned()));
    assert_eq!(
        said("echo no; echo first >&2; echo last >&2; exit 1").await,
        retry("exit status 1: first | last")
    );
    assert_eq!(said("exit 75").await, retry("exit status 75"));
    assert_eq!(said("echo a >&2; kill -s SEGV $$; sleep 60").await, retry("ended by signal 11: a"));
    assert_eq!(said("exit 0").await, (false, None));
    let (_, long) = said("head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; exit 1").await;
    let long = long.unwrap();
    assert!(long.chars().count() == 1000 && long.ends_with(" | end"), "{} {long}", long.len());
}

#[tokio::test]
async fn a_crash_is_tried_again() {
    let bench = Bench::new();
    for (name, signal) in [("KILL", 9), ("SEGV", 11), ("ABRT", 6), ("TERM", 15)] {
        let report = bench.once(&bench.sh(&format!("kill -s {name} $$; sleep 60"))).await;
        assert!(is_retry(&report.outcome), "{report:?}");
        assert_eq!(report.ended, Ended::Signalled(signal));
    }
}

#[tokio::test]
async fn q4_who_is_asked_to_end_with_its_program_is_interrupted() {
    let bench = Bench::new();
    let item = Item::new("an item", "");
    for script in ["kill -s TERM $$; sleep 60", "exit 143", "kill -s INT $$; sleep 60"] {
        let shutdown = Shutdown::new();
        shutdown.drain();
        let outcome = bench.sh(script).work(&item, &attempt_at(&item, 1, Moment::NEVER, &shutdown)).await;
        assert_eq!(outcome, Outcome::Interrupted, "{script}");
    }
    let policy = ExitPolicy::new().done([0, 130]).dead([143]);
    for (script, wanted) in [
        ("exit 130", Outcome::Done),
        ("exit 143", Outcome::Dead("exit status 143".into())),
        ("exit 129", Outcome::Interrupted),
    ] {
        let shutdown = Shutdown::new();
        shutdown.drain();
        let worker = bench.sh(script).exit_policy(policy.clone());
        let outcome = worker.work(&item, &attempt_at(&item, 1, Moment::NEVER, &shutdown)).await;
        assert_eq!(outcome, wanted, "{script}: what is listed stays what it means");
    }
    let shutdown = Shutdown::new();
    shutdown.drain();
    let outcome = bench.sh("exit 1").work(&item, &attempt_at(&item, 1, Moment::NEVER, &shutdown)).await;
    assert!(is_retry(&outcome), "a failure is one while the program ends too");
}

#[tokio::test]
async fn q4_a_cancelled_command_burns_no_retry_however_it_ends() {
    for end in ["exit 0", "exit 1", "exit 65", "exit 75", "kill -s KILL $$", ":"] {
        let bench = Bench::new();
        let script = format!(
            r#"trap 'echo asked > "$OUT/asked"; {end}' TERM; echo $$ > "$OUT/group"; while :; do sleep 0.05; done"#
        );
        // Who goes on is killed; the others have all the time to end as they do.
        let grace = Duration::from_secs(if end == ":" { 3 } else { 60 });
        let worker = bench.sh(&script).grace(grace);
        let shutdown = Shutdown::new();
        let item = Item::new("an item", "");
        let attempt = attempt_at(&item, 1, Moment::NEVER, &shutdown);
        let stopping = async {
            let number = eventually_async(DEADLINE, "the command runs", async || {
                Bench::number_in(&bench.path("group"))
            })
            .await;
            shutdown.stop();
            number
        };
        let (outcome, id) = tokio::join!(worker.work(&item, &attempt), stopping);
        assert_eq!(outcome, Outcome::Interrupted, "after {end}");
        assert_eq!(bench.read("asked"), "asked\n", "it had SIGTERM");
        assert_eq!(group(id), []);
    }
}

#[tokio::test]
async fn q4_what_is_cancelled_before_it_begins_does_not_begin() {
    let bench = Bench::new();
    let shutdown = Shutdown::new();
    shutdown.stop();
    let item = Item::new("an item", "");
    let outcome =
        bench.sh(r#"touch "$OUT/begun""#).work(&item, &attempt_at(&item, 1, Moment::NEVER, &shutdown)).await;
    assert_eq!(outcome, Outcome::Interrupted);
    assert!(!bench.path("begun").exists());
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_and_tried_again() {
    let bench = Bench::new();
    let worker =
        bench.sh(r#"echo $$ > "$OUT/group"; echo begun; sleep 100"#).time_limit(Duration::from_secs(5));
    let report = bench.once(&worker).await;
    assert!(is_retry(&report.outcome), "{report:?}");
    assert_eq!(report.ended, Ended::OutOfTime);
    assert_eq!(report.stdout.to_string(), "begun\n", "what it said is told");
    is_gone(Bench::number_in(&bench.path("group")).expect("it ran"));
}

#[tokio::test]
async fn a_command_has_ended_before_its_item_is_anothers() {
    let bench = Bench::new();
    let worker = bench
        .sh(r#"trap '' TERM; echo $$ > "$OUT/group"; while :; do sleep 0.1; done"#)
        .grace(Duration::from_secs(60));
    let item = Item::new("an item", "");
    let attempt = attempt_at(&item, 1, in_time(Duration::from_secs(4)), &Shutdown::new());
    let outcome = worker.work(&item, &attempt).await;
    assert!(is_retry(&outcome));
    assert_eq!(bench.last().ended, Ended::OutOfTime);
    assert_eq!(group(Bench::number_in(&bench.path("group")).expect("it ran")), []);
}

#[tokio::test]
async fn a_command_that_cannot_be_started_is_tried_again_with_the_reason() {
    let bench = Bench::new();
    let text = bench.path("text");
    std::fs::write(&text, "no program").unwrap();
    for program in ["no-such-program".into(), text, bench.scratch.path().to_owned()] {
        let report = bench.once(&bench.command(CommandWorker::new(&program))).await;
        assert!(is_retry(&report.outcome), "{report:?}");
        let Ended::NotStarted(why) = report.ended else { panic!("{:?}", report.ended) };
        assert!(why.starts_with(&format!("{} cannot be started: ", program.display())), "{why}");
    }
}
