//! Programs that share a cluster: their prefixes, their users and their limits.

use std::time::Duration;

use entourage_core::Realm;
use entourage_store::{Error, EtcdOptions, EtcdStore, Order, Store, StoreExt, StoreUrl, Txn, What};
use entourage_testkit::Etcd;

use super::{connect, is_here, next, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_of_one_cluster_see_nothing_of_each_other_and_etcdctl_sees_plain_keys() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    // One server of the list is nowhere: the next one is asked.
    let endpoints = [vec!["127.0.0.1:1".to_owned()], etcd.endpoints()].concat();
    let store = EtcdOptions::new(endpoints).with_prefix("team-a/").connect().await.unwrap();
    let url: StoreUrl = format!("etcd://{}/team-b", etcd.endpoints()[0]).parse().unwrap();
    let (other, whole) = (url.open().await.unwrap(), EtcdStore::connect(etcd.endpoints()).await.unwrap());
    let (mut watch, mut all) = (store.watch("", None).await.unwrap(), whole.watch("", None).await.unwrap());
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    other.put("k", "theirs".into()).await.unwrap();
    store.transact(Txn::new().put_with("k", "ours", session.id())).await.unwrap().applied().unwrap();

    assert_eq!(etcd.ctl(["get", "--print-value-only", "team-a/k"]).stdout, "ours\n");
    etcd.ctl(["put", "team-a/written by hand", "v"]);
    etcd.ctl(["put", "team-a/", "no key of a tenant"]);
    let keys = |listing: entourage_store::Listing| -> Vec<String> {
        listing.entries.into_iter().map(|entry| entry.key).collect()
    };
    assert_eq!(keys(store.list(&What::prefix("")).await.unwrap()), ["k", "written by hand"]);
    assert_eq!(keys(other.list(&What::prefix("")).await.unwrap()), ["k"]);
    let of_all = ["team-a/", "team-a/k", "team-a/written by hand", "team-b/k"];
    // The session's own key lies among these, and is not shown.
    assert!(etcd.ctl(["get", "--prefix", "--keys-only", "team-a/"]).stdout.contains("session/"));
    // Nor does it end a page early, in either order.
    let created = whole.list(&What::prefix("").ordered(Order::Created).limit(2)).await.unwrap();
    assert_eq!(keys(created), ["team-b/k", "team-a/k"]);
    assert_eq!(keys(whole.list(&What::prefix("").limit(4)).await.unwrap()), of_all);
    assert_eq!(keys(whole.list(&What::prefix("")).await.unwrap()), of_all);
    for key in ["k", "written by hand"] {
        assert_eq!(next(&mut *watch).await.key(), Some(key));
    }
    for key in ["team-b/k", "team-a/k", "team-a/written by hand", "team-a/"] {
        assert_eq!(next(&mut *all).await.key(), Some(key));
    }
    assert_eq!(store.realm(), other.realm());
    let answer = other.resume(session.id()).await;
    assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
    let elsewhere = Realm::new(!store.realm().id());
    let answer = options(&etcd).with_realm(elsewhere).connect().await;
    assert!(matches!(answer, Err(Error::ForeignRealm { .. })), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_lets_in_and_is_printed_nowhere() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    etcd.ctl(["user", "add", "root:s3cret"]);
    etcd.ctl(["user", "grant-role", "root", "root"]);
    etcd.ctl(["auth", "enable"]);
    let store = options(&etcd).with_user("root", "s3cret").connect().await.unwrap();
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    store.transact(Txn::new().put_with("k", "v", session.id())).await.unwrap().applied().unwrap();
    session.renew().await.unwrap();
    let mut watch = store.watch("", None).await.unwrap();
    store.put("k", "w".into()).await.unwrap();
    assert_eq!(next(&mut *watch).await.key(), Some("k"));
    let wrong = options(&etcd).with_user("root", "s3cret-not");
    let shown = format!("{store:?} {session:?} {watch:?} {wrong:?} {:?}", wrong.clone().connect().await);
    assert!(!shown.contains("s3cret"), "{shown}");
    for options in [wrong, options(&etcd)] {
        let answer = options.connect().await;
        assert!(matches!(answer, Err(Error::Failed(_))), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_as_long_as_allowed_fits_and_one_byte_more_is_refused() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    let store = connect(&etcd).await;
    let limit = 1536 * 1024;
    let mut values = vec![vec![7; 1024 * 1024], Vec::new()];
    let of = |values: &[Vec<u8>]| Txn::new().put("a", values[0].clone()).put("b", values[1].clone());
    // What the keys and the request add is told by the first refusal.
    values[1] = vec![7; limit - 1024 * 1024];
    let Err(Error::TooLarge { given, limit: said, .. }) = store.transact(of(&values)).await else {
        panic!("a transaction that is too long is not refused");
    };
    assert_eq!(said, limit as u64);
    let over = usize::try_from(given).unwrap() - limit;
    values[1].truncate(limit - 1024 * 1024 - over + 1);
    let answer = store.transact(of(&values)).await;
    assert!(matches!(answer, Err(Error::TooLarge { given, .. }) if given == limit as u64 + 1), "{answer:?}");
    assert!(store.get("a").await.unwrap().is_none());
    values[1].truncate(limit - 1024 * 1024 - over);
    assert!(
        store.transact(of(&values)).await.unwrap().applied().is_some(),
        "the server takes what is allowed"
    );
    assert_eq!(store.get("b").await.unwrap().map(|entry| entry.value.len()), Some(values[1].len()));
}
