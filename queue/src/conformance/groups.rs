//! What groups promise.

use super::{member::ids, subject::Subject};

pub(super) async fn every_group_gets_every_item(subject: Subject) {
    let mut one = subject.member_of("jobs", "one").await;
    let mut other = subject.member_of("jobs", "other").await;
    subject.put("jobs", &["a", "b"]).await;
    assert_eq!(one.drain().await, ["a", "b"]);
    let held = other.take_many(2).await;
    assert_eq!(ids(&held), ["a", "b"]);
    assert_eq!(subject.counts_of("jobs", "one").await.unsettled(), 0);
    assert_eq!(subject.counts_of("jobs", "other").await.in_flight, 2);
}

pub(super) async fn groups_settle_apart(subject: Subject) {
    let mut one = subject.member_of("jobs", "one").await;
    let mut other = subject.member_of("jobs", "other").await;
    subject.put_keyed("jobs", "k", &["a", "b"]).await;
    let held = one.take().await;
    one.reject(held, "no use").await;
    let held = other.take().await;
    assert_eq!((held.id().as_str(), held.attempt()), ("a", 1));
    other.retry(held, std::time::Duration::ZERO).await;
    assert_eq!(one.drain().await, ["b"]);
    assert_eq!(other.drain().await, ["a", "b"]);
    assert_eq!(subject.counts_of("jobs", "one").await.dead, 1);
    assert_eq!(subject.counts_of("jobs", "other").await.dead, 0);
}

pub(super) async fn the_first_group_takes_the_backlog(subject: Subject) {
    subject.put("jobs", &["a", "b"]).await;
    let mut first = subject.member_of("jobs", "first").await;
    let mut colleague = subject.member_of("jobs", "first").await;
    let held = first.take().await;
    assert_eq!(held.id().as_str(), "a");
    assert_eq!(colleague.drain().await, ["b"]);
}

pub(super) async fn a_later_group_begins_with_what_comes(subject: Subject) {
    subject.put("jobs", &["a"]).await;
    let mut first = subject.member_of("jobs", "first").await;
    subject.put("jobs", &["b"]).await;
    let mut later = subject.member_of("jobs", "later").await;
    later.finds_nothing().await;
    subject.put("jobs", &["c"]).await;
    assert_eq!(later.drain().await, ["c"]);
    assert_eq!(first.drain().await, ["a", "b", "c"]);
}

pub(super) async fn a_group_without_members_goes_on_collecting(subject: Subject) {
    let mut member = subject.member_of("jobs", "steady").await;
    member.close().await;
    drop(member);
    subject.put("jobs", &["a"]).await;
    assert_eq!(subject.counts_of("jobs", "steady").await.ready, 1);
    let mut member = subject.member_of("jobs", "steady").await;
    assert_eq!(member.drain().await, ["a"]);
}
