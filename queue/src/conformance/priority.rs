//! What priorities promise.

use super::{member::ids, subject::Subject};
use crate::{Item, Publication};

pub(super) async fn higher_priorities_come_first(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let item = |id: &'static str, priority| Publication::new("jobs", Item::new(id, id)).priority(priority);
    subject.fresh([item("low", 0), item("high", 9), item("top", 255), item("mid", 5)]).await;
    let two = member.ready(2).await;
    assert_eq!(ids(&two), ["top", "high"]);
    subject.fresh([item("late", 7)]).await;
    let rest = member.ready(10).await;
    assert!(ids(&rest).starts_with(&["late".to_owned(), "mid".to_owned()]), "{rest:?}");
}

pub(super) async fn equal_priorities_keep_the_order_of_publishing(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let item = |id: &'static str, priority| Publication::new("jobs", Item::new(id, id)).priority(priority);
    subject.fresh([item("l1", 1), item("h1", 2), item("l2", 1), item("h2", 2)]).await;
    subject.fresh([item("l3", 1), item("h3", 2)]).await;
    assert_eq!(ids(&member.ready(10).await), ["h1", "h2", "h3", "l1", "l2", "l3"]);
}

pub(super) async fn order_beats_priority_within_a_key(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let item = |id: &'static str, priority| {
        Publication::new("jobs", Item::new(id, id).with_key("k")).priority(priority)
    };
    subject.fresh([item("first", 0), item("urgent", 255)]).await;
    subject.fresh([Publication::new("jobs", Item::new("free", "")).priority(1)]).await;
    assert_eq!(member.drain().await, ["free", "first", "urgent"]);
}
