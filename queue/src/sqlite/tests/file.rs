//! Files: reopened, shared, rebooted under, foreign, full.

use std::{collections::BTreeSet, fs, mem, sync::Arc, time::Duration};

use entourage_core::{Realm, Retryable};
use entourage_engine::sqlite::Durability;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

use super::{Scratch, audit::audit, clock::TestClock};
use crate::{
    Ask, Delivery, Error, Item, Publication, Published, Queue, Receiver, Settler, SettlerExt, SqliteQueue,
    SqliteQueueOptions, Stats, Step, SubscribeOptions, TopicOptions, sqlite::fault::Fault,
};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn plain(id: &str) -> Publication {
    Publication::new("work", Item::new(id, id.to_owned()))
}

fn keyed(id: &str, key: &str) -> Publication {
    Publication::new("work", Item::new(id, id.to_owned()).with_key(key))
}

async fn put(queue: &SqliteQueue, batch: Vec<Publication>) {
    let published = queue.publish(batch).await.unwrap();
    assert!(published.iter().all(|one| *one == Published::Accepted), "{published:?}");
}

async fn join(queue: &SqliteQueue, group: &str) -> (Box<dyn Receiver>, Arc<dyn Settler>) {
    let options = SubscribeOptions::new().with_lease(seconds(30)).with_time_limit(seconds(600));
    queue.subscribe(&["work".into()], &group.into(), options).await.unwrap()
}

async fn receive(receiver: &mut dyn Receiver, max: usize) -> Vec<Delivery> {
    receiver.receive(Ask::up_to(max).wait(Duration::ZERO)).await.unwrap()
}

async fn stats(queue: &SqliteQueue) -> Stats {
    queue.stats(&"work".into(), &"workers".into()).await.unwrap()
}

fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.id().as_str()).collect()
}

/// As kill -9 does it: nothing is given back, and no heartbeat comes any more.
fn kill(receiver: Box<dyn Receiver>, deliveries: Vec<Delivery>) {
    mem::forget(deliveries);
    mem::forget(receiver);
}

/// The clock of a boot, some hours after it.
fn boot(name: &'static str) -> Arc<TestClock> {
    TestClock::new(name, seconds(10_000))
}

#[tokio::test]
async fn a_killed_worker_keeps_its_lease_until_it_ends_and_burns_one_delivery() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    put(&queue, vec![plain("a"), plain("b")]).await;
    let (mut receiver, _) = join(&queue, "workers").await;
    let first = receive(&mut *receiver, 1).await;
    let epoch = first[0].fence().epoch();
    kill(receiver, first);

    let queue = scratch.open(&clock);
    assert_eq!((stats(&queue).await.ready, stats(&queue).await.in_flight), (1, 1));
    clock.advance(seconds(30));
    let (mut receiver, settler) = join(&queue, "workers").await;
    let again = receive(&mut *receiver, 2).await;
    assert_eq!(ids(&again), ["a", "b"]);
    assert_eq!((again[0].lapses(), again[1].lapses()), (1, 0));
    assert!(again.iter().all(|delivery| delivery.fence().epoch() > epoch));
    settler.accept(again).await.unwrap();
    assert_eq!(stats(&queue).await, Stats::default());
    audit(&queue).await;
}

#[tokio::test]
async fn a_reboot_ends_every_lease_and_burns_nothing() {
    let (scratch, clock) = (Scratch::new(), boot("before"));
    let queue = scratch.open(&clock);
    put(&queue, vec![plain("a"), keyed("b", "k"), keyed("c", "k")]).await;
    let (mut receiver, settler) = join(&queue, "workers").await;
    let held = receive(&mut *receiver, 2).await;
    assert_eq!(ids(&held), ["a", "b"]);
    let stale = Step { accept: held, ..Step::new() };
    mem::forget(receiver);
    drop((queue, settler));

    let clock = TestClock::new("after", seconds(5));
    let queue = scratch.open(&clock);
    let now = stats(&queue).await;
    assert_eq!((now.ready, now.waiting, now.in_flight), (2, 1, 0));
    let (mut receiver, settler) = join(&queue, "workers").await;
    let refused = settler.step(stale).await.unwrap_err();
    assert!(refused.error.is_stale(), "{:?}", refused.error);
    let again = receive(&mut *receiver, 3).await;
    assert_eq!(ids(&again), ["a", "b"]);
    for (old, new) in refused.step.accept.iter().zip(&again) {
        assert!(new.fence().supersedes(old.fence()).unwrap());
        assert_eq!((new.attempt(), new.lapses(), new.retries()), (1, 0, 0));
    }
    settler.accept(again).await.unwrap();
    assert_eq!(
        ids(&receive(&mut *receiver, 3).await),
        ["c"],
        "the next of the key needs no moment of before"
    );
    audit(&queue).await;
}

#[tokio::test]
async fn a_reboot_starts_delays_windows_and_ages_anew() {
    let (scratch, clock) = (Scratch::new(), boot("before"));
    let queue = scratch.open(&clock);
    let options = TopicOptions::new().with_dedupe(seconds(100), 1000);
    queue.configure(&"work".into(), options).await.unwrap();
    put(&queue, vec![plain("a").delayed(seconds(50)), keyed("b", "k"), keyed("c", "k").delayed(seconds(60))])
        .await;
    clock.advance(seconds(40));
    drop(queue);

    let clock = TestClock::new("after", seconds(3));
    let queue = scratch.open(&clock);
    assert_eq!(stats(&queue).await.oldest, Some(Duration::ZERO));
    clock.advance(seconds(49));
    let (mut receiver, settler) = join(&queue, "workers").await;
    let first = receive(&mut *receiver, 3).await;
    assert_eq!(ids(&first), ["b"], "the delay of 50 s is not over after 49 s of this boot");
    settler.accept(first).await.unwrap();
    clock.advance(seconds(1));
    let second = receive(&mut *receiver, 3).await;
    assert_eq!(ids(&second), ["a"]);
    assert_eq!(stats(&queue).await.oldest, Some(seconds(50)));
    clock.advance(seconds(10));
    assert_eq!(ids(&receive(&mut *receiver, 3).await), ["c"]);

    clock.advance(seconds(39));
    assert_eq!(queue.publish(vec![plain("b")]).await.unwrap(), [Published::Duplicate]);
    clock.advance(seconds(1));
    assert_eq!(queue.publish(vec![plain("b")]).await.unwrap(), [Published::Accepted]);
    audit(&queue).await;
}

#[tokio::test]
async fn a_step_is_remembered_over_a_reboot_and_its_records_too() {
    let (scratch, clock) = (Scratch::new(), boot("before"));
    let queue = scratch.open(&clock);
    let (receiver, settler) = join(&queue, "workers").await;
    let step = || Step::new().named("once").write("total", 0, "7").publish(plain("result"));
    let first = settler.step(step()).await.unwrap();
    kill(receiver, Vec::new());
    drop((queue, settler));

    let queue = scratch.open(&TestClock::new("after", seconds(1)));
    let (_receiver, settler) = join(&queue, "workers").await;
    let again = settler.step(step()).await.unwrap();
    assert!(again.repeated && !first.repeated);
    assert_eq!((again.published, again.state), (first.published, first.state));
    assert_eq!(settler.state("total").await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn a_groups_first_joining_is_durable_and_a_consumers_is_not() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    put(&queue, vec![plain("a")]).await;
    let before = queue.durable_commits();
    let first = join(&queue, "workers").await;
    assert_eq!(queue.durable_commits(), before + 1);
    let second = join(&queue, "workers").await;
    assert_eq!(queue.durable_commits(), before + 1);
    drop((first, second));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_share_the_work_and_do_nothing_twice() {
    const ITEMS: usize = 300;
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let (left, right) = (scratch.open(&clock), scratch.open(&clock));
    assert_eq!(left.realm(), right.realm());
    let (tell, mut told) = mpsc::unbounded_channel();
    let work = |queue: SqliteQueue| {
        let tell = tell.clone();
        async move {
            let (mut receiver, settler) = join(&queue, "workers").await;
            loop {
                let deliveries = receiver.receive(Ask::up_to(7)).await.unwrap();
                let done: Vec<_> = deliveries.iter().map(|delivery| delivery.id().clone()).collect();
                settler.accept(deliveries).await.unwrap();
                done.into_iter().for_each(|id| tell.send(id).unwrap());
            }
        }
    };
    let workers = [left.clone(), right.clone()].map(|queue| tokio::spawn(work(queue)));
    for n in 0..ITEMS / 2 {
        put(&left, vec![plain(&format!("left-{n}"))]).await;
        put(&right, vec![plain(&format!("right-{n}"))]).await;
    }
    let mut done = BTreeSet::new();
    while done.len() < ITEMS {
        assert!(done.insert(told.recv().await.unwrap()), "{done:?}");
    }
    workers.iter().for_each(|worker: &JoinHandle<()>| worker.abort());
    for worker in workers {
        assert!(worker.await.unwrap_err().is_cancelled());
    }
    assert!(told.is_empty());
    assert_eq!(stats(&right).await, Stats::default());
    audit(&right).await;
}

#[tokio::test]
async fn what_one_handle_leased_another_cannot_settle() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let (left, right) = (scratch.open(&clock), scratch.open(&clock));
    put(&left, vec![plain("a")]).await;
    let (mut receiver, settler) = join(&left, "workers").await;
    let (_other, stranger) = join(&right, "workers").await;
    let held = receive(&mut *receiver, 1).await;
    let refused = stranger.step(Step { accept: held, ..Step::new() }).await.unwrap_err();
    assert!(refused.error.is_stale(), "{:?}", refused.error);
    settler.step(*refused.step).await.unwrap();
}

#[tokio::test]
async fn an_idle_receiver_does_not_wake_itself() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    let (mut receiver, _settler) = join(&queue, "workers").await;
    let waiting = tokio::spawn(async move { receiver.receive(Ask::up_to(1)).await });
    // A few rounds at first: it learns what there is to wait for.
    let jobs = || queue.file().stats().jobs;
    let mut seen = jobs();
    let mut quiet = 0;
    for _ in 0..200 {
        let _ = stats(&queue).await;
        quiet = if jobs() == seen { quiet + 1 } else { 0 };
        seen = jobs();
    }
    assert!(quiet > 100, "it goes on asking");
    put(&queue, vec![plain("a")]).await;
    assert_eq!(ids(&waiting.await.unwrap().unwrap()), ["a"]);
}

#[tokio::test]
async fn a_commit_costs_few_looks_however_many_wait() {
    const WAITING: usize = 40;
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    let mut waiting = JoinSet::new();
    for _ in 0..WAITING {
        let (mut receiver, settler) = join(&queue, "workers").await;
        waiting.spawn(async move {
            let deliveries = receiver.receive(Ask::up_to(1).at_least(1)).await.unwrap();
            settler.accept(deliveries).await.unwrap();
        });
    }
    // They learn what there is to wait for; then commits come that are none of their business.
    for _ in 0..100 {
        let _ = stats(&queue).await;
    }
    let before = queue.file().stats().reads;
    for n in 0..20 {
        let other = Publication::new(format!("other-{n}"), Item::new("a", "a")).delayed(seconds(1));
        queue.publish(vec![other]).await.unwrap();
        queue.records(&"workers".into(), "").await.unwrap();
    }
    let looks = queue.file().stats().reads - before;
    assert!(looks < 400, "{looks} looks for 20 commits and those that they led to");
    put(&queue, (0..WAITING).map(|n| plain(&format!("{n}"))).collect()).await;
    while waiting.join_next().await.is_some() {}
    assert_eq!(stats(&queue).await, Stats::default());
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
async fn ids_beyond_the_number_leave_the_file_again() {
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    let options = TopicOptions::new().with_dedupe(seconds(3600), 100);
    queue.configure(&"work".into(), options).await.unwrap();
    for batch in 0..40 {
        put(&queue, (0..50).map(|n| plain(&format!("{batch}-{n}"))).collect()).await;
    }
    let kept = queue.file().read(|conn| {
        let kept: i64 = conn.query_row("SELECT count(*) FROM queue_seen", (), |row| row.get(0))?;
        Ok::<_, Fault>(kept)
    });
    let kept = kept.await.unwrap();
    assert!((100..400).contains(&kept), "{kept}");
    assert_eq!(
        queue.publish(vec![plain("39-49"), plain("0-0")]).await.unwrap(),
        [Published::Duplicate, Published::Accepted]
    );
    audit(&queue).await;
}

#[tokio::test]
async fn one_old_id_in_a_plain_batch_keeps_no_other_out() {
    use Published::{Accepted, Duplicate};
    let (scratch, clock) = (Scratch::new(), boot("one"));
    let queue = scratch.open(&clock);
    // A second group, so that an item is open in two shares.
    let members = (join(&queue, "workers").await, join(&queue, "others").await);
    let batch = |ids: &[&str]| ids.iter().map(|id| plain(id)).collect::<Vec<_>>();
    put(&queue, batch(&["a", "b", "c", "d", "e"])).await;
    let published = queue.publish(batch(&["f", "g", "c", "h", "i", "f"])).await.unwrap();
    assert_eq!(published, [Accepted, Accepted, Duplicate, Accepted, Accepted, Duplicate]);
    let published = queue.publish(batch(&["i", "h", "g", "f", "j"])).await.unwrap();
    assert_eq!(published, [Duplicate, Duplicate, Duplicate, Duplicate, Accepted]);
    audit(&queue).await;
    let (mut receiver, _) = members.0;
    let all = receive(&mut *receiver, 20).await;
    assert_eq!(ids(&all), ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
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
