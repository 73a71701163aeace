//! More dead letters than one call may touch.

use std::pin::pin;

use entourage_queue::{Error, Queue, Redrive, Rejection, Step, TopicOptions};
use entourage_testkit::Redis;

use super::{batch, four, is_here, member, opened, ready};

const LETTERS: u64 = 350;

#[tokio::test]
async fn many_letters_are_redriven_together_or_not_at_all() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    for from in (0..350).step_by(70) {
        queue.publish(batch(from, 70)).await.unwrap();
        let held = ready(&mut *receiver).await;
        let reject = held.into_iter().map(|delivery| Rejection { delivery, reason: "no".to_owned() });
        settler.step(Step { reject: reject.collect(), ..Step::new() }).await.unwrap();
    }
    assert_eq!(four(&queue).await, (0, 0, 0, LETTERS));
    let (topic, group) = ("jobs".into(), "workers".into());
    queue.configure(&topic, TopicOptions::new().with_capacity(LETTERS - 1)).await.unwrap();
    let refused = queue.redrive(&topic, &group, Redrive::All).await.unwrap_err();
    assert!(matches!(refused, Error::Full { capacity: 349, .. }), "{refused:?}");
    assert_eq!(four(&queue).await, (0, 0, 0, LETTERS));
    // There is just room: what has been redriven already is not counted twice.
    queue.configure(&topic, TopicOptions::new().with_capacity(LETTERS)).await.unwrap();
    let watcher = opened(&redis).await;
    let mut redriving = pin!(queue.redrive(&topic, &group, Redrive::All));
    let redriven = loop {
        tokio::select! {
            biased;
            redriven = &mut redriving => break redriven,
            seen = four(&watcher) => {
                assert!(seen == (0, 0, 0, LETTERS) || seen == (LETTERS, 0, 0, 0), "half of it: {seen:?}");
            }
        }
    };
    assert_eq!(redriven.unwrap(), LETTERS);
    assert_eq!(four(&queue).await, (LETTERS, 0, 0, 0));
    let first = ready(&mut *receiver).await;
    assert_eq!(super::ids(&first[..2]), ["0000", "0001"]);
    assert!(first.iter().all(|delivery| delivery.attempt() == 1));
}
