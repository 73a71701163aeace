//! What becomes of workers that end while their manager ends.

use std::{
    future::pending,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use entourage_core::{Clock, PausedClock, Shutdown, sleep};
use entourage_queue::{MemoryQueue, Queue, Stats};
use entourage_testkit::eventually_async;
use entourage_workqueue::{FromNames, Outcome, WorkQueue, WorkQueueOptions, worker_fn};
use tokio::task::{block_in_place, spawn};

use crate::bench::DEADLINE;

/// The names with their records, and the counts.
async fn seen(queue: &MemoryQueue) -> (Vec<(String, String)>, Stats) {
    let records = queue.records(&"jobs".into(), "").await.expect("it is in memory");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is a word");
    let records = records.iter().map(|record| (record.key.to_string(), text(&record.value))).collect();
    let stats = queue.stats(&"jobs".into(), &"jobs".into()).await.expect("it is in memory");
    (records, stats)
}

fn is(name: &str, entry: &str) -> (String, String) {
    (name.to_owned(), entry.to_owned())
}

#[tokio::test(start_paused = true)]
async fn what_is_done_within_the_grace_is_recorded_and_not_given_back() {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    let queue = MemoryQueue::with_clock(Arc::clone(&clock));
    let worker_clock = Arc::clone(&clock);
    let worker = worker_fn("slow to end", move |item, attempt| {
        let clock = Arc::clone(&worker_clock);
        async move {
            attempt.cancelled().await;
            let rest = if item.id().as_str() == "in time" { 9 } else { 11 };
            sleep(&*clock, Duration::from_secs(rest)).await;
            Outcome::Done
        }
    });
    let options = WorkQueueOptions::new().with_parallelism(2).with_grace(Duration::from_secs(10));
    let names = FromNames::from_iter(["in time", "late"]);
    let manager = WorkQueue::new("jobs", names, queue.clone(), worker).with_options(options);
    let shutdown = Shutdown::new();
    let stopping = async {
        while manager.status().working < 2 {
            sleep(&*clock, Duration::from_secs(1)).await;
        }
        shutdown.stop();
    };
    let (ended, ()) = tokio::join!(manager.run(&shutdown), stopping);
    ended.unwrap();
    let (records, stats) = seen(&queue).await;
    assert_eq!(records, [is("in time", "done"), is("late", "open")]);
    assert_eq!((stats.ready, stats.in_flight), (1, 0));
}

/// Says that it was dropped.
struct Dropped(mpsc::Sender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// One worker is dropped when all are, and it is this that lets the other one go on: inside of
/// the poll in which it is, which ends with its outcome.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_while_it_is_aborted_is_recorded_and_not_given_back() {
    let queue = MemoryQueue::new();
    let (dropped, aborted) = mpsc::channel();
    let (aborted, begun) = (Arc::new(Mutex::new(aborted)), Arc::new(AtomicUsize::new(0)));
    let workers_begun = Arc::clone(&begun);
    let worker = worker_fn("jobs", move |item, _| {
        let (dropped, aborted) = (dropped.clone(), Arc::clone(&aborted));
        let begun = Arc::clone(&workers_begun);
        async move {
            if item.id().as_str() == "never ends" {
                let _dropped = Dropped(dropped);
                begun.fetch_add(1, Ordering::SeqCst);
                pending::<()>().await;
            }
            begun.fetch_add(1, Ordering::SeqCst);
            let aborted = aborted.lock().unwrap_or_else(PoisonError::into_inner);
            match block_in_place(|| aborted.recv_timeout(DEADLINE)) {
                Ok(()) => Outcome::Done,
                Err(error) => Outcome::Dead(error.to_string()),
            }
        }
    });
    let options = WorkQueueOptions::new().with_parallelism(2).with_grace(Duration::ZERO);
    let names = FromNames::from_iter(["ends", "never ends"]);
    let manager = WorkQueue::new("jobs", names, queue.clone(), worker).with_options(options);
    let shutdown = Shutdown::new();
    let token = shutdown.clone();
    let running = spawn(async move { manager.run(&token).await });
    let both = async || (begun.load(Ordering::SeqCst) == 2).then_some(());
    eventually_async(DEADLINE, "both are in work", both).await;
    shutdown.stop();
    running.await.unwrap().unwrap();
    let (records, stats) = seen(&queue).await;
    assert_eq!(records, [is("ends", "done"), is("never ends", "open")]);
    assert_eq!((stats.ready, stats.in_flight), (1, 0));
}
