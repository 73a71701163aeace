//! Managers as processes over one file, killed again and again.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use entourage_core::{Shutdown, SystemClock, sleep};
use entourage_queue::{Queue, SqliteQueue, Stats};
use entourage_testkit::{Process, Program, Rng, Scratch, eventually, eventually_async, let_pass};
use tokio::runtime::Runtime;

use crate::{FromNames, Outcome, WorkQueue, WorkQueueOptions, worker_fn};

const ITEMS: usize = 1_000;
const KILLS: usize = 20;
const PARALLELISM: usize = 4;
const DEADLINE: Duration = Duration::from_secs(120);

/// The directory of a process that is to play a manager.
const PLAYS: &str = "ENTOURAGE_MANAGER_OF";
/// Says to it that it is to end by itself after some listings.
const ENDS: &str = "ENTOURAGE_MANAGER_ENDS";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn q1_managers_that_are_killed_lose_nothing_and_repeat_only_what_was_in_work() {
    let scratch = Scratch::new();
    let mut rng = Rng::from_env();
    let mut managers = [0, 1].map(|_| start(scratch.path(), false));
    for kill in 0..KILLS {
        let_pass(Duration::from_millis(rng.between(50..400)));
        let killed = &mut managers[kill % 2];
        killed.kill9();
        *killed = start(scratch.path(), false);
    }
    let file = scratch.join("queue.db");
    let queue = eventually(DEADLINE, "the file opens", || SqliteQueue::open(&file).ok());
    let (stats, ledger) = runtime().block_on(async {
        eventually_async(DEADLINE, "all is settled", async || {
            look(&queue).await.filter(|(stats, ledger)| ledger.len() == ITEMS && stats.unsettled() == 0)
        })
        .await
    });
    assert_eq!(stats.dead, 0, "an item was given up");
    let lost: Vec<_> = ledger.iter().filter(|(_, entry)| *entry != "done").collect();
    assert!(lost.is_empty(), "items were lost: {lost:?}");
    managers.iter_mut().for_each(Process::kill9);

    let begun = begun(scratch.path());
    assert_eq!(begun.len(), ITEMS, "an item was lost");
    let repeated: usize = begun.values().map(|epochs| epochs.len() - 1).sum();
    // A manager has as many in work, and as many that have ended and are not settled.
    let explained = KILLS * PARALLELISM * 2;
    assert!(repeated <= explained, "{repeated} attempts were repeated, and kills explain {explained}");
    for (name, epochs) in &begun {
        assert!(
            epochs.windows(2).all(|pair| pair[0] < pair[1]),
            "the epochs of {name} do not grow: {epochs:?}"
        );
    }

    // Whoever comes later reads the ledger, lists, and finds nothing to do.
    let _ = start(scratch.path(), true).wait(DEADLINE).succeeded();
    let later = self::begun(scratch.path());
    assert_eq!(later, begun, "what is done was done again");
}

/// Plays a manager in a process that the test above has started; it does nothing by itself.
#[test]
fn plays_a_manager_where_it_is_told_to() {
    let Some(directory) = env::var_os(PLAYS).map(PathBuf::from) else { return };
    runtime().block_on(manage(&directory, env::var_os(ENDS).is_some()));
}

fn start(directory: &Path, ends: bool) -> Process {
    let this = "manager::tests::kills::plays_a_manager_where_it_is_told_to";
    let program = Program::this_test().args(["--exact", this, "--nocapture"]).env(PLAYS, directory);
    if ends { program.env(ENDS, "1").start() } else { program.start() }
}

async fn manage(directory: &Path, ends: bool) {
    let file = directory.join("queue.db");
    let queue = eventually(DEADLINE, "the file opens", || SqliteQueue::open(&file).ok());
    let source = FromNames::from_iter((0..ITEMS).map(|name| name.to_string()));
    let sink = directory.join("sink");
    let worker = worker_fn("append", move |item, attempt| {
        let line = format!("{} {}\n", item.id(), attempt.fence().epoch());
        let sink = fs::OpenOptions::new().append(true).create(true).open(&sink);
        // One write, so no line of another process comes between.
        let written = sink.and_then(|mut sink| sink.write_all(line.as_bytes()));
        async move {
            written.expect("the sink takes it");
            sleep(&SystemClock::new(), Duration::from_millis(40)).await;
            Outcome::Done
        }
    });
    let options = WorkQueueOptions::new()
        .with_parallelism(PARALLELISM)
        .with_interval(Duration::from_millis(200))
        .with_lease(Duration::from_secs(2))
        .with_delivery_limit(1_000)
        .with_backoff(Duration::from_millis(10), Duration::from_millis(100));
    let manager = Arc::new(WorkQueue::new("kills", source, queue, worker).with_options(options));
    let shutdown = Shutdown::new();
    let listings = manager.counters().counter("listings_total");
    let ending = async {
        if ends {
            eventually_async(DEADLINE, "it lists", async || (listings.value() >= 4).then_some(())).await;
            shutdown.drain();
        }
    };
    let (ended, ()) = tokio::join!(manager.run(&shutdown), ending);
    ended.expect("its options work");
}

/// What the queue has, and what the ledger says; none while others keep the file busy.
async fn look(queue: &SqliteQueue) -> Option<(Stats, BTreeMap<String, String>)> {
    let stats = queue.stats(&"kills".into(), &"kills".into()).await.ok()?;
    let records = queue.records(&"kills".into(), "").await.ok()?;
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Some((stats, records.into_iter().map(|record| (record.key.to_string(), text(&record.value))).collect()))
}

/// The epochs of the attempts that were begun, by name.
fn begun(directory: &Path) -> BTreeMap<String, Vec<u64>> {
    let sink = fs::read_to_string(directory.join("sink")).expect("something was begun");
    let mut begun: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in sink.lines() {
        let (name, epoch) = line.split_once(' ').expect("a line has a name and an epoch");
        begun.entry(name.to_owned()).or_default().push(epoch.parse().expect("an epoch is a number"));
    }
    begun
}
