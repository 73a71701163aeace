//! What a worker's death and a reboot end, and what they leave.

use std::{mem, time::Duration};

use super::{
    Scratch, audit::audit, boot, clock::TestClock, ids, join, keyed, kill, plain, put, receive, seconds,
    stats,
};
use crate::{Published, Queue, SettlerExt, Stats, Step, TopicOptions};

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
