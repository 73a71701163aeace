//! Workers of several steps inside of closures and of each other: whose records, and whose reasons.

use std::{sync::Arc, time::Duration};

use entourage_queue::Item;
use entourage_workqueue::{CommandWorker, Folders, MultiWorker, Outcome, Worker, worker_fn};

use crate::{
    bench::{Bench, attempt, is_retry},
    multi_worker::leaves,
};

#[tokio::test]
async fn two_of_one_name_that_a_closure_calls_do_not_share_what_was_done() {
    let bench = Bench::new();
    let root = bench.path("work");
    let made = || {
        let alike = |line| {
            MultiWorker::new("alike").step("one", leaves(&bench, line)).step("two", leaves(&bench, line))
        };
        let (first, second) = (Arc::new(alike("a")), Arc::new(alike("b")));
        let calls = worker_fn("calls", move |item, attempt| {
            let (first, second) = (Arc::clone(&first), Arc::clone(&second));
            async move {
                for worker in [&first, &second] {
                    assert_eq!(worker.work(&item, &attempt).await, Outcome::Done);
                }
                Outcome::Done
            }
        });
        MultiWorker::new("outer")
            .folders(Folders::kept_under(&root))
            .step("calls", calls)
            .step("never", bench.sh("exit 1"))
    };
    let item = Item::new("an item", "");
    assert!(is_retry(&made().work(&item, &attempt(&item)).await));
    assert_eq!(bench.read("log"), "a\na\nb\nb\n");
}

#[tokio::test]
async fn what_each_of_two_of_one_name_has_done_is_not_done_again() {
    let bench = Bench::new();
    let alike = |line: &str, last: &str| {
        MultiWorker::new("alike").step("one", leaves(&bench, line)).step("two", bench.sh(last))
    };
    let made = || {
        let (first, second) = (Arc::new(alike("a", "exit 0")), Arc::new(alike("b", "exit 1")));
        let calls = worker_fn("calls", move |item, attempt| {
            let (first, second) = (Arc::clone(&first), Arc::clone(&second));
            async move {
                assert_eq!(first.work(&item, &attempt).await, Outcome::Done);
                second.work(&item, &attempt).await
            }
        });
        MultiWorker::new("outer").folders(Folders::kept_under(bench.path("work"))).step("calls", calls)
    };
    let item = Item::new("an item", "");
    for _ in 0..2 {
        let attempt = attempt(&item);
        assert!(is_retry(&made().work(&item, &attempt).await));
        assert_eq!(attempt.explanation().as_deref(), Some("step calls: step two: exit status 1"));
    }
    assert_eq!(bench.read("log"), "a\nb\n");
}

#[tokio::test]
async fn a_retry_says_in_which_step_and_why_and_not_what_an_earlier_step_said() {
    let bench = Bench::new();
    let says = || {
        worker_fn("says", |_, attempt| async move {
            attempt.explain("it is about to be done");
            Outcome::Done
        })
    };
    let item = Item::new("an item", "");
    let work = async |last: CommandWorker| {
        let inner = MultiWorker::new("inner").step("says", says()).step("last", last);
        let attempt = attempt(&item);
        let outcome = MultiWorker::new("outer").step("tag", inner).work(&item, &attempt).await;
        assert!(is_retry(&outcome));
        attempt.explanation().expect("it says why")
    };
    let why = work(bench.sh("for n in 1 2 3 4 5 6 7; do echo line $n >&2; done; exit 3")).await;
    assert_eq!(why, "step tag: step last: exit status 3: line 3 | line 4 | line 5 | line 6 | line 7");
    let why = work(bench.command(CommandWorker::new("/no/such/program"))).await;
    assert!(why.starts_with("step tag: step last: /no/such/program cannot be started: "), "{why}");
    let silent = MultiWorker::new("two")
        .step("says", says())
        .step("silent", worker_fn("silent", |_, _| async { Outcome::Retry(Duration::ZERO) }));
    let attempt = attempt(&item);
    assert!(is_retry(&silent.work(&item, &attempt).await));
    assert_eq!(attempt.explanation(), None);
}
