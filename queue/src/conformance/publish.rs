//! What publishing promises.

use std::{pin::pin, time::Duration};

use super::{patience::within_turns, subject::Subject};
use crate::{Item, Publication, Published, TopicOptions};

fn plain(topic: &str, id: &str) -> Publication {
    Publication::new(topic, Item::new(id, id.to_owned()))
}

pub(super) async fn what_was_published_is_delivered_as_it_was(subject: Subject) {
    let headers = [("trace", "abc"), ("trace", "def"), ("", "")];
    let item = Item::new("order-17", "two coffees")
        .with_key("table-4")
        .with_bundle("evening")
        .with_headers(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    subject.fresh([Publication::new("orders", item.clone())]).await;
    let mut member = subject.member("orders").await;
    let delivery = member.take().await;
    assert_eq!(delivery.item(), &item);
    assert_eq!(delivery.topic().as_str(), "orders");
}

pub(super) async fn a_batch_is_taken_whole_or_not_at_all(subject: Subject) {
    subject.configure_topic("narrow", TopicOptions::new().with_capacity(1)).await;
    let (mut wide, mut narrow) = (subject.member("wide").await, subject.member("narrow").await);
    let batch = [plain("wide", "a"), plain("narrow", "b"), plain("narrow", "c"), plain("wide", "d")];
    assert!(subject.refused(batch.clone()).await.is_full());
    wide.finds_nothing().await;
    narrow.finds_nothing().await;
    subject.fresh([plain("wide", "a"), plain("narrow", "b"), plain("wide", "d")]).await;
    assert_eq!(wide.drain().await, ["a", "d"]);
    assert_eq!(narrow.drain().await, ["b"]);
}

pub(super) async fn a_dropped_publish_is_whole_or_nothing(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let queue = subject.queue();
    for polls in 0..6 {
        let batch: Vec<_> = (0..3).map(|nth| plain("jobs", &format!("{polls}-{nth}"))).collect();
        let whole: Vec<_> = batch.iter().map(|one| one.item.id().as_str().to_owned()).collect();
        drop(within_turns(polls, pin!(queue.publish(batch.clone()))).await);
        subject.settle().await;
        let mut found = member.drain().await;
        // Published again, as after a lost answer: whatever happened, it is there once.
        subject.send(batch).await;
        if found.is_empty() {
            found = member.drain().await;
        }
        assert_eq!(found, whole, "after {polls} polls");
        member.finds_nothing().await;
    }
}

pub(super) async fn publishing_twice_adds_nothing(subject: Subject) {
    let mut member = subject.member("jobs").await;
    assert_eq!(subject.send([plain("jobs", "a")]).await, [Published::Accepted]);
    let again = subject.send([plain("jobs", "a"), plain("jobs", "b")]).await;
    assert_eq!(again, [Published::Duplicate, Published::Accepted]);
    let delivery = member.take().await;
    assert_eq!(subject.send([plain("jobs", "a")]).await, [Published::Duplicate]);
    member.accept(delivery).await;
    assert_eq!(member.drain().await, ["b"]);
}

pub(super) async fn a_settled_items_id_is_remembered(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["done", "dead"]).await;
    let done = member.take().await;
    member.accept(done).await;
    let dead = member.take().await;
    member.reject(dead, "no use").await;
    let again = subject.send([plain("jobs", "done"), plain("jobs", "dead")]).await;
    assert_eq!(again, [Published::Duplicate, Published::Duplicate]);
    member.finds_nothing().await;
}

pub(super) async fn an_id_is_forgotten_after_its_window(subject: Subject) {
    let minute = Duration::from_secs(60);
    subject.configure_topic("jobs", TopicOptions::new().with_dedupe(minute, 1000)).await;
    let mut member = subject.member("jobs").await;
    subject.put("jobs", &["a"]).await;
    assert_eq!(member.drain().await, ["a"]);
    subject.advance(minute - Duration::from_secs(1)).await;
    assert_eq!(subject.send([plain("jobs", "a")]).await, [Published::Duplicate]);
    subject.advance(Duration::from_secs(2)).await;
    assert_eq!(subject.send([plain("jobs", "a")]).await, [Published::Accepted]);
    assert_eq!(member.drain().await, ["a"]);
}

pub(super) async fn the_oldest_ids_are_forgotten_beyond_their_count(subject: Subject) {
    subject.configure_topic("jobs", TopicOptions::new().with_dedupe(Duration::from_secs(3600), 3)).await;
    let mut member = subject.member("jobs").await;
    for id in ["a", "b", "c", "d"] {
        subject.put("jobs", &[id]).await;
    }
    assert_eq!(member.drain().await, ["a", "b", "c", "d"]);
    let again = subject.send(["b", "c", "d"].map(|id| plain("jobs", id))).await;
    assert_eq!(again, [Published::Duplicate; 3]);
    assert_eq!(subject.send([plain("jobs", "a")]).await, [Published::Accepted]);
}

pub(super) async fn an_id_twice_in_one_batch_counts_once(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let published = subject.send([plain("jobs", "a"), plain("jobs", "a")]).await;
    assert_eq!(published, [Published::Accepted, Published::Duplicate]);
    assert_eq!(member.drain().await, ["a"]);
}

pub(super) async fn an_id_names_an_item_of_its_topic_alone(subject: Subject) {
    let (mut here, mut there) = (subject.member("here").await, subject.member("there").await);
    subject.fresh([plain("here", "a"), plain("there", "a")]).await;
    assert_eq!(here.drain().await, ["a"]);
    assert_eq!(there.drain().await, ["a"]);
}

pub(super) async fn a_batch_without_items_is_published(subject: Subject) {
    assert_eq!(subject.send([]).await, []);
}
