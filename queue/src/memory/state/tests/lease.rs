//! What is leased, for how long, and what ends it.

use std::time::Duration;

use entourage_core::Moment;

use super::{GROUP, Subject, TOPIC, accept, ids, item, seconds};
use crate::{Ask, Bundle, Error, Item, Publication};

#[test]
fn a_lease_ends_at_its_deadline_and_stands_until_then() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    let held = queue.lease(consumer, Ask::up_to(1));
    queue.pass(seconds(10) - Duration::from_nanos(1));
    assert_eq!(queue.counts(), (0, 0, 1, 0));
    queue.pass(Duration::from_nanos(1));
    assert!(matches!(queue.apply(consumer, &accept(held)), Err(Error::Stale { ids }) if ids == ["1".into()]));
    assert_eq!(queue.counts(), (1, 0, 0, 0));
}

#[test]
fn an_item_that_nobody_answers_for_is_given_up_with_the_count() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    for _ in 0..2 {
        assert_eq!(queue.lease_ids(consumer, 1), ["1"]);
        queue.pass(seconds(10));
    }
    assert_eq!(queue.counts(), (0, 0, 0, 1));
    let dead = queue.state.dead(&TOPIC.into(), &GROUP.into(), 9, queue.now);
    assert_eq!((dead[0].reason.as_str(), dead[0].attempts), ("2 deliveries ended without an answer", 2));
    assert_eq!(queue.stats().oldest, None);
}

#[test]
fn giving_back_and_leaving_burn_no_attempt() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    for _ in 0..5 {
        let held = queue.lease(consumer, Ask::up_to(1));
        queue.state.give_back(consumer, &[held[0].receipt()], queue.now);
    }
    let held = queue.lease(consumer, Ask::up_to(1));
    queue.state.leave(consumer, queue.now);
    assert!(queue.apply(consumer, &accept(held)).is_err_and(|error| error.is_stale()));
    let next = queue.join();
    assert_eq!(queue.lease(next, Ask::up_to(1))[0].attempt(), 1);
}

#[test]
fn epochs_rise_with_every_lease() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    let mut last = 0;
    for _ in 0..3 {
        let held = queue.lease(consumer, Ask::up_to(1));
        assert!(held[0].receipt().epoch > last);
        last = held[0].receipt().epoch;
        queue.state.give_back(consumer, &[held[0].receipt()], queue.now);
    }
}

#[test]
fn an_expired_consumer_beats_itself_alive_without_what_it_held() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    queue.put(item("1"));
    let held = queue.lease(consumer, Ask::up_to(1)).remove(0);
    queue.pass(seconds(10));
    queue.state.beat(consumer, queue.now).unwrap();
    let renewed = queue.state.renew(consumer, held.receipt(), seconds(9), queue.now);
    assert!(renewed.is_err_and(|error| error.is_stale()));
    assert_eq!(queue.lease(consumer, Ask::up_to(1))[0].lapses(), 1);
}

#[test]
fn the_fewest_are_of_one_bundle_and_nothing_is_leased_below() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for (id, bundle) in [("1", "a"), ("2", "b"), ("3", "b")] {
        queue.put(item(id).with_bundle(Bundle::from(bundle)));
    }
    let ask = Ask::up_to(9).same_bundle().at_least(2);
    let held = queue.lease(consumer, ask);
    assert_eq!(ids(&held), ["2", "3"]);
    assert!(queue.lease(consumer, ask).is_empty());
    assert_eq!(queue.counts(), (1, 0, 2, 0));
}

#[test]
fn bytes_end_a_batch_but_not_below_the_fewest() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for id in ["1", "2", "3", "4"] {
        queue.put(Item::new(id, "12345678"));
    }
    assert_eq!(ids(&queue.lease(consumer, Ask::up_to(9).at_least(3).max_bytes(1))), ["1", "2", "3"]);
    assert_eq!(ids(&queue.lease(consumer, Ask::up_to(9).max_bytes(1))), ["4"]);
}

#[test]
fn an_empty_answer_says_when_to_ask_again() {
    let mut queue = Subject::new();
    let (one, other) = (queue.join(), queue.join());
    queue.publish(vec![Publication::new(TOPIC, item("1")).delayed(seconds(30))]).unwrap();
    queue.put(item("2"));
    assert_eq!(queue.lease_ids(one, 1), ["2"]);
    let leased = queue.state.lease(other, Ask::up_to(1), queue.now).unwrap();
    assert_eq!(leased.next_due, Some(Moment::ZERO + seconds(10)));
    queue.pass(seconds(10));
    assert_eq!(queue.lease_ids(other, 1), ["2"]);
}
