//! Calls that come in another order than they were meant to.

use std::time::Duration;

use entourage_queue::{
    Ask, Queue, RedisQueue, RedisQueueOptions, SubscribeOptions, conformance::ManualClock,
};
use entourage_testkit::{Redis, eventually};

use super::{DEADLINE, at, batch, four, is_here, member, opened, ready};

#[tokio::test]
async fn a_drop_is_seen_by_whoever_asks_next_though_a_lease_has_lapsed() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let clock = ManualClock::new();
    let options = RedisQueueOptions::new(at(&redis.endpoint())).with_judge(clock.clone());
    let queue = RedisQueue::open_with(options).await.unwrap();
    let topics = ["jobs".into()];
    let lease = |seconds| {
        // The same item lapses in each round.
        SubscribeOptions::new().with_lease(Duration::from_secs(seconds)).with_delivery_limit(1000)
    };
    for round in 0..50 {
        queue.publish(batch(2 * round, 2)).await.unwrap();
        let (mut silent, _its) = queue.subscribe(&topics, &"workers".into(), lease(9)).await.unwrap();
        let (mut alive, _its) = queue.subscribe(&topics, &"workers".into(), lease(3600)).await.unwrap();
        let one = Ask::up_to(1).wait(Duration::ZERO);
        let lapses = silent.receive(one).await.unwrap();
        let dropped = alive.receive(one).await.unwrap();
        // No task runs in between, so the first beat comes too late.
        clock.advance(Duration::from_secs(10));
        drop(dropped);
        let seen = queue.stats(&"jobs".into(), &"workers".into()).await.unwrap();
        assert_eq!((seen.ready, seen.in_flight), (2 * round as u64 + 2, 0), "round {round}");
        drop((lapses, silent, alive));
    }
}

#[tokio::test]
async fn an_ask_that_comes_after_a_later_one_or_after_its_consumer_takes_nothing() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let (mut receiver, _settler) = member(&queue).await;
    queue.publish(batch(0, 10)).await.unwrap();
    // What the first ask was, as the server has read it.
    let monitor = redis.begin(["MONITOR"]);
    eventually(DEADLINE, "it is monitored", || monitor.stdout().contains("OK").then_some(()));
    let one = Ask::up_to(1).wait(Duration::ZERO);
    let first = receiver.receive(one).await.unwrap();
    let asked = eventually(DEADLINE, "the ask is seen", || {
        let said = monitor.stdout();
        let line = said.lines().find(|line| line.contains("\"EVALSHA\""))?.to_owned();
        let (_, words) = line.split_once("\"EVALSHA\" ")?;
        let word = |word: &str| word.trim_matches('"').to_owned();
        line.ends_with('"').then(|| words.split(' ').map(word).collect::<Vec<_>>())
    });
    drop(monitor);
    let again = || redis.cli(["EVALSHA".to_owned()].into_iter().chain(asked.clone())).stdout;
    let second = receiver.receive(one).await.unwrap();
    assert!(again().contains("LATE"), "it is refused");
    assert_eq!(four(&queue).await, (8, 0, 2, 0));
    assert_eq!((first.len(), second.len()), (1, 1));
    receiver.close().await.unwrap();
    assert!(again().contains("LATE"), "nobody would have what it takes");
    assert_eq!(four(&queue).await, (10, 0, 0, 0));
    let (mut other, _settler) = member(&queue).await;
    assert_eq!(ready(&mut *other).await.len(), 10);
}
