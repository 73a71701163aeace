//! What dead letters promise.

use std::time::Duration;

use super::{member::ids, subject::Subject};
use crate::{Dead, Error, Group, Item, Publication, Redrive, SubscribeOptions, Topic, TopicOptions};

const LEASE: Duration = Duration::from_secs(30);

fn names(letters: &[Dead]) -> Vec<&str> {
    letters.iter().map(|letter| letter.item.id().as_str()).collect()
}

pub(super) async fn a_rejected_item_is_a_dead_letter(subject: Subject) {
    let (mut member, mut peer) = (subject.member("jobs").await, subject.member("jobs").await);
    let item = Item::new("a", "payload").with_key("k").with_headers([("h".to_owned(), "v".to_owned())]);
    subject.fresh([Publication::new("jobs", item.clone())]).await;
    let delivery = member.take().await;
    member.reject(delivery, "cannot be parsed").await;
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 1));
    subject.advance(2 * LEASE).await;
    peer.finds_nothing().await;
    let letters = subject.letters("jobs").await;
    assert_eq!(letters, [Dead { item, reason: "cannot be parsed".to_owned(), attempts: 1 }]);
}

pub(super) async fn a_dead_letter_counts_its_attempts(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    for _ in 0..2 {
        let delivery = member.take().await;
        member.retry(delivery, Duration::ZERO).await;
    }
    let lapsing = member.take().await;
    subject.advance(LEASE).await;
    drop(lapsing);
    let delivery = member.take().await;
    member.release(delivery).await;
    let delivery = member.take().await;
    member.reject(delivery, "no use").await;
    let letters = subject.letters("jobs").await;
    assert_eq!(letters[0].attempts, 4, "two retries, a lapse and the last; a release does not count");
}

pub(super) async fn a_lapsing_item_dies_at_the_delivery_limit(subject: Subject) {
    for (topic, limit) in [("default", None), ("three", Some(3)), ("one", Some(1))] {
        let mut options = SubscribeOptions::new();
        if let Some(limit) = limit {
            options = options.with_delivery_limit(limit);
        }
        let mut member = subject.member_with(topic, options).await;
        subject.put_keyed(topic, "k", &["poison", "next"]).await;
        let limit = limit.unwrap_or(5);
        for lapses in 0..limit {
            assert_eq!(subject.letters(topic).await, [], "after {lapses} lapses");
            let delivery = member.take().await;
            assert_eq!((delivery.id().as_str(), delivery.lapses()), ("poison", lapses));
            subject.advance(LEASE).await;
            drop(delivery);
        }
        let letters = subject.letters(topic).await;
        assert_eq!(names(&letters), ["poison"]);
        assert_eq!(letters[0].attempts, limit);
        assert!(!letters[0].reason.is_empty(), "it says why");
        assert_eq!(subject.four(topic).await, (1, 0, 0, 1));
        assert_eq!(member.take().await.id().as_str(), "next");
    }
}

pub(super) async fn retries_do_not_count_to_the_delivery_limit(subject: Subject) {
    let mut member = subject.member_with("jobs", SubscribeOptions::new().with_delivery_limit(2)).await;
    subject.put("jobs", &["a"]).await;
    for way in 0..12 {
        let delivery = member.take().await;
        match way % 3 {
            0 => member.retry(delivery, Duration::ZERO).await,
            1 => member.release(delivery).await,
            _ => drop(delivery),
        }
        subject.settle().await;
    }
    let delivery = member.take().await;
    assert_eq!((delivery.retries(), delivery.lapses()), (4, 0));
    subject.advance(LEASE).await;
    drop(delivery);
    let delivery = member.take().await;
    assert_eq!((delivery.retries(), delivery.lapses()), (4, 1));
    assert_eq!(subject.letters("jobs").await, []);
}

pub(super) async fn dead_letters_are_listed_in_the_order_of_publishing(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b", "c"]).await;
    let mut held = member.take_many(3).await;
    for id in ["b", "a", "c"] {
        let at = held.iter().position(|delivery| delivery.id().as_str() == id).expect("all are held");
        member.reject(held.remove(at), id).await;
        subject.advance(Duration::from_secs(1)).await;
    }
    assert_eq!(names(&subject.letters("jobs").await), ["a", "b", "c"]);
    let two = subject.queue().dead(&Topic::from("jobs"), &Group::from("workers"), 2).await;
    let two = two.expect("letters can be read");
    assert_eq!(names(&two), ["a", "b"]);
    let others = subject.queue().dead(&Topic::from("jobs"), &Group::from("others"), 2).await;
    assert_eq!(others.expect("letters can be read"), []);
}

pub(super) async fn a_redriven_letter_begins_again(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b"]).await;
    let held = member.take().await;
    member.retry(held, Duration::ZERO).await;
    let held = member.take().await;
    subject.advance(LEASE).await;
    drop(held);
    let held = member.take_many(2).await;
    let fences: Vec<_> = held.iter().map(|delivery| delivery.fence().clone()).collect();
    for delivery in held {
        member.reject(delivery, "no use").await;
    }
    assert_eq!(subject.revive("jobs", Redrive::All).await, 2);
    assert_eq!(subject.letters("jobs").await, []);
    assert_eq!(subject.four("jobs").await, (2, 0, 0, 0));
    let again = member.take_many(2).await;
    for delivery in &again {
        assert_eq!((delivery.attempt(), delivery.retries(), delivery.lapses()), (1, 0, 0));
        let fence = fences.iter().find(|fence| fence.scope() == delivery.fence().scope());
        assert_eq!(delivery.fence().supersedes(fence.expect("the same items")), Ok(true));
    }
    assert_eq!(subject.revive("jobs", Redrive::All).await, 0);
    assert_eq!(ids(&again).len(), 2);
}

pub(super) async fn a_letter_of_two_groups_lives_until_both_have_settled_it_again(subject: Subject) {
    let groups = ["workers", "auditors"];
    let mut members = Vec::new();
    for group in groups {
        members.push(subject.member_of("jobs", group).await);
    }
    subject.put("jobs", &["a"]).await;
    for member in &mut members {
        let delivery = member.take().await;
        member.reject(delivery, "no use").await;
    }
    for group in groups {
        let redriven = subject.queue().redrive(&"jobs".into(), &group.into(), Redrive::All).await;
        assert_eq!(redriven.expect("there is room"), 1, "{group}");
    }
    for member in &mut members {
        let delivery = member.take().await;
        assert_eq!(delivery.id().as_str(), "a");
        member.accept(delivery).await;
    }
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn a_redrive_of_some_leaves_the_others(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b", "c"]).await;
    for delivery in member.take_many(3).await {
        member.reject(delivery, "no use").await;
    }
    let some = Redrive::Only(vec!["c".into(), "never heard of".into(), "a".into()]);
    assert_eq!(subject.revive("jobs", some).await, 2);
    assert_eq!(names(&subject.letters("jobs").await), ["b"]);
    let mut found = member.drain().await;
    found.sort();
    assert_eq!(found, ["a", "c"]);
}

pub(super) async fn a_waiting_receive_wakes_for_a_redriven_letter(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    let held = member.take().await;
    member.reject(held, "no use").await;
    let waiting = tokio::spawn(async move { member.take().await });
    subject.settle().await;
    subject.revive("jobs", Redrive::All).await;
    let delivery = subject.soon("the redriven item", waiting).await.expect("no panic");
    assert_eq!(delivery.attempt(), 1);
}

pub(super) async fn a_redrive_needs_room(subject: Subject) {
    subject.configure_topic("jobs", TopicOptions::new().with_capacity(3)).await;
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b"]).await;
    for delivery in member.take_many(2).await {
        member.reject(delivery, "no use").await;
    }
    subject.put("jobs", &["c", "d"]).await;
    let redriven = subject.queue().redrive(&"jobs".into(), &"workers".into(), Redrive::All).await;
    assert!(matches!(redriven, Err(Error::Full { capacity: 3, .. })), "{redriven:?}");
    assert_eq!(subject.four("jobs").await, (2, 0, 0, 2));
    assert_eq!(subject.revive("jobs", Redrive::Only(vec!["b".into()])).await, 1);
    assert_eq!(subject.four("jobs").await, (3, 0, 0, 1));
}
