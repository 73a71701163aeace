//! The log stays small, who keeps it large is named, and a full disk is said to be full.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use entourage_core::Retryable;
use entourage_engine::sqlite::{Durability, Error, Options, SqliteFile};
use entourage_testkit::FullDisk;
use rusqlite::Connection;

use crate::support::{Folder, NOTES, Process, note, number, open, path_of_process};

const LIMIT: u64 = 16 << 20;

fn limited(folder: &Folder) -> SqliteFile {
    SqliteFile::open(folder.file("db"), &NOTES, Options::new().with_wal_limit(LIMIT)).unwrap()
}

/// A note of this many kilobytes.
fn kilobytes(i: u32, n: usize) -> String {
    format!("{i}{}", "x".repeat(n << 10))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_below_its_limit_while_readers_overlap() {
    let folder = Folder::new();
    let file = limited(&folder);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = || {
        let (file, stop) = (file.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                number(&file, "SELECT coalesce(sum(length(body)), 0) FROM note").await;
            }
        })
    };
    let readers = [reader(), reader(), reader(), reader()];
    let mut highest = 0;
    for i in 0..1_000 {
        note(&file, Durability::Relaxed, kilobytes(i, 64)).await.unwrap();
        if i % 100 == 99 {
            // The table stays small, the log does not.
            let emptied =
                file.write::<_, Error, _>(Durability::Relaxed, |tx| Ok(tx.execute("DELETE FROM note", [])?));
            emptied.await.unwrap();
        }
        highest = highest.max(file.stats().wal_bytes);
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(highest < LIMIT, "{highest}");
    assert_eq!(file.stats().pinned, None);
}

/// Not a test of its own: the process that reads on and on.
#[test]
fn process_that_pins_the_log() {
    let Some(path) = path_of_process() else { return };
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    let _: i64 = connection.query_row("SELECT count(*) FROM note", [], |row| row.get(0)).unwrap();
    println!("\nreading");
    loop {
        std::thread::park();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_reader_that_pins_the_log_is_named() {
    let folder = Folder::new();
    let file = limited(&folder);
    note(&file, Durability::Relaxed, "before".to_owned()).await.unwrap();
    let mut process = Process::start("log::process_that_pins_the_log", file.path());
    process.says("reading");
    let mut i = 0;
    while file.stats().pinned.is_none() {
        assert!(file.stats().wal_bytes < 8 * LIMIT, "{:?}", file.stats());
        note(&file, Durability::Relaxed, kilobytes(i, 256)).await.unwrap();
        i += 1;
    }
    let pinned = file.stats().pinned.unwrap();
    assert_eq!(pinned.pid, Some(process.id()), "{pinned}");
    assert!(pinned.command.is_some() && pinned.wal_bytes > LIMIT, "{pinned:?}");
    process.kill();
}

/// Fills the file until it is refused, makes room, and goes on.
async fn fill(file: &SqliteFile, make_room: impl FnOnce()) {
    let mut written = 0;
    let refused = loop {
        match note(file, Durability::Durable, kilobytes(written, 64)).await {
            Ok(()) => written += 1,
            Err(refused) => break refused,
        }
        assert!(written < 10_000, "it never became full");
    };
    assert!(matches!(refused, Error::DiskFull(_)), "{refused:?}");
    assert!(refused.is_retryable());
    assert_eq!(number(file, "SELECT count(*) FROM note").await, i64::from(written));
    make_room();
    note(file, Durability::Durable, "there is room again".to_owned()).await.unwrap();
    assert_eq!(number(file, "SELECT count(*) FROM note").await, i64::from(written) + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_at_its_largest_size_is_said_to_be_full() {
    let folder = Folder::new();
    let file = open(&folder.file("db"));
    let limit = |pages: u32| {
        let limited = file.submit::<_, Error, _>(Durability::Relaxed, move |tx| {
            tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        });
        drop(limited);
    };
    limit(200);
    fill(&file, || limit(1_000_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_to_be_full_and_nothing_is_lost() {
    if let Err(reason) = FullDisk::available() {
        let required = std::env::var("ENTOURAGE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|name| matches!(name.trim(), "full-disk" | "all"));
        assert!(!is_required, "full-disk is required: {reason}");
        return eprintln!("ignored, `a_file_at_its_largest_size…` stands in: {reason}");
    }
    let disk = FullDisk::new(4 << 20);
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 1 << 20]).unwrap();
    let file = open(&disk.path().join("db"));
    fill(&file, || std::fs::remove_file(&ballast).unwrap()).await;
}
