//! Servers that are killed, frozen, full or forgetful.

use std::time::Duration;

use entourage_core::{SystemClock, timeout};
use entourage_queue::{Ask, Error, Published, Queue, Step};
use entourage_testkit::{Redis, eventually, eventually_async};

use super::{DEADLINE, batch, brief, four, ids, is_here, member, opened, ready, settled};

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_has_lost_nothing() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let queue = opened(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    queue.publish(batch(0, 100)).await.unwrap();
    let held = ready(&mut *receiver).await;
    assert_eq!(held.len(), 100);
    let mut held = held.into_iter();
    let done: Vec<_> = held.by_ref().take(40).collect();
    settler.step(Step { accept: done, ..Step::new() }.write("served", 0, "40")).await.unwrap();
    redis.kill9();
    redis.restart();
    assert_eq!(four(&queue).await, (0, 0, 60, 0));
    let record = settled("reading", async || settler.state("served").await).await;
    assert_eq!(record.map(|record| (record.value, record.version)), Some(("40".into(), 1)));
    // What was leased before is settled after, and an id that was taken is known.
    let rest = Step { accept: held.collect(), ..Step::new() };
    settler.step(rest).await.unwrap();
    assert_eq!(four(&queue).await, (0, 0, 0, 0));
    let again = queue.publish(batch(0, 100)).await.unwrap();
    assert!(again.iter().all(|one| *one == Published::Duplicate), "{again:?}");
}

#[tokio::test]
async fn a_full_server_refuses_what_comes_and_lets_go_what_goes() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    queue.publish(batch(0, 100)).await.unwrap();
    redis.out_of_memory();
    let refused = queue.publish(batch(100, 100)).await.unwrap_err();
    assert!(matches!(refused, Error::NoSpace(_)), "{refused:?}");
    let held = ready(&mut *receiver).await;
    assert_eq!(held.len(), 100);
    let unapplied = settler.step(Step { accept: held, ..Step::new() }.write("k", 0, "v")).await.unwrap_err();
    assert!(matches!(unapplied.error, Error::NoSpace(_)), "{:?}", unapplied.error);
    assert_eq!(four(&queue).await, (0, 0, 100, 0));
    let only_settles = Step { state: Vec::new(), ..*unapplied.step };
    settler.step(only_settles).await.unwrap();
    assert_eq!(four(&queue).await, (0, 0, 0, 0));
    // Workers that were started anew can join, or nobody would empty it.
    let anew = opened(&redis).await;
    assert!(ready(&mut *member(&anew).await.0).await.is_empty());
    redis.enough_memory();
    // Not even the ids were taken.
    let taken = queue.publish(batch(100, 100)).await.unwrap();
    assert!(taken.iter().all(|one| *one == Published::Accepted), "{taken:?}");
}

#[tokio::test]
async fn a_frozen_server_frees_every_call_and_what_it_did_is_not_done_twice() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let queue = brief(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    opened(&redis).await.publish(batch(0, 10)).await.unwrap();
    let held = settled("receiving", async || receiver.receive(Ask::up_to(100)).await).await;
    redis.pause();
    let clock = SystemClock::new();
    let published = timeout(&clock, DEADLINE, queue.publish(batch(10, 10))).await.expect("the call is freed");
    assert!(matches!(published, Err(Error::Unknown(_) | Error::Unavailable(_))), "{published:?}");
    let counted = timeout(&clock, DEADLINE, queue.stats(&"jobs".into(), &"workers".into())).await;
    let counted = counted.expect("the call is freed");
    assert!(matches!(counted, Err(Error::Unavailable(_))), "what only looks did nothing: {counted:?}");
    let step = Step { accept: held, ..Step::new() }.named("ten");
    let stepped = timeout(&clock, DEADLINE, settler.step(step)).await.expect("the call is freed");
    let mut step = stepped.unwrap_err().step;
    redis.resume();
    // Whatever the server has heard: the same once more is done once.
    loop {
        match settler.step(*step).await {
            Ok(_) => break,
            Err(unapplied) if matches!(unapplied.error, Error::Unknown(_) | Error::Unavailable(_)) => {
                step = unapplied.step;
            }
            Err(unapplied) => panic!("{:?}", unapplied.error),
        }
    }
    settled("publishing again", async || queue.publish(batch(10, 10)).await).await;
    assert_eq!(four(&queue).await, (10, 0, 0, 0));
    let found = settled("receiving", async || receiver.receive(Ask::up_to(100)).await).await;
    assert_eq!(found.len(), 10);
}

#[tokio::test]
async fn a_lease_whose_answer_is_lost_is_given_with_the_next_ask_as_if_nothing_was() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let (queue, watcher) = (brief(&redis).await, opened(&redis).await);
    let (mut receiver, settler) = member(&queue).await;
    watcher.publish(batch(0, 10)).await.unwrap();
    let mut held = settled("receiving", async || receiver.receive(Ask::up_to(4)).await).await;
    redis.pause();
    let clock = SystemClock::new();
    let lost = timeout(&clock, DEADLINE, receiver.receive(Ask::up_to(100))).await.expect("the call is freed");
    assert!(matches!(lost, Err(Error::Unknown(_) | Error::Unavailable(_))), "{lost:?}");
    redis.resume();
    // The server finds the question on its socket, though nobody waits for the answer.
    eventually_async(DEADLINE, "all is leased", async || {
        (four(&watcher).await == (0, 0, 10, 0)).then_some(())
    })
    .await;
    let again =
        settled("receiving again", async || receiver.receive(Ask::up_to(100).wait(Duration::ZERO)).await);
    let again = again.await;
    assert_eq!(again.len(), 6, "those of the lost answer and no other");
    assert!(again.iter().all(|delivery| (delivery.attempt(), delivery.lapses()) == (1, 0)), "{again:?}");
    held.extend(again);
    let mut step = Box::new(Step { accept: held, ..Step::new() }.named("all"));
    while let Err(unapplied) = settler.step(*step).await {
        let error = unapplied.error;
        assert!(matches!(error, Error::Unknown(_) | Error::Unavailable(_)), "{error:?}");
        step = unapplied.step;
    }
    assert_eq!(four(&watcher).await, (0, 0, 0, 0));
}

#[tokio::test]
async fn what_is_dropped_while_the_server_is_away_goes_back_when_it_is_there() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let queue = opened(&redis).await;
    let (mut receiver, _settler) = member(&queue).await;
    queue.publish(batch(0, 10)).await.unwrap();
    let held = ready(&mut *receiver).await;
    redis.kill9();
    drop(held);
    // Asked after the drop, so that was refused too.
    let counted = queue.stats(&"jobs".into(), &"workers".into()).await;
    assert!(matches!(counted, Err(Error::Unavailable(_))), "{counted:?}");
    redis.restart();
    eventually_async(DEADLINE, "all is back", async || (four(&queue).await == (10, 0, 0, 0)).then_some(()))
        .await;
    let again = ready(&mut *receiver).await;
    assert!(again.iter().all(|delivery| (delivery.attempt(), delivery.lapses()) == (1, 0)), "{again:?}");
}

#[tokio::test]
async fn a_consumer_whose_connection_is_killed_goes_on() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    for round in 0..5 {
        queue_again(&queue, round).await;
        let held = settled("receiving", async || receiver.receive(Ask::up_to(100)).await).await;
        // Both connections: that of the calls, and that which waits at the bell.
        redis.cli(["CLIENT", "KILL", "TYPE", "normal"]);
        let mut step = Box::new(Step { accept: held, ..Step::new() }.named(format!("{round}")));
        while let Err(unapplied) = settler.step(*step).await {
            let error = unapplied.error;
            assert!(matches!(error, Error::Unknown(_) | Error::Unavailable(_)), "{error:?}");
            step = unapplied.step;
        }
        assert_eq!(four(&queue).await, (0, 0, 0, 0), "round {round}");
    }
    // Who waits is still woken.
    let waiting = tokio::spawn(async move { receiver.receive(Ask::up_to(100)).await });
    queue_again(&queue, 5).await;
    let found = timeout(&SystemClock::new(), DEADLINE, waiting).await.expect("it is woken").unwrap();
    assert_eq!(ids(&found.unwrap()).len(), 10);
}

async fn queue_again(queue: &entourage_queue::RedisQueue, round: usize) {
    settled("publishing", async || queue.publish(batch(10 * round, 10)).await).await;
}

#[tokio::test]
async fn a_server_that_forgets_its_scripts_is_told_them_again() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    for round in 0..3 {
        redis.cli(["SCRIPT", "FLUSH"]);
        queue.publish(batch(10 * round, 10)).await.unwrap();
        redis.cli(["SCRIPT", "FLUSH"]);
        let held = ready(&mut *receiver).await;
        assert_eq!(held.len(), 10);
        redis.cli(["SCRIPT", "FLUSH"]);
        settler.step(Step { accept: held, ..Step::new() }).await.unwrap();
    }
    assert_eq!(four(&queue).await, (0, 0, 0, 0));
}

#[tokio::test]
async fn a_queue_that_was_emptied_is_refused_until_it_is_opened_anew() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    queue.publish(batch(0, 10)).await.unwrap();
    redis.cli(["FLUSHALL"]);
    let refused = queue.publish(batch(10, 10)).await.unwrap_err();
    assert!(matches!(refused, Error::ForeignRealm { .. }), "{refused:?}");
    let anew = opened(&redis).await;
    assert_ne!(anew.realm(), queue.realm());
    anew.publish(batch(0, 10)).await.unwrap();
    assert_eq!(four(&anew).await, (10, 0, 0, 0));
}

#[tokio::test]
async fn a_queue_that_is_done_leaves_nothing_of_its_items() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    for round in 0..5 {
        let mut items = batch(50 * round, 50);
        for (nth, one) in items.iter_mut().enumerate() {
            let item = one.item.clone();
            one.item = match nth % 3 {
                0 => item,
                1 => item.with_key(format!("{}", nth % 7)),
                _ => item.with_bundle(format!("{}", nth % 5)),
            };
            one.priority = u8::try_from(nth % 4).expect("it is small");
        }
        queue.publish(items).await.unwrap();
        let mut left = 50;
        while left > 0 {
            let held = ready(&mut *receiver).await;
            left -= held.len();
            settler.step(Step { accept: held, ..Step::new() }).await.unwrap();
        }
    }
    receiver.close().await.unwrap();
    // Names, options, ids and steps stay, and for a day who has left; of the items and leases there
    // is no key.
    let keys = eventually(DEADLINE, "the keys are listed", || Some(redis.cli(["KEYS", "{test}*"]).stdout));
    let name = |key: &str| {
        let name = key.trim_start_matches("{test}:queue");
        name.trim_end_matches(|at: char| at.is_ascii_digit()).to_owned()
    };
    let mut kept: Vec<_> = keys.lines().map(name).collect();
    kept.retain(|key| !key.starts_with(":turn"));
    kept.sort_unstable();
    assert_eq!(kept, ["", ":g", ":groups", ":j", ":l", ":n", ":s", ":t", ":topics"]);
}
