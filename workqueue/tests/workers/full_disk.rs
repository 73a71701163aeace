//! A disk that a command fills, or that is full when its item comes.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use entourage_core::Shutdown;
use entourage_queue::{Item, MemoryQueue, Queue};
use entourage_testkit::{FullDisk, Requirement, eventually_async};
use entourage_workqueue::{
    CommandWorker, Ended, ExitPolicy, Folders, FromNames, Outcome, WorkQueue, WorkQueueOptions, Worker,
};

use crate::bench::{Bench, DEADLINE, attempt, is_retry};

const NO_SPACE: &str = "No space left on device";

fn can_be_filled() -> bool {
    Requirement::from(FullDisk::available()).is_met("full-disk")
}

/// Writes until there is no more room.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("a file without content has room");
    let error = loop {
        if let Err(error) = file.write_all(&[7; 4096]) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
}

/// Lets this disk have so many files and directories.
fn allow_entries(disk: &FullDisk, entries: u32) {
    let options = format!("remount,nr_inodes={entries}");
    let mount =
        Command::new("mount").args(["-o", &options]).arg(disk.path()).output().expect("it made the disk");
    assert!(mount.status.success(), "{}", String::from_utf8_lossy(&mount.stderr));
}

/// Works off these items, while `meanwhile` goes on, and tells of each its record, and the reason
/// of a dead letter.
async fn worked_off<const N: usize>(
    names: [&str; N],
    worker: CommandWorker,
    attempts: u32,
    meanwhile: impl Future<Output = ()>,
) -> [(String, String); N] {
    let short = Duration::from_millis(10);
    let queue = MemoryQueue::new();
    let worker = worker.exit_policy(ExitPolicy::new().delays(short, short));
    let options = WorkQueueOptions::new().with_attempts(attempts).with_backoff(short, short);
    let manager =
        WorkQueue::new("jobs", FromNames::from_iter(names), queue.clone(), worker).with_options(options);
    let (topic, group) = manager.topic();
    let shutdown = Shutdown::new();
    let ending = async {
        meanwhile.await;
        let have_ended = async || {
            let records = queue.records(&group, "").await.expect("it is in memory");
            let ended = records.iter().filter(|record| record.value != "open").count();
            (ended == N).then_some(())
        };
        eventually_async(DEADLINE, "all have ended", have_ended).await;
        shutdown.drain();
    };
    let (ended, ()) = tokio::join!(manager.run(&shutdown), ending);
    ended.expect("its options work");
    let records = queue.records(&group, "").await.expect("it is in memory");
    let dead = queue.dead(&topic, &group, N).await.expect("it is in memory");
    names.map(|name| {
        let record = records.iter().find(|record| &*record.key == name).expect("it has a record");
        let letter = dead.iter().find(|letter| letter.item.id().as_str() == name);
        let reason = letter.map(|letter| letter.reason.clone()).unwrap_or_default();
        (String::from_utf8(record.value.to_vec()).expect("it is a word"), reason)
    })
}

#[tokio::test]
async fn a_command_that_fills_the_disk_is_given_up_with_its_last_words_and_the_disk_is_the_next_ones() {
    if !can_be_filled() {
        return;
    }
    let bench = Bench::new();
    let disk = FullDisk::new(256 << 10);
    let root = disk.path().join("work");
    let script = r#"case "$ENTOURAGE_ITEM" in
        fills) echo "it begins" >&2; cat /dev/zero > all || exit 3;;
        *) head -c 200000 /dev/zero > most;;
        esac"#;
    let worker = bench.sh(script).env("LC_ALL", "C").folders(Folders::under(&root));
    let [fills, next] = worked_off(["fills", "next"], worker, 2, async {}).await;
    assert_eq!((fills.0.as_str(), next.0.as_str()), ("dead", "done"), "{fills:?} {next:?}");
    let why = fills.1;
    assert!(why.starts_with("it failed 2 times; the last time exit status 3: it begins | cat: "), "{why}");
    assert!(why.ends_with(NO_SPACE), "{why}");
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "a folder was left");
}

#[tokio::test]
async fn an_item_for_whose_file_there_is_no_room_is_done_when_there_is() {
    if !can_be_filled() {
        return;
    }
    let bench = Bench::new();
    let disk = FullDisk::new(64 << 10);
    let (root, ballast) = (disk.path().join("work"), disk.path().join("ballast"));
    fill(&ballast);
    let worker = bench.sh(r#"[ -s "$WORK_ITEM_FILE" ]"#).folders(Folders::under(&root));
    let meanwhile = async {
        let why = refused(&bench).await;
        let (file, rest) = why.split_once(" cannot be written: ").expect(&why);
        assert!(file.starts_with(&format!("the item's file {}/", root.display())), "{why}");
        assert!(file.ends_with("/item") && rest.starts_with(NO_SPACE), "{why}");
        fs::remove_file(&ballast).unwrap();
    };
    let [waits] = worked_off(["waits"], worker, u32::MAX, meanwhile).await;
    assert_eq!(waits.0, "done", "{}", waits.1);
}

#[tokio::test]
async fn an_item_for_whose_folder_there_is_no_room_is_done_when_there_is() {
    if !can_be_filled() {
        return;
    }
    let disk = FullDisk::new(64 << 10);
    let root = disk.path().join("work");
    // The disk's own directory, and nothing in it; then this one; then one of the folder's two.
    for (entries, missing) in [(1, ""), (2, "/i-waits-"), (4, "/i-waits-")] {
        allow_entries(&disk, entries);
        let bench = Bench::new();
        let worker = bench.sh("exit 0").folders(Folders::under(&root));
        let meanwhile = async {
            let why = refused(&bench).await;
            let wanted = format!("the item's folder cannot be had: {}{missing}", root.display());
            assert!(why.starts_with(&wanted) && why.contains(NO_SPACE), "{why}");
            allow_entries(&disk, 100);
        };
        let [waits] = worked_off(["waits"], worker, u32::MAX, meanwhile).await;
        assert_eq!(waits.0, "done", "{}", waits.1);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0, "a folder was left");
        fs::remove_dir(&root).unwrap();
    }
}

/// Why the first command was not started, as soon as it was not.
async fn refused(bench: &Bench) -> String {
    let refused = async || match bench.first()?.ended {
        Ended::NotStarted(why) => Some(why),
        ended => panic!("{ended}"),
    };
    eventually_async(DEADLINE, "it was refused", refused).await
}

/// Of what is kept for the next attempt, nothing is half a file that the next one makes anew.
#[tokio::test]
async fn an_item_that_does_not_fit_leaves_the_room_to_others() {
    if !can_be_filled() {
        return;
    }
    let bench = Bench::new();
    // The larger one is not in its folder's record either, if there is one.
    for (folders, bytes) in [
        (Folders::under as fn(PathBuf) -> Folders, 1 << 20),
        (Folders::kept_under, 40 << 10),
        (Folders::kept_under, 1 << 20),
    ] {
        let disk = FullDisk::new(64 << 10);
        let worker = bench.sh("exit 0").folders(folders(disk.path().join("work")));
        let large = Item::new("large", vec![7; bytes]);
        assert!(is_retry(&worker.work(&large, &attempt(&large)).await));
        let Ended::NotStarted(why) = bench.last().ended else { panic!("{:?}", bench.last()) };
        assert!(why.contains(NO_SPACE), "{why}");
        for item in [Item::new("small", "some data"), Item::new("large", "small by now")] {
            assert_eq!(worker.work(&item, &attempt(&item)).await, Outcome::Done, "{:?}", bench.last());
        }
    }
}
