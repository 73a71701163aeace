//! A disk that fails under a file: what is not certain is said to be unknown, and never done.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use entourage::core::Retryable;
use entourage_engine::sqlite::{Durability, Error, Options, Schema, SqliteFile};
use entourage_testkit::{Disk, FullDisk, Scratch};

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

/// An fsync fails, and with it what is written back of earlier commits: the handle goes on only
/// once all of it is on the disk.
pub(crate) fn after_a_failed_fsync_nothing_is_acknowledged_that_is_not_on_the_disk() {
    let disk = ThinDisk::new();
    let path = disk.path().join("file");
    let file = open(&path);
    runtime().block_on(async {
        // A handle's first write reserves epochs with an fsync of its own, whatever it is itself.
        note(&file, 9_000, Durability::Durable).await.expect("there is room");
        let mut done = vec![9_000];
        disk.fill();
        let failed = loop {
            // A relaxed one before each: what it wrote may be what cannot be written back.
            let id = 2 * done.len() as u64;
            note(&file, id, Durability::Relaxed).await.expect("the system's memory takes it");
            match note(&file, id + 1, Durability::Durable).await {
                Ok(_) => done.push(id + 1),
                Err(failed) => break failed,
            }
        };
        assert!(matches!(failed, Error::Unknown(_)), "{failed:?}");
        let refused = note(&file, 1_000, Durability::Durable).await;
        assert!(refused.is_err(), "done on a disk without room");
        disk.make_room();
        // The kernel has reported the failure, and does not repeat it to who opens the file now.
        let late = open(&path);
        for (file, id) in [(&late, 2_000), (&file, 2_001)] {
            // Each descriptor may still have an old failure to report.
            let mut tries = 0;
            while let Err(refused) = note(file, id, Durability::Durable).await {
                tries += 1;
                assert!(refused.is_retryable() && tries < 10, "try {tries}: {refused:?}");
            }
            done.push(id);
            let on_the_disk = notes_on(&disk).await;
            assert_eq!(on_the_disk, notes(file).await, "the log has a gap");
            assert!(done.iter().all(|id| on_the_disk.contains(id)), "{done:?} are done, but {on_the_disk:?}");
        }
    });
}

/// What would be found if the power failed now.
async fn notes_on(disk: &ThinDisk) -> Vec<u64> {
    let (copy, folder) = (disk.copy(), Scratch::new());
    for file in ["file", "file-wal"] {
        fs::copy(copy.path().join(file), folder.join(file)).expect("the copy can be read");
    }
    let file = SqliteFile::open(folder.join("file"), &NOTES, Options::new().with_adopt(true));
    notes(&file.expect("the copy opens")).await
}

/// A disk that promises more than it has: its fsyncs fail when what is under it is full.
struct ThinDisk {
    // Dropped in this order: the image is in use while it is mounted.
    mount: Loop,
    under: FullDisk,
}

/// A mounted image.
struct Loop(Scratch);

impl ThinDisk {
    fn new() -> Self {
        let under = FullDisk::new(16 * MIB);
        let image = under.path().join("image");
        fs::File::create(&image).and_then(|file| file.set_len(64 * MIB)).expect("it takes no room");
        // Not ext4: after a failed write it can lose what is written to the same place later,
        // though it says that this was synced.
        run("mkfs.ext2", ["-q", "-F", "-E", "nodiscard"], [&*image]);
        Self { mount: Loop::of(&image, Scratch::new()), under }
    }

    fn path(&self) -> PathBuf {
        self.mount.path()
    }

    fn fill(&self) {
        let filled = fs::write(self.under.path().join("ballast"), vec![1; 16 << 20]);
        filled.expect_err("there is less room than that");
    }

    fn make_room(&self) {
        fs::remove_file(self.under.path().join("ballast")).expect("it was filled");
    }

    /// Mounted anew beside it, without what the system has in memory only.
    fn copy(&self) -> Loop {
        let scratch = Scratch::new();
        let copy = scratch.join("image");
        run("cp", ["--sparse=always"], [&self.under.path().join("image"), &copy]);
        Loop::of(&copy, scratch)
    }
}

impl Loop {
    fn of(image: &Path, scratch: Scratch) -> Self {
        let mount = Self(scratch);
        fs::create_dir(mount.path()).expect("a temporary directory takes another");
        run("mount", ["-o", "loop"], [image, &mount.path()]);
        mount
    }

    fn path(&self) -> PathBuf {
        self.0.join("disk")
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        run("umount", ["--lazy"], [&*self.path()]);
    }
}

fn run<const N: usize, const M: usize>(tool: &str, options: [&str; N], paths: [&Path; M]) {
    // The administrator's tools are not in everybody's path.
    let path = format!("{}:/usr/sbin:/sbin", env::var("PATH").unwrap_or_default());
    let status = Command::new(tool).args(options).args(paths).env("PATH", path).status();
    assert!(status.is_ok_and(|status| status.success()), "{tool} failed");
}
