//! Data of etcd that an operator restores from a snapshot.

use std::{
    fs,
    path::{Path, PathBuf},
};

use entourage_election::Error;
use entourage_store::{Error as StoreError, Store, StoreExt, Txn};
use entourage_testkit::{Etcd, Program};

use super::{
    DEADLINE, SHORT, acquiring, contend,
    etcd::{connect, is_here},
    in_time, lock, writes,
};

/// Saves what a server has.
fn save(etcd: &Etcd) -> PathBuf {
    let snapshot = etcd.data(0).with_extension("snapshot");
    etcd.ctl(["snapshot", "save", &snapshot.display().to_string()]);
    snapshot
}

/// Restores it, as a cluster of this token, with the server where it was.
fn restore(etcd: &mut Etcd, snapshot: &Path, token: &str) {
    let members = etcd.ctl(["member", "list"]).stdout;
    // id, status, name, peer URL, client URL, …
    let member: Vec<_> = members.trim().split(", ").collect();
    let (name, peer, data) = (member[2], member[3], etcd.data(0));
    etcd.kill9(0);
    fs::remove_dir_all(&data).unwrap();
    let restored = Program::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .args(["snapshot", "restore"])
        .arg(snapshot)
        .arg(format!("--data-dir={}", data.display()))
        .arg(format!("--name={name}"))
        .arg(format!("--initial-cluster={name}={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster-token={token}"));
    let _ = restored.start().wait(DEADLINE).succeeded();
    etcd.restart(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_is_restored_under_a_token_of_its_own_is_another_realm_for_owner_and_waiter() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::start();
    let (ours, theirs) = (connect(&etcd).await, connect(&etcd).await);
    let owner = lock(ours.clone(), SHORT).acquire().await.unwrap();
    let waiting = acquiring(lock(theirs, SHORT));
    contend(&ours, 2).await;
    let snapshot = save(&etcd);
    restore(&mut etcd, &snapshot, "restored");

    in_time("the ownership is lost", owner.lost()).await;
    assert!(!owner.is_held());
    let answer = ours.transact(owner.guard(Txn::new().put("document", "1"))).await;
    assert!(matches!(answer, Err(StoreError::ForeignRealm { .. })), "{answer:?}");
    let answer = in_time("who waits is told", waiting).await.unwrap();
    assert!(
        matches!(answer, Err(Error::Store { source: StoreError::ForeignRealm { .. }, .. })),
        "{answer:?}"
    );

    // Who opens it anew finds both keys of before, and waits for their leases to expire.
    let anew = connect(&etcd).await;
    assert_ne!(anew.realm(), ours.realm());
    let next = in_time("it is acquired", lock(anew.clone(), SHORT).acquire()).await.unwrap();
    assert!(next.fence().supersedes(owner.fence()).is_err(), "no resource takes it for the former's");
    assert!(writes(&anew, &next.held()).await || !next.is_held());
    let _ = next.release().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_is_restored_under_the_same_token_ends_what_depends_on_the_newer() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::start();
    let token = etcd.data(0).parent().unwrap().display().to_string();
    let store = connect(&etcd).await;
    store.put("document", "0".into()).await.unwrap();
    let snapshot = save(&etcd);
    for number in 0..20 {
        store.put("document", number.to_string().into()).await.unwrap();
    }
    let of_owner = lock(store.clone(), SHORT);
    let owner = of_owner.acquire().await.unwrap();
    restore(&mut etcd, &snapshot, &token);

    in_time("the ownership is lost", owner.lost()).await;
    assert!(!owner.is_held());
    let former = owner.held();
    drop(owner);
    let answer = in_time("it is told", of_owner.acquire()).await;
    let Err(Error::Store { source: StoreError::Failed(why), .. }) = answer else { panic!("{answer:?}") };
    assert!(why.to_string().contains("restored"), "{why}");

    // The realm is the same, and its versions begin below the former's: a resource that has seen
    // those refuses the new owner rather than take the former's word again.
    let anew = connect(&etcd).await;
    let next = in_time("it is acquired", lock(anew.clone(), SHORT).acquire()).await.unwrap();
    assert_eq!(next.fence().supersedes(former.fence()), Ok(false));
    assert_eq!(former.fence().supersedes(next.fence()), Ok(true));
    assert!(!writes(&anew, &former).await);
    let _ = next.release().await;
}
