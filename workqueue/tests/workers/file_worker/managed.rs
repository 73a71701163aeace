//! The whole: a source, a manager that is told to end, another one, and what they made.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use entourage_core::Shutdown;
use entourage_queue::{MemoryQueue, Queue};
use entourage_testkit::eventually_async;
use entourage_workqueue::{
    DirectorySource, FileWorker, FromNames, ItemData, Script, WorkQueue, WorkQueueOptions,
};

use super::{
    COPIES, content,
    server::{Reply, Server, Stop, file},
    work, worker,
};
use crate::bench::{Bench, DEADLINE};

fn options() -> WorkQueueOptions {
    WorkQueueOptions::new()
        .with_parallelism(2)
        .with_backoff(Duration::from_millis(1), Duration::from_millis(10))
}

#[tokio::test]
async fn a_folder_of_files_goes_through_a_script_into_another_folder() {
    let bench = Bench::new();
    let [media, outputs] = ["media", "outputs"].map(|name| bench.path(name));
    fs::create_dir(&media).unwrap();
    fs::create_dir(&outputs).unwrap();
    for name in ["a b.bin", "c", "d%20e"] {
        fs::write(media.join(name), name).unwrap();
    }
    let worker = FileWorker::new(Script::text(COPIES).unwrap())
        .with_root(&media)
        .with_output_folder(&outputs)
        .with_command(|command| command.env("OUT", bench.scratch.path()));
    let done = worker.counters().counter("outputs_sent_total");
    let source = DirectorySource::new(&media).unwrap().with_settle(Duration::ZERO);
    let manager = WorkQueue::new("files", source, MemoryQueue::new(), worker).with_options(options());
    let shutdown = Shutdown::new();
    let watching = async {
        eventually_async(DEADLINE, "all are done", async || (done.value() == 3).then_some(())).await;
        shutdown.drain();
    };
    let (ended, ()) = tokio::join!(Box::pin(manager.run(&shutdown)), watching);
    ended.unwrap();
    let mut copies: Vec<_> = fs::read_dir(&outputs)
        .unwrap()
        .map(|folder| fs::read_to_string(folder.unwrap().path().join("copy")).unwrap())
        .collect();
    copies.sort();
    assert_eq!(copies, ["a b.bin", "c", "d%20e"]);
}

#[tokio::test]
async fn q4_a_manager_that_is_stopped_in_a_fetch_burns_no_attempt_and_the_next_goes_on() {
    let bench = Bench::new();
    let gets = AtomicUsize::new(0);
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" if gets.fetch_add(1, Ordering::Relaxed) == 0 => {
            file(seen, &content(2_000_000), "\"a\"").stopping(1_000_000, Stop::Hang)
        }
        "GET" => file(seen, &content(2_000_000), "\"a\""),
        _ => Reply::status(200),
    })
    .await;
    let url = format!("http://{}/a", server.address);
    let source = || {
        let url = url.clone();
        FromNames::from_iter(["x"]).with_data(move |_| ItemData::new(url.clone()).ok())
    };
    let queue = MemoryQueue::new();
    // One manager ends in the middle of the fetch, the next when all is done.
    for (counter, least) in [("fetched_bytes_total", 500_000), ("outputs_sent_total", 1)] {
        let worker = worker(&bench, &server, COPIES);
        let reached = worker.counters().counter(counter);
        let manager = WorkQueue::new("files", source(), queue.clone(), worker).with_options(options());
        let shutdown = Shutdown::new();
        let watching = async {
            eventually_async(DEADLINE, counter, async || (reached.value() >= least).then_some(())).await;
            shutdown.drain();
            if least > 1 {
                shutdown.stop();
            }
        };
        let (ended, ()) = tokio::join!(Box::pin(manager.run(&shutdown)), watching);
        ended.unwrap();
    }
    let asked = server.seen("GET");
    assert_eq!(asked.len(), 2);
    assert!(asked[1].header("range").is_some(), "it goes on");
    assert_eq!(server.puts(), ["/out/x/copy"]);
    assert!(server.seen("PUT")[0].body == content(2_000_000));
    assert_eq!(server.seen("PUT")[0].header("entourage-owner"), Some("x"));
    assert_eq!(queue.dead(&"files".into(), &"files".into(), 10).await.unwrap().len(), 0);
    assert_eq!(fs::read_dir(work(&bench)).unwrap().count(), 0);
}
