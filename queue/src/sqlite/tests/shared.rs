//! Handles and receivers that share a file.

use std::collections::BTreeSet;

use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

use super::{Scratch, audit::audit, boot, join, plain, put, receive, seconds, stats};
use crate::{Ask, Item, Publication, Queue, SettlerExt, SqliteQueue, Stats, Step};

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
    let mut quiet = 0;
    while quiet < 100 {
        let before = queue.file().stats().reads;
        let _ = stats(&queue).await;
        quiet = if queue.file().stats().reads == before + 1 { quiet + 1 } else { 0 };
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
