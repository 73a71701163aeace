//! Busy processes take turns, and let others in.

use std::{path::Path, process};

use entourage_engine::sqlite::Durability;
use rusqlite::Connection;
use tokio::runtime::Runtime;

use crate::support::{Folder, Process, eventually, note, open, path_of_process};

/// Commits as often as it can, until it is killed: one note a commit, under its own name.
fn be_busy(durability: Durability) {
    let Some(path) = path_of_process() else { return };
    let file = open(&path);
    let runtime = Runtime::new().unwrap();
    for i in 0.. {
        runtime.block_on(note(&file, durability, format!("{}-{i}", process::id()))).unwrap();
        if i == 0 {
            println!("\nbusy");
        }
    }
}

/// Not a test of its own: a process of those below.
#[test]
fn process_that_is_busy_and_durable() {
    be_busy(Durability::Durable);
}

/// Not a test of its own: a process of those below.
#[test]
fn process_that_is_busy_and_relaxed() {
    be_busy(Durability::Relaxed);
}

fn two_busy_processes(test: &str, path: &Path) -> [Process; 2] {
    drop(open(path));
    let mut both = [Process::start(test, path), Process::start(test, path)];
    both.iter_mut().for_each(|process| drop(process.says("busy")));
    both
}

/// How many notes each of the two has written. Asks for no lock that a writer wants.
fn notes(path: &Path, both: &[Process; 2]) -> [u64; 2] {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT count(*) FROM note WHERE body GLOB ?1";
    both.each_ref().map(|process| {
        let count = connection.query_row(sql, [format!("{}-*", process.id())], |row| row.get::<_, i64>(0));
        count.unwrap().cast_unsigned()
    })
}

/// What each of two busy processes writes while they write `enough` in all.
async fn shares(test: &str, enough: u64) -> [u64; 2] {
    let folder = Folder::new();
    let path = folder.file("db");
    let mut both = two_busy_processes(test, &path);
    let before = notes(&path, &both);
    let mut shares = [0; 2];
    eventually("both together write enough", || {
        let now = notes(&path, &both);
        shares = [now[0] - before[0], now[1] - before[1]];
        shares.iter().sum::<u64>() >= enough
    })
    .await;
    both.iter_mut().for_each(Process::kill);
    shares
}

#[tokio::test]
async fn two_busy_processes_get_thirty_percent_of_the_commits_each() {
    for (test, enough) in
        [("fair::process_that_is_busy_and_durable", 300), ("fair::process_that_is_busy_and_relaxed", 10_000)]
    {
        let [one, two] = shares(test, enough).await;
        let total = one + two;
        assert!(one * 10 >= total * 3 && two * 10 >= total * 3, "{test}: {one} and {two}");
    }
}

#[tokio::test]
async fn a_file_opens_and_writes_while_two_processes_keep_it_busy() {
    let folder = Folder::new();
    let path = folder.file("db");
    let mut both = two_busy_processes("fair::process_that_is_busy_and_relaxed", &path);
    for i in 0..10 {
        let file = open(&path);
        note(&file, Durability::Relaxed, i.to_string()).await.unwrap();
    }
    both.iter_mut().for_each(Process::kill);
}
