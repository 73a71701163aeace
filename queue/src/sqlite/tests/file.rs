//! Files: foreign, copied, replaced, busy, full; and what is fsynced.

use std::{fs, mem, sync::Arc, time::Duration};

use entourage_core::{Clock, Realm, Retryable, SystemClock};
use entourage_engine::sqlite::Durability;

use super::{Scratch, audit::audit, boot, ids, join, kill, plain, put, receive, stats};
use crate::{
    Error, Item, Publication, Queue, SettlerExt, SqliteQueue, SqliteQueueOptions, sqlite::fault::Fault,
};

#[tokio::test]
async fn a_call_waits_for_a_busy_file_as_long_as_its_patience() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let patience = Duration::from_millis(80);
    let options = SqliteQueueOptions::new().with_clock(Arc::clone(&clock) as _).with_patience(patience);
    let queue = SqliteQueue::open_with(scratch.path(), options).unwrap();
    // The queue's own clock stands still: it is in real time that others keep a file busy.
    let real = SystemClock::new();
    let busy = rusqlite::Connection::open(scratch.path()).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = real.now();
    let error = queue.publish(vec![plain("a")]).await.unwrap_err();
    let waited = real.now().since(begun);
    assert!(matches!(error, Error::Unavailable(_)) && error.is_retryable(), "{error:?}");
    assert!(patience <= waited && waited < SqliteQueueOptions::new().patience, "{waited:?}");
    busy.execute_batch("ROLLBACK").unwrap();
    put(&queue, vec![plain("a")]).await;
}

#[tokio::test]
async fn a_close_that_failed_is_made_good_by_the_next() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let options = SqliteQueueOptions::new().with_clock(Arc::clone(&clock) as _);
    let queue = SqliteQueue::open_with(scratch.path(), options.with_patience(Duration::ZERO)).unwrap();
    put(&queue, vec![plain("a")]).await;
    let (mut receiver, _settler) = join(&queue, "workers").await;
    let held = mem::ManuallyDrop::new(receive(&mut *receiver, 1).await);
    assert_eq!(ids(&held), ["a"]);
    let busy = rusqlite::Connection::open(scratch.path()).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = receiver.close().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    busy.execute_batch("ROLLBACK").unwrap();
    assert_eq!(stats(&queue).await.in_flight, 1);
    receiver.close().await.unwrap();
    assert_eq!(stats(&queue).await.ready, 1);
}

#[tokio::test]
async fn a_groups_first_joining_is_durable_and_a_consumers_is_not() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    put(&queue, vec![plain("a")]).await;
    // The first of a handle reserves its epochs.
    let other = join(&queue, "others").await;
    let before = queue.durable_commits();
    let first = join(&queue, "workers").await;
    assert_eq!(queue.durable_commits(), before + 1);
    let second = join(&queue, "workers").await;
    assert_eq!(queue.durable_commits(), before + 1);
    drop((first, second, other));
}

#[tokio::test]
async fn a_batch_takes_two_fsyncs_from_publish_to_accept() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    let (mut receiver, settler) = join(&queue, "workers").await;
    let before = queue.durable_commits();
    for round in 0..5 {
        put(&queue, (0..100).map(|n| plain(&format!("{round}-{n}"))).collect()).await;
        let deliveries = receive(&mut *receiver, 100).await;
        assert_eq!(deliveries.len(), 100);
        settler.accept(deliveries).await.unwrap();
    }
    assert_eq!(queue.durable_commits() - before, 10);
    audit(&queue).await;
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new();
    fs::write(scratch.path(), "dear diary").unwrap();
    let error = SqliteQueue::open(scratch.path()).unwrap_err();
    assert!(matches!(error, Error::Failed(_)), "{error:?}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("queue.db"), "{source}");
    assert_eq!(fs::read_to_string(scratch.path()).unwrap(), "dear diary");

    let other = scratch.0.join("other.db");
    let database = rusqlite::Connection::open(&other).unwrap();
    database.execute_batch("CREATE TABLE diary (entry TEXT)").unwrap();
    assert!(matches!(SqliteQueue::open(&other).unwrap_err(), Error::Failed(_)));
}

#[tokio::test]
async fn a_file_of_another_realm_is_refused() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let realm = scratch.open(&clock).realm();
    let demand = |realm| SqliteQueueOptions::new().with_clock(Arc::clone(&clock) as _).with_realm(realm);
    let foreign = Realm::new(realm.id() ^ 1);
    let error = SqliteQueue::open_with(scratch.path(), demand(foreign)).unwrap_err();
    assert!(
        matches!(error, Error::ForeignRealm { expected, found } if expected == foreign && found == realm)
    );
    assert_eq!(SqliteQueue::open_with(scratch.path(), demand(realm)).unwrap().realm(), realm);
}

#[tokio::test]
async fn a_copy_is_refused_until_it_is_adopted_and_then_has_fences_of_its_own() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    put(&queue, vec![plain("a")]).await;
    let (mut receiver, _settler) = join(&queue, "workers").await;
    let original = receive(&mut *receiver, 1).await;
    let realm = queue.realm();
    kill(receiver, Vec::new());
    drop((queue, _settler));
    let copy = scratch.0.join("copy.db");
    // Deliveries give back through the queue when they are dropped, so they are kept.
    let held = mem::ManuallyDrop::new(original);
    let whole = rusqlite::Connection::open(scratch.path()).unwrap();
    whole.execute("VACUUM INTO ?1", (copy.to_str().unwrap(),)).unwrap();

    let options = || SqliteQueueOptions::new().with_clock(Arc::clone(&clock) as _);
    let error = SqliteQueue::open_with(&copy, options()).unwrap_err();
    assert!(matches!(error, Error::Failed(_)), "{error:?}");
    let adopted = SqliteQueue::open_with(&copy, options().with_adopt(true)).unwrap();
    assert_ne!(adopted.realm(), realm);
    let (mut receiver, settler) = join(&adopted, "workers").await;
    let again = receive(&mut *receiver, 1).await;
    assert_eq!(ids(&again), ["a"]);
    assert!(again[0].fence().supersedes(held[0].fence()).is_err());
    settler.accept(again).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_changes_nothing_and_can_be_tried_again() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    put(&queue, vec![plain("a")]).await;
    let pages = |pages: &'static str| {
        queue.file().write(Durability::Relaxed, move |tx| {
            tx.pragma_update(None, "max_page_count", pages)?;
            Ok::<_, Fault>(())
        })
    };
    pages("1").await.unwrap();
    let large = || vec![Publication::new("work", Item::new("large", vec![0; 1 << 20]))];
    let error = queue.publish(large()).await.unwrap_err();
    assert!(matches!(error, Error::NoSpace(_)), "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(stats(&queue).await.ready, 1);
    pages("1000000").await.unwrap();
    put(&queue, large()).await;
    assert_eq!(stats(&queue).await.ready, 2);
    audit(&queue).await;
}

#[tokio::test]
async fn a_handle_of_a_file_that_was_replaced_says_so() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    put(&queue, vec![plain("a")]).await;
    fs::rename(scratch.path(), scratch.0.join("moved.db")).unwrap();
    let error = queue.publish(vec![plain("b")]).await.unwrap_err();
    assert!(matches!(error, Error::Failed(_)), "{error:?}");
    assert!(!error.is_retryable());
}
