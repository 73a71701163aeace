//! `RedisQueue` as it opens by default.

use std::mem;

use entourage::queue::{Ask, Item, Publication, Queue, RedisQueue, SettlerExt, SubscribeOptions, Topic};
use entourage_rivals::{Figure, Stopwatch};

use crate::{Load, Outcome, payload};

/// Published and then received and accepted, batch by batch.
pub async fn turn(endpoint: &str, load: Load) -> Outcome<[Figure; 2]> {
    let queue = RedisQueue::open(&format!("redis://{endpoint}/bench")).await?;
    let (topics, group) = ([Topic::from("work")], "workers".into());
    let (mut receiver, settler) = queue.subscribe(&topics, &group, SubscribeOptions::new()).await?;
    let publication = |number: usize| {
        let item = Item::new(format!("item-{number:08}"), payload());
        let item = match load.key(number) {
            Some(key) => item.with_key(key),
            None => item,
        };
        Publication::new(topics[0].clone(), item)
    };
    let watch = Stopwatch::start();
    for first in (0..load.items).step_by(load.batch) {
        queue.publish((first..first + load.batch).map(publication).collect()).await?;
    }
    let published = watch.figure(load.items);
    let watch = Stopwatch::start();
    let (ask, mut done, mut received) = (Ask::up_to(load.batch), 0, Vec::new());
    while done < load.items {
        if received.is_empty() {
            received = receiver.receive(ask).await?;
        }
        done += received.len();
        let accepted = settler.accept(mem::take(&mut received));
        if load.batch == 1 && done < load.items {
            // One round trip for both: what is done is settled while the next is asked for.
            let (accepted, next) = tokio::join!(accepted, receiver.receive(ask));
            received = next?;
            accepted?;
        } else {
            accepted.await?;
        }
    }
    let consumed = watch.figure(done);
    let unsettled = queue.stats(&topics[0], &group).await?.unsettled();
    assert_eq!((done, unsettled), (load.items, 0), "what was received is settled");
    receiver.close().await?;
    Ok([published, consumed])
}
