//! A file that is another's, a copy's or another boot's is refused, adopted or told so.

use std::{fs, path::Path, sync::Arc};

use entourage_engine::sqlite::{Durability, Error, Options, Schema, SqliteFile};
use rusqlite::Connection;

use crate::support::{Folder, NOTES, OtherBoot, note, number, open};

const REBOOTS: &str = "SELECT count(*) FROM reboot";

fn after(boot: &'static str) -> Options {
    Options::new().with_clock(Arc::new(OtherBoot(boot))).with_machine("machine")
}

fn reopen(path: &Path, options: Options) -> Result<SqliteFile, Error> {
    SqliteFile::open(path, &NOTES, options)
}

async fn epoch(file: &SqliteFile) -> u64 {
    file.write::<_, Error, _>(Durability::Relaxed, |tx| Ok(tx.epoch())).await.unwrap()
}

/// The error and its sources, as a program prints them.
fn printed(error: Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[tokio::test]
async fn a_file_opened_again_keeps_its_realm_and_goes_on() {
    let folder = Folder::new();
    let path = folder.file("db");
    let file = open(&path);
    let (realm, first) = (file.realm(), epoch(&file).await);
    drop(file);
    let file = open(&path);
    assert_eq!(file.realm(), realm);
    assert!(epoch(&file).await > first);
    assert_eq!(number(&file, REBOOTS).await, 0);
}

#[tokio::test]
async fn a_replaced_file_is_refused_for_reading_and_writing() {
    let folder = Folder::new();
    let (path, aside) = (folder.file("db"), folder.file("aside"));
    let file = open(&path);
    note(&file, Durability::Durable, "one".to_owned()).await.unwrap();
    fs::rename(&path, &aside).unwrap();
    fs::copy(&aside, &path).unwrap();
    let refused = note(&file, Durability::Durable, "two".to_owned()).await.unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused:?}");
    let refused = file.read::<(), Error, _>(|_| Ok(())).await.unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused:?}");

    fs::remove_file(&path).unwrap();
    let refused = note(&file, Durability::Durable, "two".to_owned()).await.unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused:?}");

    fs::rename(&aside, &path).unwrap();
    note(&file, Durability::Durable, "two".to_owned()).await.unwrap();
}

#[tokio::test]
async fn a_copy_is_refused_until_adopted_and_gets_a_new_realm() {
    let folder = Folder::new();
    let (path, copy) = (folder.file("db"), folder.file("copy"));
    let realm = open(&path).realm();
    fs::copy(&path, &copy).unwrap();

    let refused = printed(reopen(&copy, Options::new()).unwrap_err());
    assert!(refused.contains("copy is a copy of the file it was made as; adopt it"), "{refused}");

    let adopted = reopen(&copy, Options::new().with_adopt(true)).unwrap();
    assert_ne!(adopted.realm(), realm);
    assert_eq!(number(&adopted, REBOOTS).await, 1);
    drop(adopted);
    let file = reopen(&copy, Options::new().with_adopt(true)).unwrap();
    assert_eq!(number(&file, REBOOTS).await, 1, "an adopted file is not adopted again");
    assert_eq!(open(&path).realm(), realm);
}

#[tokio::test]
async fn a_copy_restored_over_its_original_is_refused() {
    let folder = Folder::new();
    let (path, backup) = (folder.file("db"), folder.file("backup"));
    drop(open(&path));
    fs::copy(&path, &backup).unwrap();
    // The new file may get the removed one's inode number.
    fs::remove_file(&path).unwrap();
    fs::copy(&backup, &path).unwrap();
    let refused = reopen(&path, Options::new()).unwrap_err();
    assert!(matches!(refused, Error::Foreign { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_reboot_is_told_once_and_passes_the_ceiling() {
    let folder = Folder::new();
    let path = folder.file("db");
    let file = reopen(&path, after("boot one")).unwrap();
    let (realm, before) = (file.realm(), epoch(&file).await);
    drop(file);
    let ceiling: u64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT epoch_ceiling FROM entourage_file", [], |row| row.get::<_, i64>(0))
        .unwrap()
        .cast_unsigned();
    assert!(ceiling > before);

    let file = reopen(&path, after("boot two")).unwrap();
    assert_eq!(file.realm(), realm);
    assert_eq!(number(&file, REBOOTS).await, 1);
    assert!(epoch(&file).await >= ceiling);
    let second = reopen(&path, after("boot two")).unwrap();
    assert_eq!(number(&second, REBOOTS).await, 1);
}

#[tokio::test]
async fn a_counter_that_was_rolled_back_repeats_no_epoch_on_the_same_boot() {
    let folder = Folder::new();
    let path = folder.file("db");
    let mut last = 0;
    for _ in 0..3 {
        // Two handles at once, which take turns.
        let files = [open(&path), open(&path)];
        for file in files.iter().cycle().take(6) {
            let next = epoch(file).await;
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        drop(files);
        // As the loss of power does to a disk whose machine runs on: what was not synced is gone.
        let rolled_back = "UPDATE entourage_file SET next_epoch = 1";
        Connection::open(&path).unwrap().execute_batch(rolled_back).unwrap();
    }
}

#[tokio::test]
async fn an_open_costs_no_reservation_until_something_is_written_and_one_at_most() {
    let folder = Folder::new();
    let path = folder.file("db");
    let (relaxed, durable, reading) = (open(&path), open(&path), open(&path));
    for i in 0..3 {
        note(&relaxed, Durability::Relaxed, format!("relaxed {i}")).await.unwrap();
        note(&durable, Durability::Durable, format!("durable {i}")).await.unwrap();
        epoch(&durable).await;
    }
    assert_eq!(number(&reading, "SELECT count(*) FROM note").await, 6);
    let syncs = |file: &SqliteFile| (file.stats().reservations, file.stats().durable_commits);
    assert_eq!([&relaxed, &durable, &reading].map(syncs), [(1, 0), (1, 3), (0, 0)]);
}

#[tokio::test]
async fn a_schema_that_slept_through_a_reboot_is_told_when_it_is_opened() {
    const OTHER: Schema = Schema {
        name: "other",
        version: 1,
        create: "CREATE TABLE IF NOT EXISTS woken (at INTEGER NOT NULL) STRICT;",
        rebooted: |connection, _| connection.execute("INSERT INTO woken (at) VALUES (1)", []).map(drop),
    };
    const WOKEN: &str = "SELECT count(*) FROM woken";
    let folder = Folder::new();
    let path = folder.file("db");
    drop(reopen(&path, after("boot one")).unwrap());
    drop(SqliteFile::open(&path, &OTHER, after("boot one")).unwrap());
    let notes = reopen(&path, after("boot two")).unwrap();
    assert_eq!((number(&notes, REBOOTS).await, number(&notes, WOKEN).await), (1, 0));
    let other = SqliteFile::open(&path, &OTHER, after("boot two")).unwrap();
    assert_eq!((number(&other, REBOOTS).await, number(&other, WOKEN).await), (1, 1));
    assert_eq!(other.realm(), notes.realm());
}

#[tokio::test]
async fn a_file_of_another_machine_is_refused_until_adopted() {
    let folder = Folder::new();
    let path = folder.file("db");
    let realm = reopen(&path, after("boot one")).unwrap().realm();
    let refused = printed(reopen(&path, after("boot two").with_machine("another")).unwrap_err());
    assert!(refused.contains("comes from another machine; adopt it"), "{refused}");
    let adopted = reopen(&path, after("boot two").with_machine("another").with_adopt(true)).unwrap();
    assert_ne!(adopted.realm(), realm);
}

#[tokio::test]
async fn a_handle_whose_file_was_taken_over_is_refused() {
    let folder = Folder::new();
    let path = folder.file("db");
    let former = reopen(&path, after("boot one")).unwrap();
    let _later = reopen(&path, after("boot two")).unwrap();
    let refused = note(&former, Durability::Durable, "late".to_owned()).await.unwrap_err();
    assert!(matches!(refused, Error::Foreign { .. }), "{refused:?}");
    let refused = former.read::<(), Error, _>(|_| Ok(())).await.unwrap_err();
    assert!(matches!(refused, Error::Foreign { .. }), "{refused:?}");
}

#[test]
fn what_is_not_ours_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let other = folder.file("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE person (name TEXT)")
        .unwrap();
    let text = |length: usize| {
        let path = folder.file(&format!("{length}.txt"));
        fs::write(&path, &"Dear reader, ".repeat(1_000)[..length]).unwrap();
        path
    };
    let paths: Vec<_> =
        [1, 99, 100, 511, 512, 4_095, 4_096, 13_000].map(text).into_iter().chain([other]).collect();
    for path in &paths {
        let before = fs::read(path).unwrap();
        let refused = reopen(path, Options::new().with_adopt(true)).unwrap_err();
        assert!(matches!(refused, Error::NotOurs { .. }), "{refused:?}");
        assert!(
            refused.to_string().contains("is not a file of entourage and was left as it is"),
            "{refused}"
        );
        assert_eq!(fs::read(path).unwrap(), before);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), paths.len(), "nothing was left beside them");
}

#[test]
fn another_version_is_refused_by_name() {
    let folder = Folder::new();
    let path = folder.file("db");
    drop(open(&path));
    let newer = Schema { version: 2, ..NOTES };
    let refused = SqliteFile::open(&path, &newer, Options::new()).unwrap_err().to_string();
    assert!(refused.contains("holds version 1 of `notes`, this program needs 2"), "{refused}");
    drop(open(&path));

    Connection::open(&path).unwrap().execute_batch("UPDATE entourage_file SET format = 9").unwrap();
    let refused = reopen(&path, Options::new()).unwrap_err().to_string();
    assert!(refused.contains("holds version 9 of `file`, this program needs 1"), "{refused}");
}

#[test]
fn a_path_that_cannot_be_opened_says_why() {
    let folder = Folder::new();
    let missing = printed(reopen(&folder.file("no/such/db"), Options::new()).unwrap_err());
    assert!(missing.contains("cannot open") && missing.contains("No such file"), "{missing}");
    let folder_itself = reopen(folder.path(), Options::new()).unwrap_err();
    assert!(matches!(folder_itself, Error::Open { .. }), "{folder_itself:?}");
}

#[tokio::test]
async fn every_name_of_a_file_leads_to_the_same_one() {
    let folder = Folder::new();
    let (path, link) = (folder.file("db"), folder.file("link"));
    let file = open(&path);
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let linked = open(&link);
    assert_eq!(linked.path(), file.path());
    note(&linked, Durability::Durable, "through the link".to_owned()).await.unwrap();
    assert_eq!(number(&file, "SELECT count(*) FROM note").await, 1);
}
