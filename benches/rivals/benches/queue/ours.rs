//! `SqliteQueue` as it opens by default.

use std::{path::Path, sync::Arc};

use entourage::queue::{Ask, Item, Publication, Queue, SettlerExt, SqliteQueue, SubscribeOptions, Topic};
use entourage_rivals::{Figure, Stopwatch};
use tokio::sync::{Mutex, mpsc};

use crate::{BATCH, Load, Outcome, Publisher, TASKS, payload, publish};

struct Ours {
    queue: Arc<SqliteQueue>,
    ids: String,
    next: u64,
}

impl Publisher for Ours {
    async fn publish(&mut self, items: usize) -> Outcome {
        let batch = (0..items).map(|_| {
            self.next += 1;
            Publication::new("work", Item::new(format!("{}/{}", self.ids, self.next), payload()))
        });
        self.queue.publish(batch.collect()).await?;
        Ok(())
    }
}

fn publishers(queue: &Arc<SqliteQueue>, name: &str, tasks: usize) -> Vec<Ours> {
    let publisher = |task| Ours { queue: Arc::clone(queue), ids: format!("{name}-{task}"), next: 0 };
    (0..tasks).map(publisher).collect()
}

/// Published in batches and one by one, into one new file, and consumed from another.
pub async fn round(one: &Path, other: &Path, load: Load) -> Outcome<[Figure; 3]> {
    let queue = Arc::new(SqliteQueue::open(one)?);
    let batches = publish(publishers(&queue, "batch", 1), BATCH, load.turn).await?;
    let single = publish(publishers(&queue, "task", TASKS), 1, load.turn).await?;
    Ok([batches, single, consume(Arc::new(SqliteQueue::open(other)?), load.backlog).await?])
}

/// One member of a group, whose items 16 tasks settle, each by a step of its own.
async fn consume(queue: Arc<SqliteQueue>, backlog: usize) -> Outcome<Figure> {
    let mut publisher = publishers(&queue, "item", 1);
    for _ in 0..backlog / BATCH {
        publisher[0].publish(BATCH).await?;
    }
    let watch = Stopwatch::start();
    let topics = [Topic::from("work")];
    let (mut receiver, settler) =
        queue.subscribe(&topics, &"workers".into(), SubscribeOptions::new()).await?;
    let (hand_out, take) = mpsc::channel(BATCH);
    let take = Arc::new(Mutex::new(take));
    let work = |_| {
        let (take, settler) = (Arc::clone(&take), Arc::clone(&settler));
        tokio::spawn(async move {
            let mut done = 0;
            loop {
                let Some(delivery) = take.lock().await.recv().await else { return Outcome::Ok(done) };
                settler.accept(vec![delivery]).await?;
                done += 1;
            }
        })
    };
    let workers: Vec<_> = (0..TASKS).map(work).collect();
    let mut handed = 0;
    while handed < backlog {
        for delivery in receiver.receive(Ask::up_to(BATCH)).await? {
            handed += 1;
            hand_out.send(delivery).await?;
        }
    }
    drop(hand_out);
    let mut done = 0;
    for worker in workers {
        done += worker.await??;
    }
    let figure = watch.figure(done);
    let unsettled = queue.stats(&topics[0], &"workers".into()).await?.unsettled();
    assert_eq!((done, unsettled), (backlog, 0), "what was handled is settled");
    Ok(figure)
}
