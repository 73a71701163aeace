//! The items of another team's topic.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_blueprint::Blueprint;
use entourage_core::{Clock, PausedClock, Shutdown, sleep};
use entourage_queue::{
    Item, MemoryQueue, Publication, Queue, Redrive, SqliteQueue, Stats, SubscribeOptions, TopicOptions,
};
use entourage_testkit::{Scratch, eventually_async};
use entourage_workqueue::{
    Finish, ItemData, ItemName, Outcome, SourceError, SourceServer, TopicSource, WorkQueue, WorkQueueOptions,
    WorkSource, worker_fn,
};

use crate::serving::{PATIENCE, name, texts};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) async fn publish(queue: &impl Queue, ids: impl IntoIterator<Item = impl ToString>) {
    let batch = ids.into_iter().map(|id| Publication::new("orders", Item::new(id.to_string(), "{}")));
    queue.publish(batch.collect()).await.unwrap();
}

pub(crate) async fn stats(queue: &impl Queue) -> Stats {
    queue.stats(&"orders".into(), &"kitchen".into()).await.unwrap()
}

fn source(queue: &(impl Queue + Clone)) -> TopicSource {
    TopicSource::new(queue.clone(), "orders", "kitchen")
}

fn name_of(text: &str) -> [ItemName; 1] {
    [name(text)]
}

#[tokio::test]
async fn what_is_finished_is_accepted_or_rejected_and_the_rest_stays_lent() {
    let theirs = MemoryQueue::new();
    publish(&theirs, 0..5).await;
    let source = source(&theirs).with_limit(4);
    let listing = source.items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["0", "1", "2", "3"], false));
    assert_eq!(source.item(&name("1")).await.unwrap().unwrap().bytes(), "{}");
    assert_eq!(source.item(&name("4")).await.unwrap(), None);
    assert_eq!(source.finished(&[name("0"), name("1")], Finish::Done).await.unwrap(), []);
    assert_eq!(source.finished(&name_of("2"), Finish::Dead).await.unwrap(), []);
    assert_eq!(source.finished(&name_of("0"), Finish::Done).await.unwrap(), [], "it was let go of before");
    assert_eq!(
        source.finished(&name_of("9"), Finish::Done).await.unwrap(),
        name_of("9"),
        "it is with others"
    );
    let listing = source.items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["3", "4"], true));
    let stats = stats(&theirs).await;
    assert_eq!((stats.in_flight, stats.ready, stats.dead), (2, 0, 1));
    assert_eq!(Blueprint::of(&SourceServer::new(source)).check(), []);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_renewed_and_a_lost_lease_comes_back_by_itself() {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    let theirs = MemoryQueue::with_clock(Arc::clone(&clock));
    publish(&theirs, ["a"]).await;
    let options = SubscribeOptions::new().with_lease(SECOND * 30).with_time_limit(SECOND * 90);
    let holder = source(&theirs).with_options(options);
    let peer = source(&theirs).with_options(options);
    assert_eq!(texts(&holder.items().await.unwrap()), ["a"]);
    for _ in 0..40 {
        sleep(&*clock, SECOND * 25).await;
        assert_eq!(texts(&holder.items().await.unwrap()), ["a"]);
        assert!(peer.items().await.unwrap().names().is_empty(), "what is held is with another");
    }
    // Nobody lists it: nothing renews it beyond its time limit.
    sleep(&*clock, SECOND * 300).await;
    assert_eq!(texts(&peer.items().await.unwrap()), ["a"]);
    // Who worked on it all the same tells it, and it stays with the other.
    assert_eq!(holder.finished(&name_of("a"), Finish::Done).await.unwrap(), name_of("a"));
    assert_eq!(stats(&theirs).await.in_flight, 1);
    assert!(!holder.items().await.unwrap().is_complete());
    assert_eq!(peer.finished(&name_of("a"), Finish::Done).await.unwrap(), []);
    assert_eq!(stats(&theirs).await.unsettled(), 0);
}

#[tokio::test]
async fn what_a_source_holds_that_is_dropped_goes_to_another() {
    let theirs = MemoryQueue::new();
    publish(&theirs, ["a"]).await;
    let first = source(&theirs);
    assert_eq!(texts(&first.items().await.unwrap()), ["a"]);
    drop(first);
    let second = source(&theirs);
    eventually_async(PATIENCE, "it is with the other", async || {
        (texts(&second.items().await.unwrap()) == ["a"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_id_that_is_no_name_is_rejected_and_large_data_is_refused() {
    let theirs = MemoryQueue::new();
    publish(&theirs, ["a\nb", "good"]).await;
    let large = Item::new("large", vec![b'x'; ItemData::MAX_BYTES + 1]);
    theirs.publish(vec![Publication::new("orders", large)]).await.unwrap();
    let source = source(&theirs);
    let listing = source.items().await.unwrap();
    assert_eq!((texts(&listing), listing.skipped().count()), (vec!["good", "large"], 1));
    assert!(matches!(source.item(&name("large")).await, Err(SourceError::TooLarge { .. })));
    let dead = theirs.dead(&"orders".into(), &"kitchen".into(), 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason.contains("control character"), "{}", dead[0].reason);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_comes_again_waits_until_the_first_is_finished() {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    let theirs = MemoryQueue::with_clock(Arc::clone(&clock));
    let forgetful = TopicOptions::new().with_dedupe(Duration::ZERO, 1);
    theirs.configure(&"orders".into(), forgetful).await.unwrap();
    publish(&theirs, ["a"]).await;
    publish(&theirs, ["a"]).await;
    let source = source(&theirs);
    for _ in 0..3 {
        let listing = source.items().await.unwrap();
        assert_eq!((texts(&listing), listing.is_complete()), (vec!["a"], false));
        sleep(&*clock, SECOND * 40).await;
    }
    assert_eq!(source.finished(&name_of("a"), Finish::Done).await.unwrap(), []);
    assert_eq!(source.item(&name("a")).await.unwrap(), None);
    sleep(&*clock, SECOND * 40).await;
    assert_eq!(texts(&source.items().await.unwrap()), ["a"]);
    assert_eq!(source.finished(&name_of("a"), Finish::Done).await.unwrap(), []);
    assert_eq!(stats(&theirs).await.unsettled(), 0);
}

#[tokio::test]
async fn items_of_a_topic_are_each_worked_on_once_by_two_managers_and_a_redriven_one_again() {
    let scratch = Scratch::new();
    let theirs = SqliteQueue::open(scratch.join("theirs")).unwrap();
    let begun = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let shutdown = Shutdown::new();
    let mut running = Vec::new();
    publish(&theirs, (0..300).map(|number| number.to_string())).await;
    for _ in 0..2 {
        let log = Arc::clone(&begun);
        let worker = worker_fn("count", move |item, _| {
            let times = {
                let mut log = log.lock().unwrap();
                let times = log.entry(item.id().to_string()).or_default();
                *times += 1;
                *times
            };
            let is_bad = item.id().as_str() == "7" && times == 1;
            async move { if is_bad { Outcome::Dead("bad".to_owned()) } else { Outcome::Done } }
        });
        let options = WorkQueueOptions::new().with_parallelism(8).with_interval(SECOND / 5);
        let source = source(&theirs).with_limit(40);
        let manager = WorkQueue::new("kitchen", source, MemoryQueue::new(), worker).with_options(options);
        let shutdown = shutdown.clone();
        running.push(tokio::spawn(async move { manager.run(&shutdown).await }));
    }
    let is_empty = async || (stats(&theirs).await.unsettled() == 0).then_some(());
    eventually_async(PATIENCE, "all are settled", is_empty).await;
    assert_eq!(stats(&theirs).await.dead, 1);
    theirs.redrive(&"orders".into(), &"kitchen".into(), Redrive::All).await.unwrap();
    eventually_async(PATIENCE, "it is settled too", is_empty).await;
    shutdown.drain();
    for manager in running {
        manager.await.unwrap().unwrap();
    }
    assert_eq!(stats(&theirs).await.dead, 0);
    let mut begun = begun.lock().unwrap();
    assert_eq!(begun.remove("7"), Some(2));
    assert_eq!((begun.len(), begun.values().max()), (299, Some(&1)));
}
