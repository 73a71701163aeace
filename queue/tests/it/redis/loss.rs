//! A replica that takes over without what its server had acknowledged last.

use std::time::Duration;

use entourage_core::{SystemClock, timeout};
use entourage_queue::{Ask, Error, Item, Publication, Queue, SubscribeOptions, TopicOptions};
use entourage_testkit::{Redis, eventually, eventually_async};

use super::{DEADLINE, batch, four, is_here, member, opened, ready, settled};

/// Whether a handle refuses its server for good.
async fn refuses<T: std::fmt::Debug>(mut call: impl AsyncFnMut() -> Result<T, Error>) {
    eventually_async(DEADLINE, "the handle notices", async || match call().await {
        Err(Error::Failed(_)) => Some(()),
        // Until the new server is reached.
        Err(Error::Unavailable(_) | Error::Unknown(_)) => None,
        other => panic!("a handle that has seen more goes on: {other:?}"),
    })
    .await;
}

#[tokio::test]
async fn a_failover_that_lost_leases_is_noticed_and_grants_no_fence_twice() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::with_replica(&[]);
    let queue = opened(&redis).await;
    let (mut receiver, _settler) = member(&queue).await;
    queue.publish(batch(0, 100)).await.unwrap();
    redis.wait_replicated();
    redis.stall_link();
    let lost = ready(&mut *receiver).await;
    assert_eq!(lost.len(), 100);
    redis.failover();
    refuses(async || queue.stats(&"jobs".into(), &"workers".into()).await).await;
    refuses(async || queue.publish(batch(100, 1)).await).await;
    let anew = opened(&redis).await;
    assert_eq!(anew.realm(), queue.realm());
    let (mut receiver, _settler) = member(&anew).await;
    let again = ready(&mut *receiver).await;
    assert_eq!(again.len(), 100, "nobody has them there");
    let epochs = |deliveries: &[entourage_queue::Delivery]| {
        deliveries.iter().map(|delivery| delivery.fence().epoch()).collect::<Vec<_>>()
    };
    let (before, after) = (epochs(&lost), epochs(&again));
    assert!(before.iter().max() < after.iter().min(), "{before:?} and {after:?}");
}

#[tokio::test]
async fn a_failover_that_lost_items_is_noticed_by_their_publisher() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::with_replica(&[]);
    let queue = opened(&redis).await;
    queue.publish(batch(0, 10)).await.unwrap();
    redis.wait_replicated();
    redis.stall_link();
    queue.publish(batch(10, 10)).await.unwrap();
    redis.failover();
    refuses(async || queue.publish(batch(20, 10)).await).await;
    let anew = opened(&redis).await;
    assert_eq!(four(&anew).await, (10, 0, 0, 0), "what was lost is lost");
}

#[tokio::test]
async fn the_number_of_a_topic_that_a_failover_has_lost_is_no_other_topics() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::with_replica(&[]);
    let queue = opened(&redis).await;
    redis.wait_replicated();
    redis.stall_link();
    queue.configure(&"lost".into(), TopicOptions::new()).await.unwrap();
    redis.failover();
    let anew = opened(&redis).await;
    let pay = ["pay".into()];
    let (mut receiver, _settler) =
        anew.subscribe(&pay, &"workers".into(), SubscribeOptions::new()).await.unwrap();
    let publication = || vec![Publication::new("lost", Item::new("a", "x"))];
    // It notices, or its topic is made again.
    let published = eventually_async(DEADLINE, "the publisher is answered", async || {
        match queue.publish(publication()).await {
            Err(Error::Unavailable(_) | Error::Unknown(_)) => None,
            other => Some(other),
        }
    })
    .await;
    assert!(matches!(published, Ok(_) | Err(Error::Failed(_))), "{published:?}");
    assert!(ready(&mut *receiver).await.is_empty(), "it is no item of another topic");
}

/// What others have done since hides from the handle that anything was lost.
#[tokio::test]
async fn a_receiver_whose_place_a_failover_has_lost_is_told_so_and_does_not_wait_for_ever() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::with_replica(&[]);
    let queue = opened(&redis).await;
    redis.wait_replicated();
    redis.stall_link();
    let (mut receiver, _settler) = member(&queue).await;
    redis.failover();
    let anew = opened(&redis).await;
    settled("publishing", async || anew.publish(batch(0, 1)).await).await;
    refuses(async || receiver.receive(Ask::up_to(1).wait(Duration::ZERO)).await).await;
    let (mut receiver, _settler) = member(&anew).await;
    assert_eq!(ready(&mut *receiver).await.len(), 1);
}

/// As after a failover to a server whose clock is behind and which has lost the last rings.
#[tokio::test]
async fn a_bell_whose_ids_went_back_is_heard_all_the_same() {
    if !is_here() {
        return;
    }
    const LATE: &str = "9999999999999-0";
    let redis = Redis::start();
    let (queue, publisher) = (opened(&redis).await, opened(&redis).await);
    let (mut receiver, _settler) = member(&queue).await;
    let waiting =
        tokio::spawn(
            async move { receiver.receive(Ask::up_to(1).wait(DEADLINE * 3)).await.map(|got| got.len()) },
        );
    let line = eventually_async(DEADLINE, "somebody waits", async || {
        let lines = redis.cli(["KEYS", "{test}:queue:l*"]).stdout;
        let line = lines.trim().to_owned();
        (redis.cli(["HGET", &line, "hungry"]).stdout.trim() == "1").then_some(line)
    })
    .await;
    let monitor = redis.begin(["MONITOR"]);
    eventually(DEADLINE, "it is monitored", || monitor.stdout().contains("OK").then_some(()));
    redis.cli(["XADD", "{test}:queue:bell", LATE, "b", "1"]);
    eventually_async(DEADLINE, "it was heard", async || {
        monitor.stdout().lines().any(|line| line.contains("XREAD") && line.contains(LATE)).then_some(())
    })
    .await;
    drop(monitor);
    redis.cli(["DEL", "{test}:queue:bell"]);
    redis.cli(["HDEL", &line, "hungry"]);
    redis.cli(["CLIENT", "KILL", "TYPE", "normal"]);
    // It has looked once more, and found nothing.
    eventually_async(DEADLINE, "it waits again", async || {
        (redis.cli(["HGET", &line, "hungry"]).stdout.trim() == "1").then_some(())
    })
    .await;
    settled("publishing", async || publisher.publish(batch(0, 1)).await).await;
    let received = timeout(&SystemClock::new(), DEADLINE, waiting).await.expect("it is woken").unwrap();
    assert_eq!(received.unwrap(), 1);
}
