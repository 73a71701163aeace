//! Where two envelopes meet, and what happens to what is damaged.

use std::time::Duration;

use entourage_queue::{Ask, Queue, Step, SubscribeOptions};
use entourage_testkit::Redis;

use super::{batch, four, ids, is_here, member, opened, ready};

#[tokio::test]
async fn items_of_two_envelopes_come_whole_beside_one_that_is_retried() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let (mut receiver, settler) = member(&queue).await;
    queue.publish(batch(0, 100)).await.unwrap();
    queue.publish(batch(100, 100)).await.unwrap();
    let half = receiver.receive(Ask::up_to(50).wait(Duration::ZERO)).await.unwrap();
    let mut held = half.into_iter();
    let first = held.next().expect("a hundred are ready");
    settler.step(Step { accept: held.collect(), ..Step::new() }).await.unwrap();
    settler.step(Step::new().retry(first, Duration::ZERO)).await.unwrap();
    // The retried one is ready by rank, and so what is fresh is taken beside it one by one.
    let mut others = Vec::new();
    while others.len() < 151 {
        let held = ready(&mut *receiver).await;
        assert!(!held.is_empty(), "{} of 151 came", others.len());
        assert!(held.iter().all(|one| one.item().payload() == "x"));
        others.extend(ids(&held));
        settler.step(Step { accept: held, ..Step::new() }).await.unwrap();
    }
    let expected = std::iter::once(0).chain(50..200).map(|nth| format!("{nth:04}"));
    assert_eq!(others, expected.collect::<Vec<_>>());
    assert_eq!(four(&queue).await, (0, 0, 0, 0));
}

#[tokio::test]
async fn an_item_whose_body_was_taken_away_holds_up_no_other_topic() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let queue = opened(&redis).await;
    let options = SubscribeOptions::new().with_delivery_limit(1);
    let joined = queue.subscribe(&["jobs".into()], &"workers".into(), options).await.unwrap();
    let (mut receiver, _settler) = joined;
    queue.publish(batch(0, 3)).await.unwrap();
    let held = ready(&mut *receiver).await;
    assert_eq!(held.len(), 3);
    let keys = redis.cli(["KEYS", "{test}:queue:p*"]).stdout;
    redis.cli(["DEL", keys.trim()]);
    // As if its process were gone: whose lease is over, and whose only delivery it was.
    let ends = redis.cli(["ZRANGE", "{test}:queue:ends", "0", "-1"]).stdout;
    ends.lines().for_each(|end| drop(redis.cli(["ZADD", "{test}:queue:ends", "1", end.trim()])));
    assert_eq!(four(&queue).await, (0, 0, 0, 0), "no letter without a body");
    queue.publish(batch(10, 2)).await.unwrap();
    assert_eq!(four(&queue).await, (2, 0, 0, 0));
    drop(held);
}
