//! A commit of one process is noticed by another.

use std::time::Duration;

use entourage_core::{Clock, SystemClock};
use entourage_engine::sqlite::{Durability, Error, Options, SqliteFile};
use tokio::runtime::Runtime;

use crate::support::{Folder, NOTES, Process, open, path_of_process, sleep};

/// Not a test of its own: a process that commits the moment, fifty times a second.
#[test]
fn process_that_commits_the_moment() {
    let Some(path) = path_of_process() else { return };
    let file = open(&path);
    println!("\nready");
    Runtime::new().unwrap().block_on(async {
        loop {
            let commit = file.write::<_, Error, _>(Durability::Relaxed, |tx| {
                let now = tx.now().as_nanos().cast_signed();
                Ok(tx.execute("INSERT INTO note (id) VALUES (?1)", [now])?)
            });
            commit.await.unwrap();
            sleep(Duration::from_millis(20)).await;
        }
    });
}

/// How long it takes until a commit of another process is noticed by this file.
async fn median_wait(file: &SqliteFile) -> Duration {
    let clock = SystemClock::new();
    let mut process = Process::start("notice::process_that_commits_the_moment", file.path());
    process.says("ready");
    let mut changes = file.changes();
    let (mut last, mut waits) = (0, Vec::new());
    while waits.len() < 50 {
        assert!(changes.next().await);
        let noticed = clock.now().as_nanos();
        let unseen = file.read::<_, Error, _>(move |connection| {
            let mut unseen = connection.prepare_cached("SELECT id FROM note WHERE id > ?1 ORDER BY id")?;
            let unseen = unseen.query_map([last], |row| row.get::<_, i64>(0))?;
            Ok(unseen.collect::<rusqlite::Result<Vec<_>>>()?)
        });
        for committed in unseen.await.unwrap() {
            last = committed;
            waits.push(noticed.saturating_sub(committed.cast_unsigned()));
        }
    }
    process.kill();
    waits.sort_unstable();
    Duration::from_nanos(waits[waits.len() / 2])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bell_wakes_another_process_within_milliseconds() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let wait = median_wait(&file).await;
    // The net under the bell takes 125 ms in the middle, and a busy machine may stall a few.
    assert!(wait < Duration::from_millis(10), "{wait:?}");
    assert!(file.stats().bells > 0, "{:?}", file.stats());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_inotify_another_process_is_heard_within_milliseconds() {
    let folder = Folder::new();
    let options = Options::new().with_inotify(false);
    let file = SqliteFile::open(folder.file("db"), &NOTES, options).unwrap();
    let wait = median_wait(&file).await;
    assert!(wait < Duration::from_millis(10), "{wait:?}");
    assert_eq!(file.stats().bells, 0, "nothing tells of a ring, it is looked for");
}
