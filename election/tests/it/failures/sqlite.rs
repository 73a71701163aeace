//! A file that is taken away, copied or put in another's place, and a disk without room.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use entourage_election::Error;
use entourage_store::{Error as StoreError, SqliteOptions, SqliteStore, Store};
use entourage_testkit::{FullDisk, Requirement, Scratch, eventually_async};

use super::{
    DEADLINE, LONG, SHORT, acquiring, contend, in_time, lock, lost_by_the_clock, nobody_is_granted, writes,
};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).unwrap()
}

/// What lies beside the file under this suffix, the file itself without one.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// The file and what lies beside it, under another name.
fn rename(path: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm", "-lock", "-turn"] {
        let renamed = fs::rename(beside(path, suffix), beside(to, suffix));
        // A file that is closed has no log.
        assert!(renamed.is_ok() || matches!(suffix, "-wal" | "-shm"), "{suffix}: {renamed:?}");
    }
}

/// As an operator would, of a running program: what is needed to open it.
fn copy(path: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        fs::copy(beside(path, suffix), beside(to, suffix)).unwrap();
    }
}

/// Waits until no task has the store in it any more: the last that closes a file empties and
/// deletes its log, by its name.
async fn closed(path: &Path) {
    let is_closed = async || (!beside(path, "-wal").exists()).then_some(());
    eventually_async(DEADLINE, "the file is closed", is_closed).await;
}

/// Opens a file that is another's copy: refused, and then adopted.
fn adopt(path: &Path) -> SqliteStore {
    let Err(StoreError::Failed(why)) = SqliteStore::open(path) else { panic!("a copy is not refused") };
    assert!(why.to_string().contains("adopt"), "{why}");
    SqliteOptions::new().with_adopt(true).open(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_deleted_is_lost_by_the_clock_and_who_opens_it_anew_is_in_another_realm() {
    let scratch = Scratch::new();
    let path = scratch.join("store");
    let (store, other) = (open(&path), open(&path));
    let owner = lock(store.clone(), SHORT).acquire().await.unwrap();
    let waiting = acquiring(lock(other, SHORT));
    contend(&store, 2).await;
    for file in fs::read_dir(scratch.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }

    // It is another file, of which the owner knows nothing, and may believe on for a while.
    let anew = open(&path);
    let next = lock(anew.clone(), SHORT).acquire().await.unwrap();
    assert!(next.fence().supersedes(owner.fence()).is_err(), "no resource takes it for the former's");
    assert!(writes(&anew, &next.held()).await);

    lost_by_the_clock(&owner).await;
    let write = owner.guard(entourage_store::Txn::new().put("document", "1"));
    assert!(matches!(store.transact(write).await, Err(StoreError::Failed(_))));
    let answer = in_time("who waits is told", waiting).await.unwrap();
    assert!(matches!(answer, Err(Error::Store { source: StoreError::Failed(_), .. })), "{answer:?}");
    next.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_by_its_copy_is_lost_and_refused_until_it_is_put_back_or_adopted() {
    let scratch = Scratch::new();
    let (path, aside) = (scratch.join("store"), scratch.join("aside"));
    let store = open(&path);
    let of_owner = lock(store.clone(), SHORT);
    let owner = of_owner.acquire().await.unwrap();
    rename(&path, &aside);
    copy(&aside, &path);
    lost_by_the_clock(&owner).await;
    let former = owner.held();
    drop(owner);
    let answer = in_time("it is refused", of_owner.acquire()).await;
    assert!(matches!(answer, Err(Error::Store { source: StoreError::Failed(_), .. })), "{answer:?}");
    let adopted = adopt(&path);
    let next = lock(adopted.clone(), SHORT).acquire().await.unwrap();
    assert!(next.fence().supersedes(former.fence()).is_err());
    next.release().await.unwrap();
    drop(adopted);
    closed(&path).await;

    // Put back, it is what it was: the same program goes on.
    rename(&path, &scratch.join("adopted"));
    rename(&aside, &path);
    let again = in_time("it is acquired again", of_owner.acquire()).await.unwrap();
    assert_eq!(again.fence().supersedes(former.fence()), Ok(true));
    assert!(!writes(&store, &former).await);
    again.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_copied_under_its_owner_takes_nothing_from_it() {
    let scratch = Scratch::new();
    let (path, aside) = (scratch.join("store"), scratch.join("copy"));
    let store = open(&path);
    let owner = lock(store.clone(), LONG).acquire().await.unwrap();
    copy(&path, &aside);
    let adopted = adopt(&aside);
    // Nobody's lease is in force there.
    let next = lock(adopted.clone(), LONG).acquire().await.unwrap();
    assert!(next.fence().supersedes(owner.fence()).is_err());
    assert!(writes(&adopted, &next.held()).await && writes(&store, &owner.held()).await);
    assert!(owner.is_held());
    owner.release().await.unwrap();
    next.release().await.unwrap();
}

/// Takes all room that is left.
fn fill(ballast: &Path) {
    let mut file = fs::File::create(ballast).unwrap();
    for size in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_ownership_ends_by_the_clock_and_goes_on_when_there_is_room() {
    if !Requirement::from(FullDisk::available()).is_met("full-disk") {
        return;
    }
    let disk = FullDisk::new(8 << 20);
    let (path, ballast) = (disk.path().join("store"), disk.path().join("ballast"));
    let (store, other) = (open(&path), open(&path));
    let of_owner = lock(store.clone(), SHORT);
    let owner = of_owner.acquire().await.unwrap();
    let waiting = acquiring(lock(other, SHORT));
    contend(&store, 2).await;
    fill(&ballast);
    in_time("the ownership is lost", owner.lost()).await;
    let former = owner.held();
    drop(owner);
    let again = acquiring(of_owner);
    nobody_is_granted(&[&waiting, &again]).await;

    fs::remove_file(&ballast).unwrap();
    super::both_are_granted_after(&store, &former, waiting, again).await;
}
