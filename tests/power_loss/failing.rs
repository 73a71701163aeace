//! A disk that fails under a file: what is not certain is said to be unknown, and never done.

use std::path::Path;

use entourage_engine::sqlite::{Durability, Error, Options, Schema, SqliteFile};
use entourage_testkit::Disk;

use crate::runtime;

const NOTES: Schema = Schema {
    name: "notes",
    version: 1,
    create: "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, body BLOB) STRICT",
    rebooted: |_, _| Ok(()),
};
const MIB: u64 = 1024 * 1024;

fn open(path: &Path) -> SqliteFile {
    SqliteFile::open(path, &NOTES, Options::new()).expect("the file opens")
}

/// Adds a note of 64 KiB, and says what its epoch was.
async fn note(file: &SqliteFile, id: u64, durability: Durability) -> Result<u64, Error> {
    let insert = "INSERT INTO note (id, body) VALUES (?1, zeroblob(65536))";
    file.write(durability, move |tx| {
        tx.prepare_cached(insert)?.execute([id.cast_signed()])?;
        Ok(tx.epoch())
    })
    .await
}

async fn notes(file: &SqliteFile) -> Vec<u64> {
    let ids = file.read::<_, Error, _>(|connection| {
        let mut ids = connection.prepare("SELECT id FROM note ORDER BY id")?;
        let ids = ids.query_map([], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?;
        Ok(ids.collect::<rusqlite::Result<Vec<_>>>()?)
    });
    ids.await.expect("a disk that works answers")
}

/// The disk of a handle loses its power: the handle says so until it is dropped, and the next
/// one finds what was acknowledged.
pub(crate) fn a_write_to_a_dead_disk_is_unknown_and_the_next_handle_goes_on() {
    let mut disk = Disk::new(64 * MIB);
    let path = disk.path().join("file");
    let file = open(&path);
    let last = runtime().block_on(async {
        let durable = note(&file, 1, Durability::Durable).await.expect("the disk works");
        let relaxed = note(&file, 2, Durability::Relaxed).await.expect("the disk works");
        disk.cut();
        let unknown = note(&file, 3, Durability::Durable).await;
        assert!(matches!(unknown, Err(Error::Unknown(_))), "{unknown:?}");
        for (id, durability) in [(4, Durability::Durable), (5, Durability::Relaxed)] {
            let refused = note(&file, id, durability).await;
            assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        }
        durable.max(relaxed)
    });
    drop(file);
    disk.remount();
    let file = open(&path);
    runtime().block_on(async {
        let left = notes(&file).await;
        assert!(matches!(left[..], [1] | [1, 2] | [1, 2, 3]), "{left:?}");
        let next = note(&file, 6, Durability::Durable).await.expect("the disk works");
        assert!(next > last, "epoch {next} comes after {last}");
    });
}
