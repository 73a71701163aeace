//! What a topic's capacity promises.

use std::time::Duration;

use super::subject::Subject;
use crate::{Delivery, Error, Item, Publication, Published, Step, Topic, TopicOptions};

fn plain(topic: &str, id: &str) -> Publication {
    Publication::new(topic, Item::new(id, id.to_owned()))
}

async fn limit(subject: &Subject, topic: &str, items: u64) {
    subject.configure_topic(topic, TopicOptions::new().with_capacity(items)).await;
}

pub(super) async fn a_full_topic_refuses_the_whole_batch(subject: Subject) {
    limit(&subject, "jobs", 3).await;
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b"]).await;
    match subject.refused([plain("jobs", "c"), plain("jobs", "d")]).await {
        Error::Full { topic, capacity } => assert_eq!((topic, capacity), ("jobs".into(), 3)),
        other => panic!("the topic should be full, but: {other:?}"),
    }
    assert_eq!(subject.four("jobs").await, (2, 0, 0, 0));
    // Not even the ids were taken.
    subject.fresh([plain("jobs", "d")]).await;
    assert_eq!(member.drain().await, ["a", "b", "d"]);
}

pub(super) async fn capacity_counts_what_is_unsettled(subject: Subject) {
    limit(&subject, "jobs", 4).await;
    let mut member = subject.member("jobs").await;
    let late = plain("jobs", "late").delayed(Duration::from_secs(60));
    subject.put("jobs", &["a", "b", "c"]).await;
    subject.fresh([late]).await;
    let full = async |why: &str| {
        let refused = subject.refused([plain("jobs", "x")]).await;
        assert!(refused.is_full(), "{why}: {refused:?}");
    };
    let mut held = member.take_many(2).await.into_iter();
    full("leased and delayed items count").await;
    member.accept(held.next().expect("a")).await;
    subject.put("jobs", &["d"]).await;
    full("one was done and one came").await;
    member.reject(held.next().expect("b"), "no use").await;
    subject.put("jobs", &["e"]).await;
    full("one was given up and one came").await;
    let delivery = member.take().await;
    member.release(delivery).await;
    full("what was given back counts").await;
}

pub(super) async fn a_duplicate_needs_no_room(subject: Subject) {
    limit(&subject, "jobs", 2).await;
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b"]).await;
    let again = subject.send([plain("jobs", "a"), plain("jobs", "b")]).await;
    assert_eq!(again, [Published::Duplicate; 2]);
    assert_eq!(member.drain().await, ["a", "b"]);
}

pub(super) async fn capacity_is_judged_after_the_step(subject: Subject) {
    limit(&subject, "loop", 2).await;
    let mut member = subject.member("loop").await;
    subject.put("loop", &["a", "b"]).await;
    for round in 0..5 {
        // The topic is full, and a stage that takes as much as it gives goes on.
        let held = member.take_many(2).await;
        let step = Step { accept: held, ..Step::new() };
        let next = [0, 1].map(|nth| plain("loop", &format!("{round}-{nth}")));
        let applied = member.step(Step { publish: next.to_vec(), ..step }).await;
        assert_eq!(applied.published, [Published::Accepted; 2]);
    }
    // Giving up makes room too, giving back does not.
    let mut held = member.take_many(2).await.into_iter();
    let mut next = || held.next().expect("two were received");
    member.step(Step::new().reject(next(), "no use").publish(plain("loop", "c"))).await;
    let unapplied = member.unapplied(Step::new().release(next()).publish(plain("loop", "d"))).await;
    assert!(unapplied.error.is_full(), "{:?}", unapplied.error);
}

pub(super) async fn a_step_beyond_capacity_changes_nothing(subject: Subject) {
    limit(&subject, "out", 2).await;
    let (mut member, mut out) = (subject.member("jobs").await, subject.member("out").await);
    subject.put("jobs", &["a"]).await;
    subject.put("out", &["x"]).await;
    let held = member.take().await;
    let step = Step::new().accept(held).publish(plain("out", "y")).publish(plain("out", "z"));
    let unapplied = member.unapplied(step.write("k", 0, "v")).await;
    assert!(matches!(unapplied.error, Error::Full { capacity: 2, .. }), "{:?}", unapplied.error);
    assert_eq!(subject.four("jobs").await, (0, 0, 1, 0));
    assert_eq!(member.state("k").await, None);
    assert_eq!(out.drain().await, ["x"]);
    // With room it applies, under the same id.
    let applied = member.step(*unapplied.step).await;
    assert!(!applied.repeated);
    assert_eq!(out.drain().await, ["y", "z"]);
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn room_wakes_when_items_are_settled(subject: Subject) {
    limit(&subject, "jobs", 3).await;
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a", "b", "c"]).await;
    let queue = subject.queue();
    let waiting = tokio::spawn(async move { queue.room(&Topic::from("jobs"), 2).await });
    let mut held = member.take_many(3).await.into_iter();
    let mut next = || held.next().expect("three were received");
    member.accept(next()).await;
    subject.settle().await;
    assert!(!waiting.is_finished(), "there is room for one, not for two");
    member.reject(next(), "no use").await;
    let room = subject.soon("room for two", waiting).await.expect("no panic");
    room.expect("the queue answers");
    subject.roomy("jobs", 2).await;
    subject.put("jobs", &["d", "e"]).await;
}

pub(super) async fn room_for_more_than_the_capacity_waits_for_an_empty_topic(subject: Subject) {
    limit(&subject, "jobs", 2).await;
    let mut member = subject.member("jobs").await;
    subject.roomy("jobs", 5).await;
    subject.put("jobs", &["a"]).await;
    let queue = subject.queue();
    let waiting = tokio::spawn(async move { queue.room(&Topic::from("jobs"), 5).await });
    let delivery: Delivery = member.take().await;
    subject.settle().await;
    assert!(!waiting.is_finished(), "it is not empty");
    member.accept(delivery).await;
    let room = subject.soon("an empty topic", waiting).await.expect("no panic");
    room.expect("the queue answers");
}

pub(super) async fn a_capacity_can_be_changed(subject: Subject) {
    limit(&subject, "jobs", 1).await;
    subject.put("jobs", &["a"]).await;
    assert!(subject.refused([plain("jobs", "b")]).await.is_full());
    limit(&subject, "jobs", 2).await;
    subject.put("jobs", &["b"]).await;
    limit(&subject, "jobs", 1).await;
    // What is there stays; nothing comes until there is room again.
    let mut member = subject.member("jobs").await;
    let held = member.take().await;
    member.accept(held).await;
    assert!(subject.refused([plain("jobs", "c")]).await.is_full());
    assert_eq!(member.drain().await, ["b"]);
    subject.put("jobs", &["c"]).await;
}
