//! Which item is next.

use super::{GROUP, Subject, TOPIC, accept, ids, item, keyed, seconds};
use crate::{Ask, Publication, Redrive, Stats, Step, SubscribeOptions};

#[test]
fn a_key_is_in_order_with_one_in_flight_over_retry_delay_and_lapse() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for id in ["1", "2"] {
        queue.put(keyed(id));
    }
    let urgent = Publication::new(TOPIC, keyed("3")).priority(9);
    queue.publish(vec![urgent]).unwrap();
    let mut deliveries = queue.lease(consumer, Ask::up_to(9));
    assert_eq!(ids(&deliveries), ["1"]);
    assert_eq!(queue.counts(), (0, 2, 1, 0));
    let retry = Step::new().retry(deliveries.remove(0), seconds(5));
    queue.apply(consumer, &retry).unwrap();
    assert!(queue.lease_ids(consumer, 9).is_empty(), "a delayed retry holds its key");
    queue.pass(seconds(5));
    assert_eq!(queue.lease_ids(consumer, 9), ["1"]);
    queue.pass(seconds(10));
    let mut deliveries = queue.lease(consumer, Ask::up_to(9));
    assert_eq!((deliveries[0].id().as_str(), deliveries[0].retries(), deliveries[0].lapses()), ("1", 1, 1));
    queue.apply(consumer, &accept(vec![deliveries.remove(0)])).unwrap();
    assert_eq!(queue.lease_ids(consumer, 9), ["2"]);
}

#[test]
fn topics_take_turns() {
    let mut queue = Subject::new();
    let topics = ["a".into(), "b".into()];
    let consumer = queue.state.join(&topics, &GROUP.into(), SubscribeOptions::new(), queue.now);
    for n in 0..4 {
        for topic in ["a", "b"] {
            queue.publish(vec![Publication::new(topic, item(&format!("{topic}{n}")))]).unwrap();
        }
    }
    let order: Vec<String> = (0..4).flat_map(|_| queue.lease_ids(consumer, 1)).collect();
    assert_eq!(order, ["a0", "b0", "a1", "b1"]);
}

#[test]
fn a_redriven_item_comes_before_the_later_ones_of_its_key() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for id in ["1", "2", "3"] {
        queue.put(keyed(id));
    }
    let held = queue.lease(consumer, Ask::up_to(1)).remove(0);
    queue.apply(consumer, &Step::new().reject(held, "no")).unwrap();
    assert_eq!(queue.counts(), (1, 1, 0, 1));
    let redriven =
        queue.state.redrive(&TOPIC.into(), &GROUP.into(), &Redrive::Only(vec!["1".into()]), queue.now);
    assert_eq!(redriven.unwrap(), 1);
    assert_eq!(queue.counts(), (1, 2, 0, 0));
    for id in ["1", "2", "3"] {
        let held = queue.lease(consumer, Ask::up_to(9));
        assert_eq!((ids(&held), held[0].attempt()), (vec![id.to_owned()], 1));
        queue.apply(consumer, &accept(held)).unwrap();
    }
}

#[test]
fn the_oldest_is_the_oldest_unsettled_whatever_came_and_went() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.publish(vec![Publication::new(TOPIC, item("old")).delayed(seconds(1000))]).unwrap();
    queue.pass(seconds(1));
    for n in 0..3000 {
        queue.put(item(&n.to_string()));
        let held = queue.lease(consumer, Ask::up_to(1));
        queue.apply(consumer, &accept(held)).unwrap();
    }
    assert_eq!(queue.stats().oldest, Some(seconds(1)));
    queue.pass(seconds(999));
    let held = queue.lease(consumer, Ask::up_to(1));
    assert_eq!(ids(&held), ["old"]);
    queue.apply(consumer, &accept(held)).unwrap();
    assert_eq!(queue.stats(), Stats::default());
}
