//! Several handles and several processes on one file.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use entourage_core::{Clock, SystemClock};
use entourage_engine::sqlite::{Durability, Error, Options, SqliteFile};
use tokio::runtime::Runtime;

use crate::support::{Folder, NOTES, Process, eventually, note, open, path_of_process};

/// Takes epochs and writes them down in the same transaction, until stopped.
fn write_until(file: &SqliteFile, durability: Durability, stop: &AtomicBool) {
    let runtime = Runtime::new().unwrap();
    while !stop.load(Ordering::Relaxed) {
        runtime
            .block_on(file.write::<_, Error, _>(durability, |tx| {
                let epoch = tx.epoch();
                let last: i64 =
                    tx.query_row("SELECT coalesce(max(id), 0) FROM note", [], |row| row.get(0))?;
                assert!(epoch.cast_signed() > last, "{epoch} after {last}");
                tx.execute("INSERT INTO note (id) VALUES (?1)", [epoch.cast_signed()])?;
                Ok(())
            }))
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_rings_no_bell_is_noticed_all_the_same() {
    let folder = Folder::new();
    let path = folder.file("db");
    let file = open(&path);
    let mut changes = file.changes();
    rusqlite::Connection::open(&path).unwrap().execute("INSERT INTO note (id) VALUES (1)", []).unwrap();
    let waited = entourage_core::timeout(&SystemClock::new(), Duration::from_secs(5), changes.next()).await;
    assert_eq!(waited, Ok(true));
}

/// Not a test of its own: the process that the next one kills.
#[test]
fn process_that_takes_epochs() {
    let Some(path) = path_of_process() else { return };
    let file = open(&path);
    println!("\nready");
    write_until(&file, Durability::Relaxed, &AtomicBool::new(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_increase_over_processes_and_kills() {
    let folder = Folder::new();
    let path = folder.file("db");
    let file = open(&path);
    let epoch = || file.write::<_, Error, _>(Durability::Relaxed, |tx| Ok(tx.epoch()));
    let mut last = 0;
    for _ in 0..5 {
        let mut process = Process::start("processes::process_that_takes_epochs", &path);
        process.says("ready");
        let before = epoch().await.unwrap();
        assert!(before > last);
        let mut highest = before;
        eventually("the other process takes epochs too", || {
            let taken = rusqlite::Connection::open(&path).unwrap();
            let read =
                taken.query_row("SELECT coalesce(max(id), 0) FROM note", [], |row| row.get::<_, i64>(0));
            highest = read.map_or(highest, i64::cast_unsigned);
            highest > before + 20
        })
        .await;
        process.kill();
        last = epoch().await.unwrap();
        assert!(last > highest, "{last} after {highest}");
    }
}

/// Not a test of its own: the process that the next one stops while it holds the lock.
#[test]
fn process_that_holds_the_lock() {
    let Some(path) = path_of_process() else { return };
    let file = open(&path);
    let holding = file.submit::<(), Error, _>(Durability::Relaxed, |_| {
        println!("\nholding");
        loop {
            thread::park();
        }
    });
    let _ = Runtime::new().unwrap().block_on(holding);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stands_still_with_the_lock_makes_the_others_say_so() {
    let folder = Folder::new();
    let path = folder.file("db");
    let options = Options::new().with_patience(Duration::from_millis(300));
    let file = SqliteFile::open(&path, &NOTES, options.clone()).unwrap();
    let mut process = Process::start("processes::process_that_holds_the_lock", &path);
    process.says("holding");
    process.signal("-STOP");
    let refused = note(&file, Durability::Durable, "one".to_owned()).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    let refused = SqliteFile::open(&path, &NOTES, options).unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");

    process.kill();
    let clock = SystemClock::new();
    let until = clock.now() + Duration::from_secs(10);
    while let Err(refused) = note(&file, Durability::Durable, "two".to_owned()).await {
        assert!(clock.now() < until, "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_can_be_dropped_while_another_process_stands_still() {
    let folder = Folder::new();
    let path = folder.file("db");
    let file =
        SqliteFile::open(&path, &NOTES, Options::new().with_patience(Duration::from_millis(200))).unwrap();
    let mut process = Process::start("processes::process_that_holds_the_lock", &path);
    process.says("holding");
    let refused = file.submit::<_, Error, _>(Durability::Relaxed, |tx| Ok(tx.epoch()));
    drop(file);
    assert!(matches!(refused.await, Err(Error::Unavailable(_))));
}
