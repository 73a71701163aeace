//! What is left when items are settled: nothing.

use super::{Subject, TOPIC, accept, ids, item, keyed};
use crate::{Ask, Bundle, SubscribeOptions};

#[test]
fn a_later_group_sees_only_what_follows_and_an_item_lives_until_both_have_settled_it() {
    let mut queue = Subject::new();
    queue.put(item("1"));
    let first = queue.join();
    let other = queue.state.join(&[TOPIC.into()], &"other".into(), SubscribeOptions::new(), queue.now);
    queue.put(item("2"));
    let deliveries = queue.lease(first, Ask::up_to(9));
    assert_eq!(ids(&deliveries), ["1", "2"]);
    queue.apply(first, &accept(deliveries)).unwrap();
    assert_eq!(queue.state.items.len(), 1);
    let deliveries = queue.lease(other, Ask::up_to(9));
    assert_eq!(ids(&deliveries), ["2"]);
    queue.apply(other, &accept(deliveries)).unwrap();
    assert_eq!((queue.state.items.len(), queue.state.topics[0].live), (0, 0));
}

#[test]
fn nothing_is_left_behind_by_what_came_and_went() {
    let mut queue = Subject::new();
    let consumer = queue.join();
    for n in 0..100 {
        queue.put(keyed(&n.to_string()).with_bundle(Bundle::from("b")));
    }
    for _ in 0..100 {
        let held = queue.lease(consumer, Ask::up_to(9).same_bundle());
        queue.apply(consumer, &accept(held)).unwrap();
    }
    assert_eq!(queue.state.items.len() + queue.state.deadlines.len(), 0);
    assert_eq!((queue.state.topics[0].live, queue.counts()), (0, (0, 0, 0, 0)));
    assert_eq!(queue.state.next_deadline(), None);
    assert!(queue.state.lines[0].lanes.is_empty());
}
